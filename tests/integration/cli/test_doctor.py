import sys

import pytest

from ingest.containment import Containment
from luma_rag.cli.doctor import _containment
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
