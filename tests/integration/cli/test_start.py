"""Starts are quick: what a command does not need is not imported."""

import json
import subprocess
import sys

import pytest

from luma_rag.cli import COMMANDS, _Commands, run
from tests.luma_command import Luma

_PROBE = """
import json, sys
from luma_rag.cli import run
try:
    code = run(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print("\\n" + json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
_HEAVY = {"alembic", "asyncpg", "litestar", "numpy", "onnxruntime", "rich", "sqlalchemy", "tokenizers"}


def _imported(environment: dict[str, str], *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code in (0, None) or not arguments, done.stdout
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []], ids=str)
def test_the_top_level_imports_no_command(environment: dict[str, str], arguments: list[str]) -> None:
    assert not _HEAVY & _imported(environment, *arguments)


def test_accounts_need_neither_a_model_nor_http(environment: dict[str, str]) -> None:
    imported = _imported(environment, "users", "list")
    assert "sqlalchemy" in imported
    assert not {"httpx", "litestar", "onnxruntime"} & imported


def test_the_help_of_the_top_level_is_that_of_the_commands() -> None:
    for name, command in _Commands().items():
        line = COMMANDS[name][2]
        assert command.help.startswith(line), name


@pytest.mark.parametrize("arguments", [["users"], ["users", "add"], ["ingest"]], ids=str)
def test_help_has_one_layout(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: luma {' '.join(arguments)} [OPTIONS]")
    assert "\nOptions:\n" in shown


def test_every_command_has_an_example() -> None:
    for name, command in _Commands().items():
        for sub, subcommand in getattr(command, "commands", {name: command}).items():
            assert f"Example: luma {name}" in subcommand.help, (name, sub)


def test_shells_complete_commands_and_options(luma_process: Luma, environment: dict[str, str]) -> None:
    def completed(words: str) -> list[str]:
        environment.update(
            {
                "_LUMA_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split(" ")) - 1),
            }
        )
        return luma_process().stdout.split()

    assert completed("luma na") == ["namespaces"]
    assert completed("luma namespaces sh") == ["show", "share"]
    assert "--namespace" in completed("luma ingest --n")
    del environment["_LUMA_COMPLETE"]
    # The shell that runs the tests may be one without completion, such as that of make.
    environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "true"
    assert "_LUMA_COMPLETE" in luma_process("--show-completion", "bash").stdout
