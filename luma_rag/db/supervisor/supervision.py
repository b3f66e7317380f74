"""The process that owns the cluster: starts Postgres, restarts it, and stops it when it has no users."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

from luma_rag.db.supervisor.account import server_account
from luma_rag.db.supervisor.cluster import Cluster
from luma_rag.db.supervisor.home import EXCLUSIVE, Home, State, Status, try_lock, unlock
from luma_rag.errors import ConfigurationError

STARTS_TRIED = 4
FIRST_PAUSE = 0.2  # doubled after every failure
STEADY_AFTER = 60.0  # after running this long, Postgres gets STARTS_TRIED attempts again
LOG_LIMIT = 8 * 1024 * 1024
# Timeouts for a fast and an immediate shutdown, after which Postgres is killed. No step loses committed data.
STOP_STEPS = ((signal.SIGINT, 120.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


class Supervisor:
    """One lifetime of the embedded Postgres. `grace` is in seconds; `lock` is the held `supervisor.lock`."""

    def __init__(self, home: Home, binaries: Path, run: str, lock: int, grace: float) -> None:
        self.home = home
        self._binaries = binaries
        self._lock = lock
        self._grace = grace
        self._tick = min(1.0, max(grace / 4, 0.05))
        self._users = home.open_lock("users")
        self._unused_since: float | None = None
        self._left = False
        self._stop_asked = False
        self._status = Status(run=run, state="starting", supervisor=os.getpid())
        self._wakeup, writing = os.pipe()
        for end in (self._wakeup, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def run(self) -> None:
        """Supervise until Postgres has no users, a stop is requested, or it can't be kept running."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the signal only has to interrupt the sleep
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        try:
            self._supervise()
        except ConfigurationError as error:
            self._fail(error.detail)
        except Exception as error:  # report any error to the waiting users
            traceback.print_exc()
            self._fail(f"The embedded Postgres could not be started: {error}. See {self.home.log}.")
        finally:
            os.close(self._lock)
            os.close(self._users)

    def _supervise(self) -> None:
        self._say("starting Postgres")
        cluster = Cluster(self.home, self._binaries, server_account(self.home.cluster))
        failures = 0
        while True:
            socket = cluster.prepare(self._say)
            output = self.home.open_log()
            log_start = os.fstat(output).st_size
            self._say("starting Postgres")
            try:
                server = cluster.start(socket, output)
            finally:
                os.close(output)
            try:
                ready_at = self._watch(cluster, server, socket, log_start)
            finally:
                if server.poll() is None:
                    self._stop(server)
            if self._stop_asked or self._left:
                if socket != cluster.path:
                    with contextlib.suppress(OSError):
                        socket.rmdir()
                self._set("stopped")
                return
            steady = ready_at is not None and time.monotonic() - ready_at > STEADY_AFTER
            failures = 1 if steady else failures + 1
            _log(f"Postgres ended with {server.returncode}, failure {failures} of {STARTS_TRIED}")
            if failures == STARTS_TRIED:
                raise ConfigurationError(
                    f"The embedded Postgres does not start (tried {failures} times). The end of "
                    f"{self.home.log}:\n{self.home.log_tail(log_start)}\n"
                    "Do what that says, or set LUMA_DATABASE_URL to a Postgres of your own."
                )
            self._status = replace(self._status, socket=None, postgres=None)
            self._set("starting", "starting Postgres again after a failure")
            self._wait(FIRST_PAUSE * 2**failures)

    def _watch(
        self, cluster: Cluster, server: subprocess.Popen[bytes], socket: Path, log_start: int
    ) -> float | None:
        """Wait until Postgres has exited or is to stop. Returns the time it became ready, None if never."""
        began = time.monotonic()
        while server.poll() is None and not self._stop_asked:
            # Recovery is never interrupted when its users time out: the next start would have to begin again.
            if cluster.is_ready(server.pid):
                break
            if time.monotonic() - began > 2:
                self._say(f"starting Postgres: {self._last_message(log_start)}")
            self._wait(0.02)
        else:
            return None
        ready_at = time.monotonic()
        _log(f"ready after {ready_at - began:.2f} s")
        self._status = replace(self._status, socket=str(socket), postgres=server.pid)
        self._set("ready")
        while server.poll() is None and not self._stop_asked and not self._unused():
            self._limit_log()
            self._wait(self._tick)
        return ready_at

    def _unused(self) -> bool:
        """Whether Postgres had no users for the grace period. If so, no user can appear until this process
        exits.
        """
        if not try_lock(self._users, EXCLUSIVE):
            self._unused_since = None
            return False
        now = time.monotonic()
        if self._unused_since is None:
            self._unused_since = now
        self._left = now - self._unused_since >= self._grace
        if not self._left:
            unlock(self._users)
        return self._left

    def _stop(self, server: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(OSError):  # stopping is more important than reporting it
            self._set("stopping", "stopping Postgres")
        for number, patience in STOP_STEPS:
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(patience)
                return

    def _wait(self, seconds: float) -> None:
        """Sleep, interrupted by signals."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._wakeup, 512):
                    pass

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True

    def _say(self, message: str) -> None:
        if (self._status.state, self._status.message) != ("starting", message):
            self._set("starting", message)

    def _set(self, state: State, message: str = "") -> None:
        self._status = replace(self._status, state=state, message=message)
        self.home.write_status(self._status)

    def _fail(self, message: str) -> None:
        _log(message)
        with contextlib.suppress(OSError):
            self._set("failed", message)

    def _last_message(self, log_start: int) -> str:
        last = self.home.log_tail(log_start, lines=1)
        return last.split(":  ", 1)[-1]

    def _limit_log(self) -> None:
        # Copied and truncated, not renamed, because Postgres keeps its file open.
        with contextlib.suppress(OSError):
            if self.home.log.stat().st_size > LOG_LIMIT:
                with contextlib.suppress(OSError):  # the disk is full: continue without the old part
                    shutil.copyfile(self.home.log, self.home.path / "postgres.log.1")
                os.truncate(self.home.log, 0)


def _log(message: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    print(f"{now} [{os.getpid()}] supervisor: {message}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    """Supervise in the background. Arguments: home, directory of programs, run, lock's descriptor, grace."""
    home, binaries, run, lock, grace = arguments
    if os.fork() != 0:
        os._exit(0)
    os.umask(0o077)
    os.set_inheritable(int(lock), False)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    Supervisor(Home(Path(home)), Path(binaries), run, int(lock), float(grace)).run()
