"""A stand-in for code that a hole in a parser lets in: it runs in place of the parser and tries everything.

The victim (`tests.integration.ingest.victim`) starts it as the launcher and passes the `Target` as the file.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Never

import msgspec

from ingest import containment, launcher
from ingest.containment import Containment
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, Passage

_PTRACE_SEIZE = 0x4206
_CLONE_NEWUSER = 0x10000000
# Numbers of system calls on x86_64 and aarch64.
_SYSTEM_CALLS = {"io_uring_setup": (425, 425), "bpf": (321, 280), "keyctl": (250, 219), "clone": (56, 220)}
_libc = ctypes.CDLL(None, use_errno=True)
_UNTOUCHED, TOUCHED = b"untouched", b"touched!!"


class Target(msgspec.Struct, frozen=True):
    """What belongs to the victim: its process, its files, its sockets, and `buffer` in its memory.

    `shared` is a folder in which everybody may create files, such as /tmp.
    """

    pid: int
    folder: str
    shared: str
    postgres: str
    abstract: str
    tcp_port: int
    udp_port: int
    buffer: int


class RefusedError(Exception):
    """The attempt had no effect, although the system reported no error."""


def serve(layers: list[str], user: int | None) -> Never:
    """Serve as the launcher, with only these layers, as the user with this number."""
    every = containment.available

    def available() -> Containment:
        found = every()
        return Containment(
            found.landlock if "landlock" in layers else 0,
            found.seccomp and "seccomp" in layers,
            found.own_user and "own user" in layers,
        )

    if user is not None:
        # The user may lack access to Python's files.
        launcher.preload()
        become(user)
    containment.available = available
    launcher.parse_file = _attack
    launcher.main()


def become(user: int) -> None:
    """Drop the privileges of root, as if this process had been started by the user."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # A change of the user makes a process unreadable for others of the user, unlike one the user starts.
    _libc.prctl(4, 1, 0, 0, 0)


def _attack(file: BinaryIO, limits: ParserLimits, **options: object) -> ParsedDocument:
    target = msgspec.json.decode(file.read(), type=Target)
    results = {name: _result(attempt, target) for name, attempt in ATTEMPTS.items()}
    return ParsedDocument(type="pdf", passages=[Passage(json.dumps(results))])


def _result(attempt: Callable[[Target], object], target: Target) -> str:
    """An empty string if the attempt worked, else the error."""
    try:
        attempt(target)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except RefusedError as error:
        return str(error)
    return ""


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def _system_call(name: str, *arguments: object) -> int:
    number = _SYSTEM_CALLS[name][platform.machine() == "aarch64"]
    return _check(_libc.syscall(ctypes.c_long(number), *arguments))


def _read_environment(target: Target) -> None:
    if b"LUMA_LLM_API_KEY" not in Path(f"/proc/{target.pid}/environ").read_bytes():
        raise RefusedError("not there")


def _write_memory_file(target: Target) -> None:
    with Path(f"/proc/{target.pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(target.buffer)
        memory.write(TOUCHED)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _write_memory(target: Target) -> None:
    text = ctypes.create_string_buffer(TOUCHED)
    ours = _Vector(ctypes.addressof(text), len(TOUCHED))
    theirs = _Vector(target.buffer, len(TOUCHED))
    one, none = ctypes.c_ulong(1), ctypes.c_ulong(0)
    _check(
        _libc.process_vm_writev(
            ctypes.c_int(target.pid), ctypes.byref(ours), one, ctypes.byref(theirs), one, none
        )
    )


def _trace(target: Target) -> None:
    _check(_libc.ptrace(ctypes.c_long(_PTRACE_SEIZE), ctypes.c_long(target.pid), None, None))


def _connect(family: socket.AddressFamily, address: object) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect(address)  # type: ignore[arg-type]


def _send_datagram(target: Target) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.sendto(b"secret", ("127.0.0.1", target.udp_port))


def _run_program(target: Target) -> None:
    started = os.posix_spawn("/bin/true", ["true"], {})
    _, status = os.waitpid(started, 0)
    if status:
        raise RefusedError("did not run")


def _fork(target: Target) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _write_descriptors(target: Target) -> None:
    """Change what any inherited descriptor leads to, but for the connection that carries the answer."""
    for descriptor in (number for number in range(3, 1024) if number != launcher._DATA):
        for change in (
            lambda d: os.ftruncate(d, 0),
            lambda d: os.write(d, b"x"),
            lambda d: os.fchmod(d, 0o777),
        ):
            try:
                change(descriptor)
            except OSError as error:
                if error.errno != errno.EBADF:
                    refused = error
                continue
            return
    raise refused


def _unshare(target: Target) -> None:
    _check(_libc.unshare(_CLONE_NEWUSER))


ATTEMPTS: dict[str, Callable[[Target], object]] = {
    "read the API key in /proc": _read_environment,
    "read a stored file": lambda t: Path(t.folder, "read").read_bytes(),
    "look for a stored file": lambda t: Path(t.folder, "read").stat(),
    "truncate a stored file": lambda t: os.truncate(Path(t.folder, "truncated"), 0),
    "delete a stored file": lambda t: Path(t.folder, "deleted").unlink(),
    "list the root folder": lambda t: list(Path("/").iterdir()),
    "create a file": lambda t: Path(t.shared, "created").touch(),
    "change inherited descriptors": _write_descriptors,
    "connect to Postgres's socket": lambda t: _connect(socket.AF_UNIX, t.postgres),
    "connect to an abstract socket": lambda t: _connect(socket.AF_UNIX, t.abstract),
    "connect to loopback (TCP)": lambda t: _connect(socket.AF_INET, ("127.0.0.1", t.tcp_port)),
    "send to loopback (UDP)": _send_datagram,
    "write the worker's /proc/PID/mem": _write_memory_file,
    "write the worker's memory": _write_memory,
    "trace the worker": _trace,
    "signal the worker": lambda t: os.kill(t.pid, signal.SIGUSR1),
    "limit the worker": lambda t: resource.prlimit(t.pid, resource.RLIMIT_CORE, (0, 0)),
    "run a program": _run_program,
    "fork": _fork,
    "create a user namespace": _unshare,
    "use io_uring": lambda t: _system_call("io_uring_setup", 1, ctypes.create_string_buffer(120)),
    "use keyrings": lambda t: _system_call("keyctl", 0, -3, 0),
}
