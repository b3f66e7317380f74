"""What pip-audit says is judged: on reports as it wrote them."""

import msgspec
import pytest

from tests.security.check_packages import Report, judged, locked_names

FOUND = b"""{"dependencies": [
  {"name": "jinja2", "version": "2.4.1", "vulns": [
    {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"]},
    {"id": "PYSEC-2014-8", "fix_versions": [], "aliases": ["CVE-2014-1402"]}]},
  {"name": "idna", "version": "3.10", "vulns": []}], "fixes": []}"""
SKIPPED = b"""{"dependencies": [
  {"name": "idna", "version": "3.10", "vulns": []},
  {"name": "alembic",
   "skip_reason": "Dependency not found on PyPI and could not be audited: alembic (1.20.1)"}
  ], "fixes": []}"""


def _report(text: bytes) -> Report:
    return msgspec.json.decode(text, type=Report)


def test_every_known_vulnerability_fails() -> None:
    result = judged(_report(FOUND), ["idna", "jinja2"], {})
    assert result.is_failed
    assert result.lines == [
        "jinja2 2.4.1: PYSEC-2019-217, fixed in 2.10.1",
        "jinja2 2.4.1: PYSEC-2014-8, fixed in no version",
    ]


def test_one_that_was_explained_passes_by_any_of_its_names() -> None:
    accepted = {"CVE-2019-10906": "no sandbox is used", "PYSEC-2014-8": "no bytecode cache is used"}
    assert not judged(_report(FOUND), ["idna", "jinja2"], accepted).is_failed
    assert judged(_report(FOUND), ["idna", "jinja2"], {"PYSEC-2014-8": "…"}).is_failed


def test_an_explanation_that_is_not_needed_any_more_fails() -> None:
    accepted = {"CVE-2019-10906": "…", "PYSEC-2014-8": "…", "CVE-2000-1": "…"}
    result = judged(_report(FOUND), ["idna", "jinja2"], accepted)
    assert result.lines == ["CVE-2000-1 does not come up any more: take it out of ACCEPTED"]
    assert result.is_failed


@pytest.mark.parametrize("must_be_complete", [False, True])
def test_what_could_not_be_audited_is_said_and_fails_a_release(must_be_complete: bool) -> None:
    result = judged(_report(SKIPPED), ["alembic", "idna"], {}, must_be_complete=must_be_complete)
    assert result.is_failed == must_be_complete
    assert result.lines[0].startswith("WARNING: 1 of 2 packages could not be audited")
    assert result.lines[0].endswith(": alembic")


def test_no_report_is_no_clean_report() -> None:
    result = judged(Report([]), ["alembic", "idna"], {})
    assert result.lines[0].startswith("WARNING: 2 of 2 packages could not be audited")
    assert judged(Report([]), ["idna"], {}, must_be_complete=True).is_failed


def test_a_vulnerability_fails_also_where_others_were_skipped() -> None:
    assert judged(_report(FOUND), ["idna", "jinja2", "alembic"], {}).is_failed


def test_all_is_well_only_when_all_were_audited() -> None:
    report = Report([package for package in _report(SKIPPED).dependencies if package.name == "idna"])
    result = judged(report, ["idna"], {})
    assert result.lines == ["All 1 packages were audited; none has a known vulnerability."]
    assert not result.is_failed


def test_names_of_a_lock_file_are_normalised() -> None:
    assert locked_names("Jinja2==3.1\ntyping_extensions==4\n# no\nruamel.yaml==1\n") == [
        "jinja2",
        "typing-extensions",
        "ruamel-yaml",
    ]
