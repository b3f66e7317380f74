import sys
from pathlib import Path

import pytest

from ingest.containment import Containment
from ingest.settings import IngestSettings
from luma_rag.cli.doctor import _containment, _recognition
from luma_rag.settings import Settings
from tests import factories
from tests.integration.cli.conftest import Command


@pytest.mark.parametrize(
    ("layers", "system", "root", "state", "detail"),
    [
        (Containment(7, seccomp=True), "Linux", False, "ok", "full: Landlock, seccomp"),
        (Containment(1, True, True), "Linux", True, "ok", "full: Landlock, seccomp, a user of their own"),
        (
            Containment(7, seccomp=True),
            "Linux",
            True,
            "note",
            "partial: Landlock, seccomp; a user of their own needs",
        ),
        (Containment(seccomp=True), "Linux", False, "note", "partial: seccomp; Landlock needs Linux 5.13"),
        (Containment(7), "Linux", False, "note", "partial: Landlock; seccomp needs x86-64 or ARM64"),
        (Containment(), "Linux", False, "note", "none: only limits on time and output; Landlock needs"),
        (Containment(), "Darwin", False, "note", "none: only limits on time and output; Darwin has neither"),
    ],
)
def test_doctor_says_what_contains_parsers(
    layers: Containment, system: str, root: bool, state: str, detail: str
) -> None:
    check = _containment(layers, system, root=root)
    assert check.state == state
    assert check.detail.startswith(detail)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux contains parsers")
def test_doctor_reports_the_containment_of_this_system(command: Command) -> None:
    checks = {check["name"]: check for check in command("doctor", "--json").json}
    assert checks["containment"]["state"] == "ok"
    assert checks["containment"]["detail"].startswith("full: Landlock, seccomp")


@pytest.mark.parametrize(
    ("is_installed", "is_wanted", "state", "detail"),
    [
        (True, True, "ok", "RapidOCR"),
        (True, False, "note", "LUMA_INGEST_OCR"),
        (False, True, "note", "pip install 'luma-rag[ocr]'"),
    ],
)
async def test_doctor_says_whether_scans_are_recognized(
    is_installed: bool, is_wanted: bool, state: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.recognition.is_installed", lambda: is_installed)
    check = await _recognition(Settings(ingest=IngestSettings(ocr=is_wanted)))
    assert check.state == state
    assert detail in check.detail


@pytest.mark.usefixtures("people")
def test_doctor_counts_documents_to_be_read_again(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMA_INGEST_OCR", "false")

    def database() -> tuple[str, str]:
        (check,) = (check for check in command("doctor", "--json").json if check["name"] == "database")
        return check["state"], check["detail"].rpartition("up to date")[2]

    command("ingest", str(factories.handbook(tmp_path)), "-n", "papers")
    assert database() == ("ok", "")
    command("ingest", str(factories.book_with_a_scan(tmp_path)), "-n", "papers")
    assert database() == ("note", "; documents with pages that were not read: 1 (luma reread --incomplete)")
    monkeypatch.setattr("luma_rag.cli.doctor.READER_VERSION", 1000)
    assert database()[1].endswith("; documents that an earlier version has read: 2 (luma reread)")
