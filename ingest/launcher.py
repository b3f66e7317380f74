"""The launcher process, which forks and reaps a child per file, and the child itself. See `ingest.sandbox`.

Deliberately single-threaded and simple: it must not fail, and forking is safe only without threads.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import resource
import selectors
import signal
import socket
import struct
import sys
import traceback
from pathlib import Path
from typing import Never, Self

import msgspec

from ingest.errors import IngestError
from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument

SIGNALS_FROM_OUTSIDE = frozenset(
    {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
)
"""Signals that a file can't cause: they come from an administrator, a shutdown, or the out-of-memory killer.
"""
SIGNAL_OF_TIME = signal.SIGXCPU

STARTED, NOT_STARTED = b"+", b"-"

_LENGTH = struct.Struct("!I")
_OPEN_FILES = 32
_LONGEST_TRACE = 8000
# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


class Request(msgspec.Struct, frozen=True):
    """The file to parse. `path` is in file system bytes, since names need not be valid UTF-8."""

    path: bytes
    limits: ParserLimits


class Answer(msgspec.Struct, frozen=True):
    """The child's result: a document, or the class name and message of an error.

    `trace` is for the operator; it is set for errors that parsers should not raise.
    """

    document: ParsedDocument | None = None
    error: str | None = None
    message: str = ""
    trace: str = ""


class ExitStatus(msgspec.Struct, frozen=True):
    """How a child exited: exit status, signal (0: none), and peak memory in MB."""

    SIZE = 12

    status: int
    signal: int
    memory_mb: int

    def pack(self) -> bytes:
        """The `SIZE` bytes that `unpack` reads."""
        return struct.pack("!3I", self.status, self.signal, self.memory_mb)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The exit status that `pack` wrote."""
        return cls(*struct.unpack("!3I", data))


def frame(request: Request) -> bytes:
    """A length-prefixed request."""
    data = msgspec.msgpack.encode(request)
    return _LENGTH.pack(len(data)) + data


def serve(control: int) -> Never:
    """Fork a child for each pair of sockets received over `control`, until that closes.

    The first of a pair reports the child's lifetime: `STARTED` or `NOT_STARTED`, then an `ExitStatus`.
    Closing the other end kills the child. The second carries the child's data: `Request`, then `Answer`.
    """
    # Objects loaded now are shared by all children. Garbage collection would write to their pages and thereby
    # copy them.
    importlib.import_module("ingest.parsers.pdf")
    importlib.import_module("ingest.parsers.docx")
    gc.collect()
    gc.freeze()
    listener = socket.socket(fileno=control)
    lifetimes: dict[int, socket.socket] = {}
    child: int | None
    wake, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    message, connections, _, _ = socket.recv_fds(listener, 1, 2)
                    if not message:
                        for child in lifetimes:
                            _kill(child)
                        # A killed process takes a while to exit; waiting for this one waits for all.
                        for child in lifetimes:
                            os.waitpid(child, 0)
                        os._exit(0)
                    lifetime = socket.socket(fileno=connections[0])
                    child = _fork(connections[1])
                    with contextlib.suppress(OSError):
                        lifetime.send(STARTED if child else NOT_STARTED)
                    if child is None:
                        lifetime.close()
                    else:
                        lifetimes[child] = lifetime
                        selector.register(lifetime, selectors.EVENT_READ, child)
                elif key.fileobj is wake:
                    os.read(wake, 4096)
                    _reap(lifetimes, selector)
                elif key.data in lifetimes:
                    # Nothing is ever written to it, so readable means closed.
                    _kill(key.data)
                    selector.unregister(key.fileobj)


def _reap(lifetimes: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    while lifetimes:
        child, status, usage = os.wait4(-1, os.WNOHANG)
        if child == 0:
            return
        # Grandchildren, if any.
        _kill(child)
        lifetime = lifetimes.pop(child)
        with contextlib.suppress(KeyError):
            selector.unregister(lifetime)
        code = os.waitstatus_to_exitcode(status)
        memory_mb = usage.ru_maxrss // (1024 if sys.platform == "linux" else 2**20)
        with lifetime, contextlib.suppress(OSError):
            lifetime.send(ExitStatus(max(code, 0), max(-code, 0), memory_mb).pack())


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _fork(data: int) -> int | None:
    """Fork the child. In the launcher, return its process id, or None if the system allows no more."""
    launcher = os.getpid()
    try:
        child = os.fork()
    except OSError:
        os.close(data)
        return None
    if child:
        os.close(data)
        # Both sides do this, whichever runs first.
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child
    status = 1
    try:
        _child(data, launcher)
        status = 0
    finally:
        # Skip cleanup: it belongs to the launcher, and the file may have corrupted its state.
        os._exit(status)


def _child(data: int, launcher: int) -> None:
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with(launcher)
    # Keep only this connection: no other child's, no control socket, no terminal.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    data = os.dup2(data, 3) if data != 3 else data
    os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    with socket.socket(fileno=data) as connection, connection.makefile("rb") as requests:
        (size,) = _LENGTH.unpack(requests.read(_LENGTH.size))
        request = msgspec.msgpack.decode(requests.read(size), type=Request)
        _limit(request.limits)
        connection.sendall(_answer(request))


def _answer(request: Request) -> bytes:
    try:
        document = parse(Path(os.fsdecode(request.path)), request.limits)
        return msgspec.msgpack.encode(Answer(document=document))
    except MemoryError:
        answer = Answer(error="MemoryError")
    except IngestError as error:
        answer = Answer(error=type(error).__name__, message=str(error))
    except OSError as error:
        answer = Answer(error="TransientError", message=f"The file could not be opened: {error.strerror}.")
    except Exception as error:
        trace = traceback.format_exc()[-_LONGEST_TRACE:]
        # A path or a text may hold lone surrogates, which UTF-8 can't encode.
        trace = trace.encode(errors="backslashreplace").decode()
        answer = Answer(error=type(error).__name__, trace=trace)
    return msgspec.msgpack.encode(answer)


def _die_with(launcher: int) -> None:
    """Die with the launcher, even on SIGKILL, and never gain privileges (Linux only)."""
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != launcher:
        os._exit(1)


def _limit(limits: ParserLimits) -> None:
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # Ordinary users then can't start another process; root is exempt.
    _set(resource.RLIMIT_NPROC, 0)
    # The program measures wall time. This limit covers the case that the program is stopped.
    _set(resource.RLIMIT_CPU, limits.seconds * 2)
    if sys.platform == "linux":
        # In addition to what the parsers have already allocated. Other systems don't enforce RLIMIT_AS.
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _set(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory_mb * 2**20)


def _set(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, hard if kind == resource.RLIMIT_CPU else value))
