"""The supervisor: starts Postgres, and stops it once no user is left.

Run by path. Arguments: home, directory of the programs, descriptor of `supervisor.lock`, grace period.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

# Last, so that nothing beside luma_rag can stand in for another module.
sys.path.append(str(Path(__file__).resolve().parents[3]))

from luma_rag.db.supervisor.cluster import Cluster
from luma_rag.db.supervisor.home import EXCLUSIVE, Home, try_lock, unlock
from luma_rag.errors import ConfigurationError

LOG_LIMIT = 8 * 1024 * 1024


def supervise(home: Home, programs: Path, grace: float) -> None:
    """Start Postgres; return once it has ended, or was stopped for want of users or on request."""
    if not home.cluster.exists():
        _log("creating the database, which happens once")
    cluster = Cluster(home, programs)
    cluster.prepare()
    server = cluster.start()
    users = home.open_lock("users")
    try:
        _watch(home, server, users, grace)
    finally:
        cluster.stop(server)
    _log(f"Postgres ended with {server.returncode}")
    if home.socket_directory != home.cluster:
        with contextlib.suppress(OSError):
            home.socket_directory.rmdir()


def _watch(home: Home, server: subprocess.Popen[bytes], users: int, grace: float) -> None:
    """Return once Postgres has ended, is to stop, or had no user for the grace period.

    In the last case the lock is kept, so that new users wait until this process has ended.
    """
    unused_since: float | None = None
    while server.poll() is None and not home.stopped.exists():
        found = home.postmaster()
        # Recovery goes on without users: interrupted, it would start over at the next start.
        if found is None or not found.ready or not try_lock(users, EXCLUSIVE):
            unused_since = None
        else:
            unused_since = unused_since or time.monotonic()
            if time.monotonic() - unused_since >= grace:
                return
            unlock(users)
        _limit_log(home)
        time.sleep(min(0.5, max(grace / 4, 0.05)))


def _limit_log(home: Home) -> None:
    with contextlib.suppress(OSError):
        if home.log.stat().st_size > LOG_LIMIT:
            # Copied and truncated, not renamed: Postgres keeps its file open.
            with contextlib.suppress(OSError):  # a full disk
                shutil.copyfile(home.log, home.path / "postgres.log.1")
            os.truncate(home.log, 0)


def _log(message: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    print(f"{now} [{os.getpid()}] supervisor: {message}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    """Supervise in the background. Standard error is the log, in which users find why a start failed."""
    home, programs, lock, grace = arguments
    # The user waits for this process, so that its child does not become a zombie.
    if os.fork() != 0:
        os._exit(0)
    os.set_inheritable(int(lock), False)
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit())
    try:
        supervise(Home(Path(home)), Path(programs), float(grace))
    except (ConfigurationError, OSError) as error:
        _log(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
