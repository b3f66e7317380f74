"""A bound on the open connections of a server process, below its limit on open files."""

import contextlib
import heapq
import logging
import resource
import time
from collections.abc import Iterable
from typing import Protocol

logger = logging.getLogger(__name__)

_MOST_FILES = 65_536
_MOST_CONNECTIONS = 8192
# Reserved for the database, the model, the log, and so on.
_OWN_FILES = 64
# Clients pause while they compute or wait for their own disk.
_SILENT_SECONDS = 1.0
# Closing several at a time saves the search for the next connections.
_ROOM = 1 / 16
_LOG_EVERY_SECONDS = 30.0


class Connection(Protocol):
    """The part of a connection that the bound needs."""

    def silent_since(self) -> float | None:
        """The monotonic time since which the server has been waiting for the client; None if it isn't."""

    def disconnect(self) -> None:
        """Close the connection at once."""


def raise_file_limit() -> None:
    """Allow this process as many open files as its hard limit does. The usual soft limit of 1024 is for
    programs that use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has further limits
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def max_connections() -> int:
    """The maximum number of open connections. Each may need a second file, for an upload."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(1, min((soft - _OWN_FILES) // 2, _MOST_CONNECTIONS))


def longest_silent(connections: Iterable[Connection]) -> list[Connection]:
    """The connections to close for new ones: those whose clients have been silent for longest, if any."""
    now = time.monotonic()
    silent = [
        (since, id(connection), connection)
        for connection in connections
        if (since := connection.silent_since()) is not None and now - since >= _SILENT_SECONDS
    ]
    count = max(1, int(len(silent) * _ROOM))
    return [connection for _, _, connection in heapq.nsmallest(count, silent)]


class _Log:
    """At most one line per half a minute."""

    _logged_at: float | None = None

    def add(self, limit: int) -> None:
        now = time.monotonic()
        if self._logged_at is None or now - self._logged_at >= _LOG_EVERY_SECONDS:
            self._logged_at = now
            logger.warning(
                "All %s connections are in use; those of silent clients are closed. "
                "A higher limit on open files (ulimit -n) allows more.",
                limit,
            )


full_log = _Log()
