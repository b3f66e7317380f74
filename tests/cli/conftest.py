import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from luma_rag.settings import Settings

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
