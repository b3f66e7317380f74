"""Starts Python in a child process that imports nothing from the current folder."""

import os
import sys
from pathlib import Path

# What children need to find programs, libraries, devices, certificates, the database, and a trace collector.
_VARIABLES = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"})
_PREFIXES = (
    *("CUDA_", "DYLD_", "GGML_", "HIP_", "KRB5", "LC_", "LD_", "MALLOC_", "NVIDIA_", "OMP_", "OTEL_", "PG"),
    *("PYTHON", "SSL_CERT_"),
)


def command(module: str, *arguments: str) -> list[str]:
    """A command that calls `main()` of a module, with these arguments and the search path of this program.

    `python -m` would import a `queue.py` or `email.py` of the current folder in place of Python's own. `-I`
    leaves out that folder, the user's packages, and what `PYTHON…` variables say; the path is passed instead,
    so that this works from a source tree too.
    """
    end = 1 + len(arguments)
    code = (
        f"import sys; sys.path[:] = sys.argv[{end}:]; del sys.argv[{end}:]; "
        f"import {module} as module; module.main()"
    )
    return [sys.executable, "-I", "-c", code, *arguments, *search_path()]


def environment() -> dict[str, str]:
    """The environment for a child, without Luma's variables and without secrets of other programs."""
    return {
        name: value for name, value in os.environ.items() if name in _VARIABLES or name.startswith(_PREFIXES)
    }


def search_path() -> list[str]:
    """`sys.path`, with the current folder and the folder of the program last, where they replace nothing."""
    program = Path(sys.argv[0]).resolve().parent if sys.argv and sys.argv[0] else Path.cwd()
    last = {os.path.realpath(folder) for folder in (Path.cwd(), program)}
    return sorted(map(os.path.abspath, sys.path), key=lambda folder: os.path.realpath(folder) in last)
