"""The reference of the command line, from the help texts of the commands."""

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import typer
from typer.testing import CliRunner

from luma_rag.cli import app

INTRODUCTION = """# Command line

Every command reads its [settings](../configuration.md) and works on the data directory and the database
that they name. Commands don't need a running `luma serve`. A failed command prints one message to
standard error and exits with status 1, or 2 if its arguments don't fit. With `--json` the error is an
object on standard output: `{"error": {"code", "title", "detail", "errors"}}`. `luma --install-completion`
makes the shell complete commands.
"""


def cli_page() -> str:
    """The Markdown of the page."""
    return "\n".join([INTRODUCTION, *_sections(typer.main.get_command(app), ())])


def _sections(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    if path:
        yield f"{'#' * (len(path) + 1)} luma {' '.join(path)}\n\n```text\n{_help(path)}\n```\n"
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from _sections(subcommand, (*path, name))


def _help(path: tuple[str, ...]) -> str:
    # A terminal of a fixed width, or the text would depend on where it is generated.
    with mock.patch.dict(os.environ, {"TERMINAL_WIDTH": "90", "COLUMNS": "90", "NO_COLOR": "1"}):
        return CliRunner().invoke(app, [*path, "--help"], prog_name="luma").stdout.strip()
