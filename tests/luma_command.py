import contextlib
import functools
import io
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest

from luma_rag import cli, runtime
from luma_rag.cli import output
from luma_rag.settings import Settings

Luma = Callable[..., "subprocess.CompletedProcess[str]"]

# Loaded once for all commands.
_embedder = functools.cache(runtime.Embedder)


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
    """Runs the command in this process: `luma("users", "list")`."""

    def run(*arguments: str, input: str | None = None) -> "subprocess.CompletedProcess[str]":
        done = subprocess.CompletedProcess(["luma", *arguments], 0, "", "")
        out, err = io.StringIO(), io.StringIO()

        def call() -> None:
            try:
                cli.main()
            except SystemExit as exit:
                done.returncode = exit.code if isinstance(exit.code, int) else int(exit.code is not None)

        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            patch.object(sys, "stdin", io.StringIO(input or "")),
            patch.object(sys, "argv", done.args),
            patch.object(output.console, "_width", 300),
            patch.object(output.errors, "_width", 300),
            patch.object(runtime, "Embedder", _embedder),
            patch.dict(os.environ, environment, clear=True),
            ThreadPoolExecutor(1) as thread,
        ):
            # A thread has neither an event loop nor context variables of the test.
            thread.submit(call).result()
        done.stdout, done.stderr = out.getvalue(), err.getvalue()
        return done

    return run


@pytest.fixture
def luma_process(environment: dict[str, str]) -> Luma:
    """Runs the command in a separate process."""

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
