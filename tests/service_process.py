"""`luma serve` in a separate process."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest


@contextmanager
def serving(folder: Path, *, open_files: int | None = None, **settings: str) -> Iterator[str]:
    """`luma serve` on a free port, with a limit on its open files."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from luma_rag.cli import main; main()", "serve", "--port", "0"],
            env=environ | {"LUMA_DATA_DIR": str(folder / "data")} | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if open_files is not None:
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_NOFILE, (open_files, open_files))
    try:
        yield wait_until_ready(process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        said = log.read_text(errors="replace")
        if ready := re.search(r"Luma is ready at (http://\S+)", said):
            return ready[1]
        assert process.poll() is None, said
        time.sleep(0.05)
    pytest.fail(f"luma serve was not ready in time:\n{said}")
