"""The launcher process as its program sees it: starts it, has it fork a child per file, and stops it."""

import contextlib
import os
import select
import socket
import subprocess
import threading
import time

from ingest import isolated
from ingest.messages import NOT_STARTED, STARTED, ExitStatus
from ingest.settings import ParserLimits

# Enough to import the parsers on a busy machine.
_SECONDS_TO_START = 60
_SECONDS_TO_END = 10
_BLOCK = 2**16
# The variables needed to find libraries and decode file names; secrets are not passed on.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE")
# A process with threads should not fork: numpy's BLAS and ONNX Runtime's telemetry would start some.
_WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}


class NoRoomError(Exception):
    """The system allows no further process."""


class StoppedError(Exception):
    """A process was stopped before it answered."""


class LauncherProcess:
    """A launcher process of this program, started with the first file and again if it was killed."""

    def __init__(self, module: str) -> None:
        """`module` is the one whose `main` the process runs."""
        self.module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._generation = 0

    def run(self, file: int, request: bytes, limits: ParserLimits) -> tuple[bytes, ExitStatus | None]:
        """The output and exit status of a child that reads an open file; None for the status on a timeout.

        Raises:
            NoRoomError: the system allows no further process.
            StoppedError: the process or the launcher was stopped.
        """
        generation: int | None = None
        for _ in range(2):
            lifetime, far_lifetime = socket.socketpair()
            data, far_data = socket.socketpair()
            with lifetime, data:
                try:
                    with far_lifetime, far_data:
                        generation = self.start_child(far_lifetime, far_data, file)
                    started = _receive(lifetime, 1, _SECONDS_TO_START)
                except (BrokenPipeError, ConnectionResetError):
                    started = b""
                if started == STARTED:
                    return _listen(lifetime, data, request, limits)
                if started == NOT_STARTED:
                    raise NoRoomError
                # The launcher is gone, perhaps killed since the last file.
                self.stop(generation)
        raise StoppedError

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
        environment |= _WITHOUT_THREADS
        with far:
            self._process = subprocess.Popen(
                isolated.command(self.module),
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


def _listen(
    lifetime: socket.socket, data: socket.socket, request: bytes, limits: ParserLimits
) -> tuple[bytes, ExitStatus | None]:
    deadline = time.monotonic() + limits.elapsed_seconds
    blocks: list[bytes] = []
    size = 0
    in_time = _sent(data, request, limits.elapsed_seconds)
    while in_time and size <= limits.output_mb * 2**20:
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
        raise StoppedError
    return b"".join(blocks), ExitStatus.unpack(report) if in_time else None


def _sent(data: socket.socket, request: bytes, seconds: float) -> bool:
    """Whether the request could be sent in time, or the other side no longer wants it."""
    data.settimeout(seconds)
    try:
        data.sendall(request)
    except TimeoutError:
        return False
    except (BrokenPipeError, ConnectionResetError):
        pass
    data.settimeout(None)
    return True


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
