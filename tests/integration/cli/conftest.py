"""Commands that run in the process of the test."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from luma_rag.cli import output, run
from tests.api import PASSWORD


class Result(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out)


Command = Callable[..., Result]


@pytest.fixture
def command(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Command:
    """Runs the command in this process, which is quicker: `command("users", "list")`."""
    for name, value in environment.items():
        if name.startswith("LUMA_"):
            monkeypatch.setenv(name, value)
    # The consoles read COLUMNS once, when the first test of this process imports them.
    for console in (output.console, output.errors):
        monkeypatch.setattr(console, "_width", 300)
    monkeypatch.chdir(tmp_path)

    def run_here(*arguments: str, input: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(input))
        code = run(list(arguments))
        return Result(code, *capfd.readouterr())

    return run_here


@pytest.fixture
def people(command: Command) -> None:
    """The administrator root, and the users alice and bob."""
    for name in ("root", "alice", "bob"):
        added = command(
            "users", "add", name, f"{name}@example.com", "--password-stdin", input=f"{PASSWORD}\n"
        )
        assert added.code == 0, added.err
