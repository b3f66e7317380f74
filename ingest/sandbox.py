"""Parses each file in its own process, with limits, so that no file can take the program down.

Starting Python and the parsers takes a good part of a second. So one process, the *launcher*
(`ingest.launcher`), loads the parsers once and forks a child per file in a few milliseconds. The fork server
of `multiprocessing` does the same, but imports the program's main module into every child, including the
model, and passes pickles. The launcher knows only the parsers, is single-threaded (so forking is safe
whatever threads the program has), gets none of the program's environment, and its children answer in msgpack,
which can't execute anything.

The launcher exits when its control socket closes, which happens when the program ends for any reason, and
takes its children with it.
"""

import atexit
import contextlib
import logging
import os
import select
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import msgspec

from ingest import errors, isolated, launcher
from ingest.containment import Containment
from ingest.errors import IngestError, LimitError, OutageError, PermanentError, TransientError
from ingest.launcher import Answer, ExitStatus, Order
from ingest.settings import ParserLimits
from ingest.types import DocumentType, ParsedDocument

_log = logging.getLogger(__name__)

# Enough to import the parsers on a busy machine.
_SECONDS_TO_START = 60
_SECONDS_TO_END = 10
_BLOCK = 2**16
_LONGEST_MESSAGE = 1000
# The variables needed to find libraries and decode file names; secrets are not passed on.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE")
_LAUNCHER = launcher.__name__

_DAMAGED = (
    "The file could not be read: it is damaged, or it uses something in an unusual way. If the program it "
    "comes from still opens it, save it again and use that."
)
_STOPPED = "The process that reads files was stopped. Try again."


def parse_in_sandbox(
    path: Path, limits: ParserLimits, *, comments: bool = False, kind: DocumentType | None = None
) -> ParsedDocument:
    """Run `ingest.parsers.parse` in its own process. Blocks; safe to call from any number of threads.

    The process may use `limits.memory_mb` of memory beyond the parsers' own, `limits.seconds` of processor
    time, and `limits.output_mb` of output. It can only read the file and answer. Anything left of it is
    killed after `limits.elapsed_seconds`, when the call returns, or when this program dies.

    Raises:
        LimitError: a limit was exceeded.
        PermanentError: `parse` raised it, or the file crashed the parser.
        TransientError: `path` can't be opened, or the process was killed from outside.
    """
    try:
        # Opening a named pipe would wait for a writer.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise TransientError(f"The file could not be opened: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise TransientError("The file could not be opened: Not a regular file.")
        # Only the suffix counts, and names need not be valid UTF-8.
        name = path.name.encode(errors="replace").decode()
        answer = _parse(file, Order(limits, comments, kind, name))
    finally:
        os.close(file)
    if answer.document is not None:
        return answer.document
    raise _error(answer)


def containment() -> Containment:
    """The layers that contain parsers on this system. Blocks while it starts a process to find out.

    Raises:
        TransientError: there is none, since it could not be contained.
    """
    file = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        answer = _parse(file, Order(ParserLimits()))
    finally:
        os.close(file)
    if answer.error == "TransientError":
        raise _error(answer)
    return answer.containment


def _parse(file: int, order: Order) -> Answer:
    limits = order.limits
    data, exit_status = _run(file, order)
    if exit_status is None:
        raise LimitError(_time_message(f"{limits.elapsed_seconds:,} seconds"))
    if len(data) > limits.output_mb * 2**20:
        raise LimitError(
            f"The file holds more than {limits.output_mb} MB of text, which is the limit. Split it into "
            "smaller files."
        )
    if exit_status.signal:
        raise _killed(exit_status, limits)
    if not data:
        _log.error(
            "The process that was to read a file failed before it began (exit status %s)", exit_status.status
        )
        raise TransientError(_STOPPED)
    try:
        return _decoded(data)
    except ValueError as error:
        _log.error("The parser's answer made no sense (exit status %s): %s", exit_status.status, error)
        raise PermanentError(_DAMAGED) from None


def _decoded(data: bytes) -> Answer:
    """The answer of a child, which may be in the hands of the file.

    Raises:
        ValueError: it is none, or nothing that could be stored.
    """
    try:
        answer = msgspec.msgpack.decode(data, type=Answer)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    document = answer.document
    if document is not None:
        texts = [document.title]
        for warning in document.reading_warnings:
            texts += (warning.code, warning.text)
        for passage in document.passages:
            texts += (passage.text, passage.heading, passage.label)
            texts += (table.header for table in passage.tables)
        if any("\0" in text for text in texts if text is not None):
            raise ValueError("it contains NUL, which Postgres can't store")
    return answer


def stop() -> None:
    """Kill all sandboxes and wait up to 10 s until they have exited; the next file starts a new launcher.

    Pending calls raise `TransientError`.
    """
    _launcher.stop()


def _error(answer: Answer) -> IngestError:
    if answer.trace:
        _log.error("A parser failed in a way it should not:\n%s", answer.trace[-launcher.LONGEST_TRACE :])
    kind = getattr(errors, answer.error or "", None)
    if answer.error == "MemoryError":
        return LimitError(_memory_message())
    # Not an outage: the queue would wait for its end, and try the file again for ever.
    if not (isinstance(kind, type) and (kind is TransientError or issubclass(kind, PermanentError))):
        return PermanentError(_DAMAGED)
    message = answer.message[:_LONGEST_MESSAGE]
    reported: IngestError = kind("".join(char if char.isprintable() else " " for char in message))
    return reported


def _killed(exit_status: ExitStatus, limits: ParserLimits) -> IngestError:
    if exit_status.signal in {signal.SIGXCPU, signal.SIGKILL} and exit_status.seconds >= limits.seconds:
        return LimitError(_time_message(f"{limits.seconds:,} seconds of processor time"))
    if exit_status.signal in launcher.SIGNALS_FROM_OUTSIDE:
        return TransientError(_STOPPED)
    _log.error("A parser was ended by signal %s", exit_status.signal)
    # Some C libraries, such as pdfium, abort when an allocation fails.
    if exit_status.memory_mb > limits.memory_mb * 0.8:
        return LimitError(_memory_message())
    return PermanentError(_DAMAGED)


def _time_message(limit: str) -> str:
    return (
        f"Reading this file took more than {limit} and was stopped. Split it into smaller files, or save it "
        "again with the program it comes from."
    )


def _memory_message() -> str:
    return (
        "Reading this file took more memory than is allowed and was stopped. Split it into smaller files, or "
        "save it again with the program it comes from."
    )


def _run(file: int, order: Order) -> tuple[bytes, ExitStatus | None]:
    """The child's output and exit status; None for the status on a timeout."""
    generation = None
    for _ in range(2):
        lifetime, far_lifetime = socket.socketpair()
        data, far_data = socket.socketpair()
        with lifetime, data:
            try:
                with far_lifetime, far_data:
                    generation = _launcher.start_child(far_lifetime, far_data, file)
                data.sendall(launcher.frame(order))
                started = _receive(lifetime, 1, _SECONDS_TO_START)
            except (BrokenPipeError, ConnectionResetError):
                started = b""
            if started == launcher.STARTED:
                return _listen(lifetime, data, order.limits)
            if started == launcher.NOT_STARTED:
                raise OutageError("The machine has no room for another process. Luma retries automatically.")
            # The launcher is gone, perhaps killed since the last file.
            _launcher.stop(generation)
    raise TransientError(_STOPPED)


def _listen(
    lifetime: socket.socket, data: socket.socket, limits: ParserLimits
) -> tuple[bytes, ExitStatus | None]:
    deadline = time.monotonic() + limits.elapsed_seconds
    blocks: list[bytes] = []
    size = 0
    in_time = True
    while size <= limits.output_mb * 2**20:
        if not _readable(data, deadline - time.monotonic()):
            in_time = False
            break
        try:
            block = data.recv(_BLOCK)
        except ConnectionResetError:
            break
        if not block:
            break
        blocks.append(block)
        size += len(block)
    # Closing our end makes the launcher kill the rest of the child, so this can't hang.
    if size > limits.output_mb * 2**20 or not in_time:
        lifetime.shutdown(socket.SHUT_WR)
    elif not _readable(lifetime, max(0.0, deadline - time.monotonic())):
        in_time = False
        lifetime.shutdown(socket.SHUT_WR)
    report = _receive(lifetime, ExitStatus.SIZE, _SECONDS_TO_END)
    if len(report) < ExitStatus.SIZE:
        raise TransientError(_STOPPED)
    return b"".join(blocks), ExitStatus.unpack(report) if in_time else None


def _readable(connection: socket.socket, seconds: float) -> bool:
    # Not `select`: it fails in programs with more than 1,024 open files.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _receive(connection: socket.socket, size: int, seconds: float) -> bytes:
    """`size` bytes, or fewer if the other side closes or is silent for `seconds`."""
    data = b""
    while len(data) < size and _readable(connection, seconds):
        try:
            block = connection.recv(size - len(data))
        except ConnectionResetError:
            break
        if not block:
            break
        data += block
    return data


class _Launcher:
    """The launcher process of this program, started with the first file and again if it was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._generation = 0

    def start_child(self, lifetime: socket.socket, data: socket.socket, file: int) -> int:
        """Fork a child with the given ends of two connections, and an open file.

        Returns the launcher's generation.

        Raises:
            BrokenPipeError: the launcher is gone.
        """
        with self._lock:
            if self._control is None or self._process is None or self._process.poll() is not None:
                self._close()
                self._control = self._start()
            with contextlib.suppress(BrokenPipeError):
                socket.send_fds(self._control, [b"+"], [lifetime.fileno(), data.fileno(), file])
            return self._generation

    def stop(self, generation: int | None = None) -> None:
        """Stop the launcher and its children, unless a launcher newer than `generation` is running."""
        with self._lock:
            if generation is None or generation == self._generation:
                self._close()

    def forget(self) -> None:
        """In a fork of this program: leave the launcher to the parent, which owns it."""
        self._lock = threading.Lock()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # owned by the parent
        self._control = self._process = None

    def _start(self) -> socket.socket:
        control, far = socket.socketpair()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # numpy's BLAS would start threads, and a process with threads should not fork.
        environment["OPENBLAS_NUM_THREADS"] = "1"
        with far:
            self._process = subprocess.Popen(
                isolated.command(_LAUNCHER),
                stdin=far.fileno(),
                cwd="/",
                env=environment,
                # Ctrl-C is handled by the program, which decides about the files in progress.
                start_new_session=True,
            )
        self._generation += 1
        return control

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(timeout=_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None


_launcher = _Launcher()
atexit.register(_launcher.stop)
os.register_at_fork(after_in_child=_launcher.forget)
