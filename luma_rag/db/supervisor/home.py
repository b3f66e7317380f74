"""The files of the embedded Postgres, shared by its supervisor and its users."""

import contextlib
import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX

# The path of a socket has at most 107 bytes on Linux and 103 on macOS; "/.s.PGSQL.5432" takes 14 of them.
LONGEST_SOCKET_DIRECTORY = 89


class Postmaster(NamedTuple):
    """The contents of `postmaster.pid`: the process id, and whether it accepts connections."""

    pid: int
    ready: bool


@dataclass(frozen=True)
class Home:
    """The directory `<data_dir>/postgres`, with symlinks resolved so that all paths to it agree."""

    path: Path

    @property
    def cluster(self) -> Path:
        """The data directory of Postgres."""
        return self.path / "cluster"

    @property
    def log(self) -> Path:
        """The messages of Postgres and of the supervisor."""
        return self.path / "postgres.log"

    @property
    def stopped(self) -> Path:
        """A file that asks the supervisor to stop, and users not to restart Postgres."""
        return self.path / "stopped"

    @property
    def socket_directory(self) -> Path:
        """The directory of the Unix socket: the cluster, unless its path is unsuitable for a socket."""
        path = os.fsencode(self.cluster)
        # In a connection URL a comma separates hosts.
        if len(path) <= LONGEST_SOCKET_DIRECTORY and b"," not in path:
            return self.cluster
        # Not XDG_RUNTIME_DIR: it disappears at logout, and the server may stay.
        return Path("/tmp") / f"luma-{hashlib.sha256(path).hexdigest()[:16]}"  # noqa: S108 - checked before use

    def open_lock(self, name: Literal["users", "supervisor"]) -> int:
        """Open a lock file; its lock is released once every copy of the descriptor is closed."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.path / f"{name}.lock", flags, 0o600)

    def open_log(self) -> int:
        """Open the log for appending, which stays right when the log is truncated meanwhile."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.log, flags, 0o600)

    def log_tail(self, start: int = 0, lines: int = 12) -> str:
        """Return the last lines of the log after byte `start`."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                # A log that is now shorter was truncated: all of it is new.
                file.seek(max(start if start <= size else 0, size - 16_384))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def postmaster(self) -> Postmaster | None:
        """Read `postmaster.pid`, which is stale if Postgres was killed."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            return Postmaster(int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready")
        except (OSError, ValueError, IndexError):
            return None

    def is_supervised(self) -> bool:
        """Whether a supervisor is running, or being started."""
        with contextlib.suppress(FileNotFoundError):
            lock = self.open_lock("supervisor")
            try:
                # Shared, so that two checks at once don't see each other.
                return not try_lock(lock, SHARED)
            finally:
                os.close(lock)
        return False


def try_lock(descriptor: int, operation: int) -> bool:
    """Take a lock without waiting; return whether that worked."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Release a lock and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
