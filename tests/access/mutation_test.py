"""Introduces leaks into a copy of the code, one at a time, and checks that the tests find each.

    python -m tests.access.mutation_test [WORD …]

With words, only the mutants that have one of them in their leak or description. Fails if the text to be
replaced is gone, if the tests miss a mutant, or if they fail without one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from luma_rag.db.embedded import running, stop
from tests.access.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
_COPIED = ("luma_rag", "ingest", "migrations", "tests", "docs", "pyproject.toml")


def places(mutant: Mutant, root: Path = ROOT) -> list[Path]:
    """The files of the package in which the mutant's text stands."""
    return [path for path in sorted((root / "luma_rag").rglob("*.py")) if mutant.old in path.read_text()]


def found(mutant: Mutant, server_url: str) -> list[str]:
    """The tests that fail when it is mutated; empty where none does.

    Raises:
        LookupError: its text is no longer in the code.
    """
    with tempfile.TemporaryDirectory(prefix="luma-mutated-") as folder:
        copy(Path(folder))
        mutated = places(mutant, Path(folder))
        if not mutated:
            raise LookupError(f"no longer in the code: {mutant.old!r}")
        for path in mutated:
            path.write_text(path.read_text().replace(mutant.old, mutant.new))
        return failures(Path(folder), mutant.seen_by, server_url)


def copy(folder: Path) -> None:
    """Copy the code and its tests."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def failures(folder: Path, tests: Iterable[str], server_url: str) -> list[str]:
    """The tests that fail in the copy, up to the first; `server_url` is that of the Postgres they use.

    Raises:
        RuntimeError: the tests could not be run.
    """
    environment = os.environ | {"PYTHONPATH": str(folder), "LUMA_TEST_POSTGRES": server_url}
    # The options of the run that this may be a part of are not for it.
    environment = {name: value for name, value in environment.items() if not name.startswith("PYTEST_")}
    # Compiling the libraries again would take longer than the tests.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "luma-mutated-pycache")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no"]
    command += ["-p", "pytest_asyncio.plugin", "-p", "pytest_timeout"]
    ran = subprocess.run(
        [*command, *(f"tests/{name}" for name in tests)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    # 1: some failed. An ERROR, say in a fixture or an import, finds no leak.
    failed = re.findall(r"^FAILED (.+?)(?: - .*)?$", ran.stdout, re.MULTILINE)
    if ran.returncode not in (0, 1) or (ran.returncode == 1 and not failed):
        raise RuntimeError(f"the tests did not run:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return failed


def main(words: list[str]) -> int:
    """Plant, test and report; returns the exit status."""
    wanted = [p for p in MUTANTS if not words or any(word in f"{p.leak} {p.what}" for word in words)]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="luma-") as database:
        try:
            with (
                running(Path(database), grace=0) as url,
                tempfile.TemporaryDirectory(prefix="luma-") as plain,
            ):
                copy(Path(plain))
                if failed := failures(Path(plain), {name for p in wanted for name in p.seen_by}, url):
                    print(f"With nothing mutated: {', '.join(failed)}")
                    return 1
                for mutant in wanted:
                    began = time.monotonic()
                    try:
                        seen_by = found(mutant, url)
                    except LookupError as error:
                        seen_by, said = [], str(error)
                    else:
                        said = ", ".join(name.removeprefix("tests/") for name in seen_by) or "NOT FOUND"
                    missed += not seen_by
                    print(f"{mutant.leak}: {mutant.what}\n    {said} ({time.monotonic() - began:.0f} s)")
                    sys.stdout.flush()
        finally:
            stop(Path(database))
    print(f"{len(wanted) - missed} of {len(wanted)} found.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
