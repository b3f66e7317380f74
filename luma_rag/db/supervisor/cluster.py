"""One Postgres cluster: atomic creation, cleanup after an old server, and start."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from luma_rag.db.supervisor.account import Account, check_readable, grant_passage
from luma_rag.db.supervisor.configuration import CUSTOM, configuration, machine_memory, shared_memory_size
from luma_rag.db.supervisor.home import Home
from luma_rag.errors import ConfigurationError

PORT = 5432  # used only in the socket's name
# A socket path may have 107 bytes on Linux and 103 on macOS; "/.s.PGSQL.5432" takes 14 of them.
LONGEST_SOCKET_DIRECTORY = 89

_NEW = "cluster.new-"
_PR_SET_PDEATHSIG = 1


class Cluster:
    """The cluster of one home. Only for the holder of `supervisor.lock`."""

    def __init__(self, home: Home, binaries: Path, account: Account | None) -> None:
        self.home = home
        self.path = home.cluster
        self.account = account
        self._binaries = binaries

    def prepare(self, say: Callable[[str], None]) -> Path:
        """Prepare everything for the start of Postgres; return the directory of its socket.

        Raises:
            ConfigurationError: it can't start here; the message contains the fix.
        """
        if self.account is not None:
            grant_passage(self.account, self.home.path)
            self._check_programs(self.account)
        self._check_version()
        for half in self.home.path.glob(f"{_NEW}*"):
            shutil.rmtree(half, ignore_errors=True)
        if not self.path.exists():
            say("creating the database, which happens once")
            self._create()
        if processes := _processes(self.path):
            say("waiting for what is left of an earlier Postgres to end")
            _end(self.path, processes)
        socket = self._socket_directory()
        self._remove_stale_locks(socket)
        self.home.write(
            self.home.configuration.name,
            configuration(machine_memory(), shared_memory_size(), custom=(self.home.path / CUSTOM).exists()),
            0o644,
        )
        return socket

    def start(self, socket: Path, output: int) -> subprocess.Popen[bytes]:
        """Start Postgres with its messages going to the descriptor `output`."""
        # Set here rather than in the file, because no operator setting may open it to others.
        fixed = {
            "config_file": str(self.home.configuration),
            "listen_addresses": "",
            "unix_socket_directories": f'"{socket}"',
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "logging_collector": "off",
        }
        options = [part for name, value in fixed.items() for part in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            [self._program("postgres"), "-D", str(self.path), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **self._process(signal.SIGINT),
        )

    def is_ready(self, pid: int) -> bool:
        """Whether the Postgres with process id `pid` accepts connections."""
        try:
            lines = (self.path / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _check_programs(self, account: Account) -> None:
        installation = self._binaries.parent
        package = installation.parent
        # The directory of bundled shared libraries in Linux wheels.
        libraries = package.with_name(f"{package.name}.libs")
        grant_passage(account, package)
        samples = ("bin/initdb", "bin/postgres", "share/postgresql/postgres.bki", "lib/postgresql/vector.so")
        wanted = [*(installation / sample for sample in samples), *libraries.glob("*")]
        check_readable(account, [installation, *([libraries] if libraries.is_dir() else [])], wanted)

    def _check_version(self) -> None:
        if not self.path.exists():
            return
        installed = self._run("postgres", "--version").split()[2].split(".")[0]
        try:
            version = (self.path / "PG_VERSION").read_text().strip()
        except OSError:
            raise ConfigurationError(
                f"{self.path} holds no Postgres database that can be read (PG_VERSION is missing). Restore "
                "it from a backup, or move it away to begin with an empty one."
            ) from None
        if version != installed:
            raise ConfigurationError(
                f"The database in {self.path} was made by Postgres {version}, and this Luma brings Postgres "
                f"{installed}. Use the Luma that made it, or move it over with pg_dump or pg_upgrade; or set "
                "LUMA_DATA_DIR to another place to begin with an empty one."
            )

    def _create(self) -> None:
        # A unique name, because a killed attempt may still be writing to its directory.
        new = self.home.path / f"{_NEW}{os.getpid()}-{time.time_ns()}"
        new.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(new, self.account.uid, self.account.gid)
        # Collation and case mapping by Postgres's own tables, the same everywhere; the C library only
        # distinguishes letters from punctuation in full text search.
        letters = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options += [f"--lc-ctype={letters}", "--username=luma", "--auth-local=trust", "--auth-host=reject"]
        # Flushed to disk once, at the end, rather than in each step.
        self._run("initdb", *options, "--no-sync", "--no-instructions", "-D", str(new))
        self._run("postgres", "--single", "-F", "-D", str(new), "template1", typed="CREATE DATABASE luma;\n")
        self._run("initdb", "--sync-only", "-D", str(new))
        new.rename(self.path)
        directory = os.open(self.home.path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _remove_stale_locks(self, socket: Path) -> None:
        # No process of the old server is left, so these files are stale. Postgres would refuse to start if
        # the recorded process id now belongs to another process of this account, or to an unreaped zombie (as
        # in a container without an init). Only Linux lets us be sure that none is left.
        if sys.platform == "linux":
            (self.path / "postmaster.pid").unlink(missing_ok=True)
            (socket / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _socket_directory(self) -> Path:
        path = str(self.path)
        # Commas separate lists of directories and of hosts.
        if len(os.fsencode(path)) <= LONGEST_SOCKET_DIRECTORY and not set(path) & set(',"'):
            return self.path
        uid = os.geteuid() if self.account is None else self.account.uid
        name = f"luma-{uid}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"
        # Not XDG_RUNTIME_DIR: it is removed when its user logs out, while the server may keep running. /run
        # belongs to root.
        root_only = Path("/run")
        parent = root_only if os.geteuid() == 0 and root_only.is_dir() else Path("/tmp")  # noqa: S108 - checked below
        directory = parent / name
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        if self.account is not None and directory.lstat().st_uid == 0:
            os.chown(directory, uid, self.account.gid, follow_symlinks=False)
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            raise ConfigurationError(
                f"{directory}, where the database's socket belongs, exists and isn't a private directory "
                "of the right account. Remove it, or set LUMA_DATA_DIR to a shorter path, which needs no "
                "such directory."
            )
        return directory

    def _program(self, name: str) -> str:
        return str(self._binaries / name)

    def _run(self, name: str, *arguments: str, typed: str = "") -> str:
        done = subprocess.run(
            [self._program(name), *arguments],
            input=typed.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **self._process(signal.SIGKILL),
        )
        output: str = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            last = "\n".join(output.strip().splitlines()[-12:])
            raise ConfigurationError(
                f"The embedded Postgres could not be prepared: {name} ended with {done.returncode}:\n{last}\n"
                "If the reason is not clear, set LUMA_DATABASE_URL to a Postgres of your own."
            )
        return output

    def _process(self, when_orphaned: signal.Signals) -> dict[str, Any]:
        """The arguments for running a program: account, directory, environment, and parent-death signal."""
        account: dict[str, Any] = {}
        if self.account is not None:
            account = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        return {"cwd": "/", "env": environment, "preexec_fn": _end_with_parent(when_orphaned), **account}


def _end_with_parent(when_orphaned: signal.Signals) -> Callable[[], None] | None:
    """A function for the child to call first, so that Linux signals it when the supervisor dies.

    `preexec_fn` is safe here because the supervisor is single-threaded. It runs after the change of user,
    which would reset the setting.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    supervisor = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, when_orphaned)
        if os.getppid() != supervisor:  # the supervisor died before the line above
            os._exit(1)

    return prepare


def _processes(cluster: Path) -> set[int]:
    """The process ids of all Postgres processes on `cluster`, which is their working directory."""
    if sys.platform != "linux":
        return _postmaster(cluster)
    found = set()
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            program = Path(os.readlink(f"{entry.path}/exe")).name  # noqa: PTH115
            if program.split(" ")[0] == "postgres" and os.readlink(f"{entry.path}/cwd") == str(cluster):  # noqa: PTH115
                found.add(int(entry.name))
    return found


def _postmaster(cluster: Path) -> set[int]:
    """The running process in postmaster.pid, if it is a Postgres on `cluster`."""
    try:
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return set()
    command = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    ).stdout
    return {pid} if f"-D {cluster}" in command else set()


def _end(cluster: Path, processes: set[int]) -> None:
    """Stop the remains of an earlier supervisor: a postmaster with a shutdown, its orphans by force."""
    postmaster = _postmaster_of(cluster) & processes
    _signal(postmaster, signal.SIGINT)
    # Without a postmaster the others exit by themselves, unless they are in the middle of a long computation.
    if _gone_within(60 if postmaster else 2, cluster):
        return
    _signal(_processes(cluster), signal.SIGKILL)
    if not _gone_within(10, cluster):
        left = ", ".join(map(str, _processes(cluster)))
        raise ConfigurationError(
            f"An earlier Postgres on {cluster} does not end. End these processes: {left}"
        )


def _postmaster_of(cluster: Path) -> set[int]:
    try:
        return {int((cluster / "postmaster.pid").read_text().splitlines()[0])}
    except (OSError, ValueError, IndexError):
        return set()


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _gone_within(seconds: float, cluster: Path) -> bool:
    deadline = time.monotonic() + seconds
    while _processes(cluster):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
