"""What code in a compromised parser can do with each layer of containment, and what containment costs.

    python -m benchmarks.containment [--files 40] [--rounds 5] [--json]

The stand-in of the tests takes the place of the parser and tries to reach the program, its files, and the
network: without containment, with each layer alone, and with all. An empty field means that it succeeded.

Then small files (a page of PDF, a section of DOCX) are read with and without containment, in alternating
rounds. Times are per file, in milliseconds: elapsed, and of CPU time in the child. Only the latter is valid
on a busy machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from ingest import sandbox
from ingest.sandbox import parse_in_sandbox
from ingest.settings import ParserLimits
from tests import factories

LAYERS = ("landlock", "seccomp", "own user")
COLUMNS = {"without": "none", **{layer: layer for layer in LAYERS}, "contained": ",".join(LAYERS)}
UNCONTAINED = """
from ingest import containment, launcher

def main():
    containment.available = containment.Containment
    launcher.main()
"""


class Times(msgspec.Struct, frozen=True):
    """Medians over the rounds, in milliseconds per file."""

    elapsed: float
    cpu: float


class Report(msgspec.Struct, frozen=True):
    """For each attempt and column the error, empty if the attempt succeeded; and the times."""

    attempts: dict[str, dict[str, str]]
    times: dict[str, Times]


def attempts() -> dict[str, dict[str, str]]:
    """Let the intruder try everything, once per column."""
    found: dict[str, dict[str, str]] = {}
    for column, layers in COLUMNS.items():
        with tempfile.TemporaryDirectory(prefix="luma-") as folder:
            # As /tmp itself: other users may pass.
            Path(folder).chmod(0o755)
            done = subprocess.run(
                [sys.executable, "-m", "tests.integration.ingest.victim", folder, layers],
                env=os.environ | {"LUMA_LLM_API_KEY": "sk-secret"},
                stdout=subprocess.PIPE,
                check=True,
            )
        for attempt, error in json.loads(done.stdout)["attempts"].items():
            found.setdefault(attempt, {})[column] = error
    return found


def times(folder: Path, files: int, rounds: int) -> dict[str, Times]:
    """Read small files with and without containment."""
    paths = [factories.pdf(folder / "page.pdf", "A line of text.\n" * 30)]
    paths.append(factories.word(folder / "section.docx", {"Heading": "A line of text. " * 30}))
    (folder / "uncontained_launcher.py").write_text(UNCONTAINED)
    sys.path.append(str(folder))
    launchers = {"without": "uncontained_launcher", "contained": sandbox._launcher.module}
    measured: dict[str, list[Times]] = {column: [] for column in launchers}
    for _ in range(rounds):
        for column, launcher in launchers.items():
            sandbox._launcher.module = launcher
            measured[column].append(_round(paths, files))
            sandbox.stop()
    return {
        column: Times(
            round(statistics.median(each.elapsed for each in all_rounds), 1),
            round(statistics.median(each.cpu for each in all_rounds), 1),
        )
        for column, all_rounds in measured.items()
    }


def _round(paths: Sequence[Path], files: int) -> Times:
    parse_in_sandbox(paths[0], ParserLimits())
    started = sandbox._launcher._process
    if started is None:
        raise RuntimeError("the launcher was just started")
    launcher = psutil.Process(started.pid)
    before = launcher.cpu_times()
    elapsed = []
    for number in range(files):
        began = time.perf_counter()
        parse_in_sandbox(paths[number % len(paths)], ParserLimits())
        elapsed.append(time.perf_counter() - began)
    after = launcher.cpu_times()
    cpu = sum(getattr(after, name) - getattr(before, name) for name in ("children_user", "children_system"))
    return Times(statistics.median(elapsed) * 1000, cpu / files * 1000)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Show what containment refuses, and what it costs.")
    parser.add_argument("--files", type=int, default=40, help="files per round (default: 40)")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        report = Report(attempts(), times(Path(folder), arguments.files, arguments.rounds))
    if arguments.json:
        print(msgspec.json.encode(report).decode())
        return
    print(f"{'attempt':36}" + "".join(f"{column:12}" for column in COLUMNS))
    for attempt, errors in report.attempts.items():
        print(f"{attempt:36}" + "".join(f"{errors[column]:12}" for column in COLUMNS))
    for column, each in report.times.items():
        print(f"{column}: {each.elapsed} ms per file, {each.cpu} ms of CPU")


if __name__ == "__main__":
    main()
