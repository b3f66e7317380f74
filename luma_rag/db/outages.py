"""Tells failures of the database or the machine from those of a statement."""

import errno

from asyncpg import InterfaceError, PostgresError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_GONE = "The database is not available"
_BUSY = "The database is busy"
# By SQLSTATE, or by its class.
_REASONS = {
    "53100": "The disk of the database is full",
    "53200": "The database is out of memory",
    "53300": "The database has no free connection",
    "53": "The database has run out of resources",
    "57P": _GONE,
    "57014": "The database took too long",
    "58": "The disk of the database fails",
    "08": _GONE,
    "25006": "The database is read-only",
    "40": _BUSY,
    "55P03": _BUSY,
    # The database accepts no connections at present.
    "55000": _GONE,
}


def outage(error: BaseException) -> str | None:
    """What has failed, without a final period, if waiting can help; None for all other errors."""
    if isinstance(error, DBAPIError):
        is_lost = error.connection_invalidated or isinstance(error.orig, OSError)
        return _by_sqlstate(error.orig) or (_GONE if is_lost else None)
    if isinstance(error, PoolTimeoutError):
        return _REASONS["53300"]
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk is full"
    # Of connections outside the pool.
    if isinstance(error, OSError | PostgresError | InterfaceError):
        return _by_sqlstate(error) or _GONE
    return None


def _by_sqlstate(error: BaseException | None) -> str | None:
    sqlstate = str(getattr(error, "sqlstate", None) or "")
    known = (_REASONS.get(sqlstate[:length]) for length in (5, 3, 2))
    return next((reason for reason in known if reason), None)
