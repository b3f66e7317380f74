import subprocess
import sys
from pathlib import Path

import pytest

from ingest import sandbox

PLANTED = "open({marker!r}, 'a').write(__name__)\n"
CHILD = "import email, queue\ndef main(): print(queue.__file__, email.__file__)\n"
# What `python -m program` does, in a program that has started without harm.
START = "import sys, {module}; sys.path.insert(0, {first!r})\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The current folder: a module of the program, and files with the names of Python's modules."""
    for name in ("queue", "email"):
        (tmp_path / f"{name}.py").write_text(PLANTED.format(marker=str(tmp_path / "marker")))
    (tmp_path / "child.py").write_text(CHILD)
    return tmp_path


def run(folder: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(Path(sandbox.__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


@pytest.mark.parametrize("first", ["", "."])
def test_modules_beside_the_program_replace_none_of_others(folder: Path, first: str) -> None:
    start = START.format(module="email, queue, subprocess, ingest.isolated", first=first)
    found = run(folder, f"{start}subprocess.run(ingest.isolated.command('child'), check=True)")
    assert str(folder) not in found
    assert "queue.py" in found
    assert not (folder / "marker").exists()
    # With the path as it is, the planted files would be found.
    run(folder, f"{start}subprocess.run([sys.executable, '-m', 'child'], check=False)")
    assert (folder / "marker").read_text().startswith("email")


def test_the_launcher_imports_nothing_of_the_current_folder(folder: Path) -> None:
    start = START.format(module="ingest.sandbox", first="")
    assert "Containment(" in run(folder, f"{start}print(ingest.sandbox.containment())")
    assert not (folder / "marker").exists()
