"""Kills `luma sync` at random moments while its folder changes; nothing may be lost, left over, or doubled.

python -m tests.slow.sync_kills --rounds 20
"""

import argparse
import hashlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from luma_rag.db.embedded import stop

_FILES = 30
_LINES = 40


class Folder:
    """A folder that changes in every way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._numbers = itertools.count(1)
        for _ in range(_FILES):
            self.add()

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.path.rglob("*") if path.is_file())

    def add(self) -> None:
        self._write(self.path / f"part {random.randrange(3)}" / f"file {next(self._numbers)}.txt")

    def change(self) -> None:
        """Change, move, swap, copy, overwrite and delete some files, and add some."""
        for _ in range(3):
            self._write(random.choice(self.files))
            file = random.choice(self.files)
            file.rename(file.with_name(f"moved {next(self._numbers)}.txt"))
            self.add()
        one, two, three, four = random.sample(self.files, 4)
        aside = one.with_name("aside")
        one.rename(aside)
        two.rename(one)
        aside.rename(two)
        three.rename(four)
        source, copy = random.sample(self.files, 2)
        copy.write_bytes(source.read_bytes())
        random.choice(self.files).unlink()

    def _write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        number = next(self._numbers)
        lines = (f"Rule {number}.{line}: do it {number * line} times." for line in range(_LINES))
        file.write_text("\n".join(lines))


class Command:
    """`luma` in processes of their own."""

    def __init__(self, environment: Mapping[str, str], source: Path) -> None:
        self._environment = environment
        self._sync = ["sync", str(source), "--namespace", "rules", "--delete", "--json"]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        call = [sys.executable, "-c", "from luma_rag.cli import main; main()", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(call, env=self._environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str, text: str = "") -> Any:
        """What a command prints, decoded."""
        out, err = (process := self.start(*arguments)).communicate(text, timeout=300)
        assert process.returncode == 0, (arguments, out, err)
        return json.loads(out) if "--json" in arguments else out

    def sync(self) -> Any:
        return self.run(*self._sync)

    def kill_sync(self, seconds: float) -> bool:
        """Kill a run after some seconds. Whether it was still running."""
        process = self.start(*self._sync)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
        return False


def run(
    command: Command, folder: Folder, rounds: int, say: Callable[[str], None] = print
) -> tuple[int, list[str]]:
    """Kill `rounds` runs. Returns how many were still running, and what is wrong in the end."""
    command.run(
        "users", "add", "root", "root@example.com", "--admin", "--password-stdin", text="long enough\n"
    )
    command.sync()
    began = time.monotonic()
    command.sync()
    # To look and find nothing; the kills come from shortly before that to some seconds after.
    shortest = time.monotonic() - began
    killed = 0
    for number in range(1, rounds + 1):
        folder.change()
        after = shortest * 0.7 + random.uniform(0, 3)
        killed += command.kill_sync(after)
        say(f"{number}: after {after:.1f} s")
    counts = command.sync()["counts"]
    say(f"The last run: {counts}")
    return killed, complaints(command, folder)


def complaints(command: Command, folder: Folder) -> list[str]:
    """What is not as it should be after a complete run."""
    contents: dict[str, list[Path]] = {}
    for file in folder.files:
        contents.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), []).append(file)
    listed = command.run("documents", "list", "--json")
    documents = {
        document["file_metadata"]["sha256"]: document
        for document in (listed["items"] if isinstance(listed, dict) else listed)
    }
    found = [f"{paths} is not stored" for sha256, paths in contents.items() if sha256 not in documents]
    for sha256, document in documents.items():
        paths = contents.get(sha256)
        if paths is None:
            found.append(f"document {document['id']} ({document['title']}) is left over")
        elif document["state"] != "ready":
            found.append(f"document {document['id']} of {paths} is {document['state']}")
    again = {action: count for action, count in command.sync()["counts"].items() if count}
    if again != {"unchanged": len(folder.files)}:
        found.append(f"one more run: {again}")
    verified = command.run("verify", "--deep", "--json")
    return found + [f"verify: {finding}" for finding in verified["findings"]]


def main() -> None:
    """Run the loop from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-sync-") as name:
        data, source = Path(name) / "data", Path(name) / "source"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LUMA_")}
        command = Command(environment | {"LUMA_DATA_DIR": str(data)}, source)
        try:
            killed, found = run(command, Folder(source), options.rounds)
        finally:
            stop(data)
    print(f"{options.rounds} rounds, {killed} killed, {len(found)} complaints", *found, sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
