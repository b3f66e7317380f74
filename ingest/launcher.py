"""The launcher process, which forks and reaps a child per file, and the child itself. See `ingest.sandbox`.

Deliberately single-threaded and simple: it must not fail, and forking is safe only without threads.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import os
import pkgutil
import resource
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Never

import msgspec

from ingest import containment
from ingest.containment import Containment
from ingest.errors import IngestError, NoTextError
from ingest.messages import LENGTH, NOT_STARTED, STARTED, Answer, ExitStatus, Request
from ingest.parsers import parse_file
from ingest.parsers.formats import FORMATS
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, RecognizedPage

SIGNALS_FROM_OUTSIDE = frozenset(
    {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
)
"""Signals that a file can't cause: they come from an administrator, a shutdown, or the out-of-memory killer.
"""
LONGEST_TRACE = 8000
"""In characters."""

_OPEN_FILES = 32
# The only descriptors of a child, besides those of standard input and output, which lead nowhere.
_DATA, _FILE, _FIRST_CLOSED = 3, 4, 5
# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
# Packages that parsers may import later.
_OPTIONAL = ("brotli", "fontTools.cffLib")


Work = Callable[[BinaryIO, Request], ParsedDocument | RecognizedPage]


def main() -> Never:
    """Serve over the socket that is the standard input."""
    preload()
    serve(0, _parse)


def _parse(file: BinaryIO, request: Request) -> ParsedDocument:
    return parse_file(
        file,
        request.limits,
        comments=request.comments,
        kind=request.kind,
        name=request.name,
        recognized=request.recognized,
    )


def serve(control: int, work: Work) -> Never:
    """Fork a child that does `work` for each three descriptors received over `control`, until that closes.

    Whatever the work needs must be loaded. The first is a socket that reports the child's lifetime: `STARTED`
    or `NOT_STARTED`, then an `ExitStatus`. Closing the other end kills the child. The second is a socket with
    the child's data: the `frame` of a request comes in, an `Answer` goes out. The third is the file, open for
    reading.
    """
    # Objects loaded now are shared by all children. Garbage collection would write to their pages and thereby
    # copy them.
    gc.collect()
    gc.freeze()
    layers = containment.available()
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
                    message, descriptors, _, _ = socket.recv_fds(listener, 1, 3)
                    if not message:
                        for child in lifetimes:
                            _kill(child)
                        # A killed process takes a while to exit; waiting for this one waits for all.
                        for child in lifetimes:
                            os.waitpid(child, 0)
                        os._exit(0)
                    lifetime = socket.socket(fileno=descriptors[0])
                    child = _fork(descriptors[1], descriptors[2], layers, work)
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


def preload() -> None:
    """Import whatever parsers may need, since children can't open a file."""
    for one in FORMATS.values():
        importlib.import_module(one.reader)
    names = [
        module.name
        for package in map(importlib.import_module, ("docx", "email", "encodings", "pypdf"))
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for name in (*names, *_OPTIONAL):
        # Optional, or only for another system.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # The first callback makes libffi look for executable memory, in files.
    ctypes.CFUNCTYPE(None)(lambda: None)()


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
            seconds = int(usage.ru_utime + usage.ru_stime)
            lifetime.send(ExitStatus(max(code, 0), max(-code, 0), memory_mb, seconds).pack())


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _fork(data: int, file: int, layers: Containment, work: Work) -> int | None:
    """Fork the child. In the launcher, return its process id, or None if the system allows no more."""
    launcher = os.getpid()
    try:
        child = os.fork()
    except OSError:
        child = -1
    if child:
        os.close(data)
        os.close(file)
        if child < 0:
            return None
        # Both sides do this, whichever runs first.
        with contextlib.suppress(OSError):
            os.setpgid(child, child)
        return child
    status = 1
    try:
        _child(data, file, launcher, layers, work)
        status = 0
    finally:
        # Skip cleanup: it belongs to the launcher, and the file may have corrupted its state.
        os._exit(status)


def _child(data: int, file: int, launcher: int, layers: Containment, work: Work) -> None:
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with(launcher)
    _keep_only(data, file)
    with open(_DATA, "rb", closefd=False) as requests:
        (size,) = LENGTH.unpack(requests.read(LENGTH.size))
        request = msgspec.msgpack.decode(requests.read(size), type=Request)
    _limit(request.limits)
    with open(_FILE, "rb") as opened:
        try:
            containment.apply(layers)
        except OSError as error:
            message = f"The process that reads files could not be contained: {error.strerror}."
            answer = Answer(error="TransientError", message=message)
        else:
            answer = _answer(opened, request, layers, work)
    left = memoryview(_encoded(answer))
    while left:
        left = left[os.write(_DATA, left) :]


def _keep_only(data: int, file: int) -> None:
    """Close all descriptors but these: no other child's, no control socket, no terminal."""
    data, file = (fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FIRST_CLOSED) for descriptor in (data, file))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.dup2(data, _DATA)
    os.dup2(file, _FILE)
    os.closerange(_FIRST_CLOSED, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _answer(file: BinaryIO, request: Request, layers: Containment, work: Work) -> Answer:
    try:
        result = work(file, request)
        if isinstance(result, RecognizedPage):
            return Answer(layers, recognized=result)
        return Answer(layers, document=result)
    except MemoryError:
        return Answer(layers, error="MemoryError")
    except IngestError as error:
        unread = error.unread if isinstance(error, NoTextError) else []
        return Answer(layers, error=type(error).__name__, message=str(error), unread=unread)
    except OSError as error:
        return Answer(
            layers, error="TransientError", message=f"The file could not be read: {error.strerror}."
        )
    except Exception as error:
        trace = traceback.format_exc()[-LONGEST_TRACE:]
        # A path or a text may hold lone surrogates, which UTF-8 can't encode.
        trace = trace.encode(errors="backslashreplace").decode()
        return Answer(layers, error=type(error).__name__, trace=trace)


def _encoded(answer: Answer) -> bytes:
    try:
        return msgspec.msgpack.encode(answer)
    except MemoryError:
        return msgspec.msgpack.encode(Answer(answer.containment, error="MemoryError"))


def _die_with(launcher: int) -> None:
    """Die with the launcher, even on SIGKILL (Linux only)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != launcher:
        os._exit(1)


def _limit(limits: ParserLimits) -> None:
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # Ordinary users then can't start another process; root is exempt.
    _set(resource.RLIMIT_NPROC, 0)
    # SIGXCPU ends it at the first limit. Code that ignores this is killed at the second.
    _set(resource.RLIMIT_CPU, limits.seconds, limits.seconds + 1)
    if sys.platform == "linux":
        # In addition to what the parsers have already allocated. Other systems don't enforce RLIMIT_AS.
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _set(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory_mb * 2**20)


def _set(kind: int, value: int, highest: int | None = None) -> None:
    highest = value if highest is None else highest
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        highest = min(highest, hard)
    resource.setrlimit(kind, (min(value, highest), highest))
