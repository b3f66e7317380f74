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
import signal
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from ingest import errors, launcher
from ingest.containment import Containment
from ingest.errors import (
    IngestError,
    LimitError,
    NoTextError,
    OutageError,
    PermanentError,
    TransientError,
)
from ingest.launcher_process import LauncherProcess, NoRoomError, StoppedError
from ingest.messages import Answer, ExitStatus, Request, frame
from ingest.settings import ParserLimits
from ingest.types import DocumentType, ParsedDocument, RecognizedPage

_log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 1000

_DAMAGED = (
    "The file could not be read: it is damaged, or it uses something in an unusual way. If the program it "
    "comes from still opens it, save it again and use that."
)
_STOPPED = "The process that reads files was stopped. Try again."


def parse_in_sandbox(
    path: Path,
    limits: ParserLimits,
    *,
    comments: bool = False,
    kind: DocumentType | None = None,
    recognized: Mapping[int, RecognizedPage] | None = None,
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
    # Only the suffix counts, and names need not be valid UTF-8.
    name = path.name.encode(errors="replace").decode()
    known = None if recognized is None else dict(recognized)
    request = Request(limits, comments, kind, name, known)
    with _opened(path) as file:
        answer = _answer(_launcher, file, request)
    if answer.document is not None:
        return answer.document
    raise _error(answer)


def recognize_in_sandbox(path: Path, page: int, limits: ParserLimits) -> RecognizedPage:
    """Recognize the text of a page, counted from 1, in its own process, as `parse_in_sandbox` does.

    Needs the packages of the extra `ocr`.

    Raises:
        LimitError: a limit was exceeded.
        PermanentError: the page can't be drawn, or it crashed the process.
        TransientError: `path` can't be opened, or the process was killed from outside.
    """
    with _opened(path) as file:
        answer = _answer(_recognizer, file, Request(limits, page=page))
    if answer.recognized is not None:
        return answer.recognized
    raise _error(answer)


def containment() -> Containment:
    """The layers that contain parsers on this system. Blocks while it starts a process to find out.

    Raises:
        TransientError: there is none, since it could not be contained.
    """
    file = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        answer = _answer(_launcher, file, Request(ParserLimits()))
    finally:
        os.close(file)
    if answer.error == "TransientError":
        raise _error(answer)
    return answer.containment


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        # Opening a named pipe would wait for a writer.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise TransientError(f"The file could not be opened: {error.strerror}.") from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise TransientError("The file could not be opened: Not a regular file.")
        yield file
    finally:
        os.close(file)


def _answer(process: LauncherProcess, file: int, request: Request) -> Answer:
    limits = request.limits
    data, exit_status = _run(process, file, request)
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
            for table in passage.tables:
                texts.append(table.caption)
                texts += (cell.text for row in table.rows for cell in row)
        if any("\0" in text for text in texts if text is not None):
            raise ValueError("it contains NUL, which Postgres can't store")
    return answer


def stop() -> None:
    """Kill all sandboxes and wait up to 10 s until they have exited; the next file starts a new launcher.

    Pending calls raise `TransientError`.
    """
    _launcher.stop()
    _recognizer.stop()


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
    message = "".join(char if char.isprintable() else " " for char in message)
    if kind is NoTextError:
        return NoTextError(message, answer.unread)
    reported: IngestError = kind(message)
    return reported


def _killed(exit_status: ExitStatus, limits: ParserLimits) -> IngestError:
    is_over = exit_status.signal == signal.SIGKILL and exit_status.seconds >= limits.seconds
    if exit_status.signal == signal.SIGXCPU or is_over:
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


def _run(process: LauncherProcess, file: int, request: Request) -> tuple[bytes, ExitStatus | None]:
    try:
        return process.run(file, frame(request), request.limits)
    except NoRoomError:
        raise OutageError(
            "The machine has no room for another process. Luma retries automatically."
        ) from None
    except StoppedError:
        raise TransientError(_STOPPED) from None


_launcher = LauncherProcess(launcher.__name__)
_recognizer = LauncherProcess("ingest.recognition.launcher")
for _process in (_launcher, _recognizer):
    atexit.register(_process.stop)
    os.register_at_fork(after_in_child=_process.forget)
