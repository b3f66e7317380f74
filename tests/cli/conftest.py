import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from luma_rag.cli import run
from luma_rag.settings import Settings
from tests.api import PASSWORD

Luma = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """An environment in which `luma` finds the test's database."""
    ours = {
        "LUMA_DATABASE_URL": settings.database_url or "",
        "LUMA_DATA_DIR": str(settings.data_dir),
        "COLUMNS": "300",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")} | ours


@pytest.fixture
def luma(environment: dict[str, str]) -> Luma:
    """Runs the real command: `luma("users", "list")`."""

    def run(*arguments: str, input: str | None = None) -> "subprocess.CompletedProcess[str]":
        command = str(Path(sys.executable).with_name("luma"))
        return subprocess.run(
            [command, *arguments],
            env=environment,
            input=input,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


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
    monkeypatch.setenv("COLUMNS", "300")
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
