"""Classifies errors of the database by SQLSTATE: outages, conflicts with other requests, and bugs.

An outage is the operator's business and passes: callers get 503, and the log one line at a time. A conflict
passes with a retry. Everything else, most constraint violations included, is a bug of Luma.
"""

import errno
import functools
import logging
import time

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from luma_rag.db import models  # noqa: F401 - fills the metadata
from luma_rag.db.base import Base
from luma_rag.errors import ConcurrentChangeError, DeadlockError, LumaError, UnavailableError

_UNAVAILABLE = "The database is unavailable"
# Outages, by SQLSTATE or the start of one, from the appendix "PostgreSQL Error Codes".
_OUTAGES = {
    "08": _UNAVAILABLE,
    "25006": "The database is read-only",  # a standby, or a failover in progress
    "28": "The database rejects the role or the password of Luma",
    "3D": "The database does not exist",
    "40": "The database is busy",  # a deadlock or a conflict
    "53": "The database has run out of resources",
    "53100": "The disk of the database is full",
    "53200": "The database is out of memory",
    "53300": "All connections of the database are in use",
    "55000": _UNAVAILABLE,  # it accepts no connections at present
    "55P03": "The database is busy",
    "57": _UNAVAILABLE,  # it is starting, recovering, or shutting down
    "57014": "The database took too long",
    "58": "The disk of the database has an error",
}
_DEADLOCK = "40P01"
_SERIALIZATION = "40001"
_FOREIGN_KEY = ("23001", "23503")
# Rows that one request may delete while another one refers to them.
_DELETABLE = frozenset({"users", "document", "namespace", "chats", "message"})
_LOG_EVERY_SECONDS = 30.0
_RETRY_SECONDS = 5


def outage(error: BaseException) -> str | None:
    """The failure as a sentence without its period, if the database or the disk is at fault; else None."""
    if isinstance(error, PoolTimeoutError):
        return "All database connections are busy"
    if isinstance(error, OSError):
        # The socket of a stopped server is missing like any other file.
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return "The disk is full" if is_full else "The database or the disk is unavailable"
    state = sqlstate(error) or ""
    known = (_OUTAGES.get(state[:length]) for length in (5, 2))
    return next(filter(None, known), _UNAVAILABLE if _is_disconnected(error) else None)


def as_luma_error(error: Exception) -> LumaError | None:
    """The outage or conflict that an error of the database or the disk means; None for a bug."""
    state = sqlstate(error)
    if state == _DEADLOCK:
        return DeadlockError("Deadlock with another change; retry.", retry_after=1)
    if state == _SERIALIZATION:
        return UnavailableError("Conflict with another change; retry.", retry_after=1)
    if failed := outage(error):
        return UnavailableError(f"{failed}. Retry in {_RETRY_SECONDS} s.", retry_after=_RETRY_SECONDS)
    if state in _FOREIGN_KEY and violated_constraint(error) in _references_to_deletable():
        return ConcurrentChangeError("Another request deleted what this one refers to; reload and retry.")
    return None


def violated_constraint(error: Exception) -> str | None:
    """The name of the constraint that a statement violated."""
    return getattr(_driver_error(error), "constraint_name", None) if sqlstate(error) else None


def reason(error: Exception) -> str:
    """One line about the cause, for operators: without SQL, parameters or values of rows."""
    driver = _driver_error(error)
    lines = str(driver).splitlines() or [type(driver).__name__]
    state = sqlstate(error)
    return f"{lines[0]} (SQLSTATE {state})" if state else lines[0]


class OutageLog:
    """Logs repeated failures briefly: each reason at once, then one line per half a minute with the number of
    the others.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        # By reason: when it was last logged, and how often it came since.
        self._logged: dict[str, tuple[float, int]] = {}

    def add(self, what: str, error: Exception) -> None:
        """Log that `what` failed, unless the same reason was logged a moment ago."""
        why = reason(error)
        now = time.monotonic()
        self._logged = {
            key: (at, count)
            for key, (at, count) in self._logged.items()
            if key == why or now - at < _LOG_EVERY_SECONDS
        }
        at, count = self._logged.get(why, (None, 0))
        if at is not None and now - at < _LOG_EVERY_SECONDS:
            self._logged[why] = (at, count + 1)
            return
        self._logged[why] = (now, 0)
        more = f" ({count} more failures for this reason since the last line)" if count else ""
        self._logger.error("%s failed: %s%s", what, why, more)


def _driver_error(error: BaseException) -> BaseException:
    """The exception of asyncpg, which SQLAlchemy wraps twice."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of an error of the database."""
    found = getattr(_driver_error(error), "sqlstate", None)
    return found if isinstance(found, str) else None


def _is_disconnected(error: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    driver = _driver_error(error)
    return isinstance(driver, asyncpg.InterfaceError) and "closed" in str(driver)


@functools.cache
def _references_to_deletable() -> frozenset[str]:
    return frozenset(
        str(key.constraint.name)
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name in _DELETABLE and key.constraint is not None
    )
