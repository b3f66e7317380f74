"""The home of the embedded Postgres: its files, its locks, and its supervisor's status."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX

State = Literal["starting", "ready", "stopping", "stopped", "failed"]
Lock = Literal["users", "start", "supervisor"]


@dataclass(frozen=True)
class Status:
    """The supervisor's status.

    `run` is a random name for one lifetime of a supervisor. `message` is for users: the current progress, or
    the reason of a failure and the fix. `socket` is the directory of the Unix socket. `supervisor` and
    `postgres` are process ids.
    """

    run: str
    state: State
    message: str = ""
    socket: str | None = None
    supervisor: int | None = None
    postgres: int | None = None


@dataclass(frozen=True)
class Home:
    """The directory `<data_dir>/postgres`, with symlinks resolved so that all paths to it agree."""

    path: Path

    @property
    def cluster(self) -> Path:
        """Postgres's data directory."""
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        """The log of Postgres and the supervisor, oldest first."""
        return self.path / "postgres.log"

    @property
    def configuration(self) -> Path:
        """Rewritten at every start."""
        return self.path / "postgresql.conf"

    def open_lock(self, name: Lock) -> int:
        """Open one of the lock files; the lock is released when all copies of the descriptor are closed."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.path / f"{name}.lock", flags, 0o600)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Hold `start.lock`."""
        lock = self.open_lock("start")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def open_log(self) -> int:
        """Open the log for appending, which stays correct if the log is truncated meanwhile."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.log, flags, 0o600)

    def log_tail(self, start: int = 0, lines: int = 12) -> str:
        """The last lines of the log after byte `start`."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                # A log that became shorter was rotated, so all of it is new.
                file.seek(max(start if start <= size else 0, size - 16_384))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def write(self, name: str, content: str, mode: int = 0o600) -> None:
        """Replace a file atomically: a reader sees the old content or the new.

        Only for the holder of `supervisor.lock`, which has no concurrent writer.
        """
        temporary = self.path / f".{name}.new"
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        temporary.replace(self.path / name)

    def write_status(self, status: Status) -> None:
        """Write the status. Only for the holder of `supervisor.lock`."""
        self.write("status.json", json.dumps(asdict(status)))

    def read_status(self) -> Status | None:
        """The last status; None if there is none, or if a power failure left it unreadable."""
        try:
            return Status(**json.loads((self.path / "status.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


def try_lock(descriptor: int, operation: int) -> bool:
    """Acquire a lock without waiting. Returns whether that succeeded."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Release a lock and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
