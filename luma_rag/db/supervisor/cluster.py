"""One Postgres cluster: created whole or not at all, freed from an earlier server, started."""

import contextlib
import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from luma_rag.db.supervisor import roles
from luma_rag.db.supervisor.configuration import configuration, machine_memory, shared_memory_size
from luma_rag.db.supervisor.home import Home
from luma_rag.db.supervisor.programs import reachable
from luma_rag.errors import ConfigurationError

_NEW = "cluster.new-"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """An unprivileged account, by its numbers."""

    uid: int
    gid: int


# Postgres refuses to run as root. No distribution assigns this number: it is above the dynamic users of
# systemd (61184 to 65519), below nobody (65534), and mapped in user namespaces of the usual 65,536 numbers.
SERVER = Account(65530, 65530)
# initdb refuses an account that /etc/passwd doesn't list, and `nobody` is listed everywhere. With the group
# it is not the account of any other process, so that none can reach into the new cluster.
CREATOR = Account(65534, SERVER.gid)
# Time to write everything out, then to drop everything; then it is killed.
STOP_STEPS = ((signal.SIGINT, 120.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


class Cluster:
    """The cluster of one home. Only for the holder of `supervisor.lock`."""

    def __init__(self, home: Home, programs: Path) -> None:
        self.home = home
        self.path = home.cluster
        self._programs = programs
        self._account: Account | None = None

    def prepare(self) -> None:
        """Do all that comes before Postgres can start.

        Raises:
            ConfigurationError: Postgres can't start here; the message gives the fix.
        """
        for unfinished in self.home.path.glob(f"{_NEW}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if os.geteuid() == 0:
            self._programs = reachable(self._programs)
        if not self.path.exists():
            self._create()
        if os.geteuid() == 0:
            if self.path.stat().st_uid == 0:
                _give(self.path, SERVER)
            # Existing data keeps its owner.
            found = self.path.stat()
            self._account = Account(found.st_uid, found.st_gid)
        self._end_leftovers()
        if self.home.socket_directory != self.path:
            self._make_socket_directory()
        # Nothing of this cluster runs, so these are stale. Postgres would believe them if their process id
        # now belonged to another process.
        (self.path / "postmaster.pid").unlink(missing_ok=True)
        (self.home.socket_directory / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        self._write_configuration()
        self._write(self.path, self._account, "pg_ident.conf", roles.ident())
        if (self.path / "pg_hba.conf").read_text() != roles.HBA:
            self._convert()

    def start(self) -> subprocess.Popen[bytes]:
        """Start Postgres, with its messages going to the log."""
        elsewhere = self.home.socket_directory != self.path
        return self._start(str(self.home.socket_directory) if elsewhere else ".")

    def stop(self, server: subprocess.Popen[bytes]) -> None:
        """Stop Postgres: in order, then at once, then by force. No committed data is lost."""
        for number, patience in STOP_STEPS:
            server.send_signal(number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(0.1)
                    return
                if number == signal.SIGINT and self._is_recovering():
                    break

    def _is_recovering(self) -> bool:
        """Whether Postgres recovers from a crash. The next start repeats the recovery anyway, and an orderly
        shutdown of a recovering Postgres 18 can hang for a minute.
        """
        try:
            found = self._run(self.path, self._account, "pg_controldata")
        except ConfigurationError:
            return False
        return "in crash recovery" in found

    def _create(self) -> None:
        account = CREATOR if os.geteuid() == 0 else None
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.home.path))
        if account is not None:
            _give(new, account)
        # Sorting and case by Postgres' own tables, the same everywhere; the C library's are needed only to
        # tell letters from punctuation in full-text search.
        letters = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options += [f"--lc-ctype={letters}", f"--username={roles.SUPERUSER}", "--auth=reject"]
        # Written to disk once, at the end, and not by each step.
        self._run(new, account, "initdb", *options, "--no-sync", "--no-instructions")
        alone = ("--single", "-F", "-c", "exit_on_error=on", "template1")
        self._run(new, account, "postgres", *alone, typed=roles.CREATION)
        self._write(new, account, "pg_hba.conf", roles.HBA)
        self._run(new, account, "initdb", "--sync-only")
        if account is not None:
            _give(new, SERVER)
        new.rename(self.path)
        directory = os.open(self.home.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _start(self, socket_directory: str) -> subprocess.Popen[bytes]:
        # Arguments and not settings, because no setting of an operator may open it to others.
        fixed = {
            "listen_addresses": "",
            "unix_socket_directories": socket_directory,
            "unix_socket_permissions": "0700",
            "port": "5432",
            "logging_collector": "off",
        }
        options = [part for name, value in fixed.items() for part in ("-c", f"{name}={value}")]
        output = self.home.open_log()
        try:
            return self._spawn(self.path, self._account, signal.SIGINT, output, "postgres", *options)
        finally:
            os.close(output)

    def _convert(self) -> None:
        """Bring the roles of an earlier version up to date, on a socket that nobody else knows.

        Until the new pg_hba.conf is written, the next start repeats the conversion.
        """
        with tempfile.TemporaryDirectory(prefix="luma-") as sockets:
            if self._account is not None:
                os.chown(sockets, self._account.uid, self._account.gid)
            server = self._start(sockets)
            try:
                while not self._accepts_connections(sockets):
                    if server.poll() is not None:
                        raise ConfigurationError(
                            "Postgres ended before its roles could be brought up to date."
                        )
                    time.sleep(0.05)
                for role, database, statements in roles.CONVERSION:
                    options = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", sockets, "-U", role, "-d", database)
                    self._run(self.path, None, "psql", *options, typed=statements)
            finally:
                self.stop(server)
        self._write(self.path, self._account, "pg_hba.conf", roles.HBA)

    def _accepts_connections(self, sockets: str) -> bool:
        try:
            self._run(self.path, None, "pg_isready", "-q", "-h", sockets)
        except ConfigurationError:
            return False
        return True

    def _leftovers(self) -> list[psutil.Process]:
        """Return all processes of an earlier Postgres: the cluster is their working directory."""
        return [
            process
            for process in psutil.process_iter(["name", "cwd"])
            if process.info["name"] == "postgres" and process.info["cwd"] == str(self.path)
        ]

    def _end_leftovers(self) -> None:
        """End what a killed supervisor left: the postmaster by a fast shutdown, then everything by force."""
        found = self.home.postmaster()
        # Only the postmaster: the same signal tells its checkpointer to write the last checkpoint.
        postmaster = [p for p in self._leftovers() if found is not None and p.pid == found.pid]
        for process in postmaster:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        # Without a postmaster the others end by themselves, except in the middle of a long computation.
        if self._gone_within(5 if postmaster else 1, unless=self._is_recovering):
            return
        for process in self._leftovers():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if not self._gone_within(10):
            left = ", ".join(str(process.pid) for process in self._leftovers())
            raise ConfigurationError(
                f"An earlier Postgres on {self.path} does not end. End these processes: {left}"
            )

    def _gone_within(self, seconds: float, *, unless: Callable[[], bool] = lambda: False) -> bool:
        deadline = time.monotonic() + seconds
        while self._leftovers():
            if time.monotonic() > deadline or unless():
                return False
            time.sleep(0.05)
        return True

    def _make_socket_directory(self) -> None:
        directory = self.home.socket_directory
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        if self._account is not None and directory.lstat().st_uid == 0:
            os.chown(directory, self._account.uid, self._account.gid, follow_symlinks=False)
        found = directory.lstat()
        owner = os.geteuid() if self._account is None else self._account.uid
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise ConfigurationError(
                f"{directory}, where the database's socket belongs, exists and isn't a private directory "
                "of the right account. Remove it, or set LUMA_DATA_DIR to a shorter path, which needs no "
                "such directory."
            )

    def _write_configuration(self) -> None:
        try:
            custom = (self.home.path / "custom.conf").read_text()
        except FileNotFoundError:
            custom = ""
        text = configuration(machine_memory(), shared_memory_size(), custom, os.cpu_count() or 1)
        self._write(self.path, self._account, "postgresql.conf", text)

    def _write(self, directory: Path, account: Account | None, name: str, text: str) -> None:
        # A new file: the server's account could have put a link in the place of the old one.
        temporary = directory / f".{name}.new"
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            if account is not None:
                os.fchown(file.fileno(), account.uid, account.gid)
            file.write(text)
        temporary.replace(directory / name)

    def _run(
        self, directory: Path, account: Account | None, name: str, *arguments: str, typed: str = ""
    ) -> str:
        process = self._spawn(directory, account, signal.SIGKILL, subprocess.PIPE, name, *arguments)
        output = process.communicate(typed.encode())[0].decode(errors="replace")
        if process.returncode != 0:
            last = "\n".join(output.strip().splitlines()[-12:])
            raise ConfigurationError(f"{name} ended with {process.returncode}:\n{last}")
        return output

    def _spawn(
        self,
        directory: Path,
        account: Account | None,
        when_orphaned: signal.Signals,
        output: int,
        name: str,
        *arguments: str,
    ) -> subprocess.Popen[bytes]:
        """Start a program on a data directory; `output` is a descriptor or `subprocess.PIPE`."""
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGDATA": str(directory)}
        identity: dict[str, Any] = {}
        if account is not None:
            # The working directory is opened as root. By this name it can be used where directories above it
            # are closed to the account.
            environment["PGDATA"] = "/proc/self/cwd"
            identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        return subprocess.Popen(
            [str(self._programs / name), *arguments],
            stdin=subprocess.PIPE if output == subprocess.PIPE else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=environment,
            preexec_fn=_end_with_parent(when_orphaned),  # noqa: PLW1509 - there is one thread
            **identity,
        )


def _give(directory: Path, account: Account) -> None:
    # From the bottom up: whether all is given shows in the directory itself.
    for folder, folders, files in os.walk(directory, topdown=False):
        for name in (*folders, *files, "."):
            os.chown(Path(folder) / name, account.uid, account.gid, follow_symlinks=False)


def _end_with_parent(when_orphaned: signal.Signals) -> Callable[[], None] | None:
    """Return what a child does first, so that Linux signals it when the supervisor dies.

    It runs after the change of account, which would undo it.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    supervisor = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, when_orphaned)
        if os.getppid() != supervisor:  # it died before the line above
            os._exit(1)

    return prepare
