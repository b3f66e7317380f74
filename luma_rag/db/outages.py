"""Tells failures of the database or the machine from those of a statement."""

import errno

from asyncpg import InterfaceError, PostgresConnectionError
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
}


def outage(error: BaseException) -> str | None:
    """What has failed, without a final period, if waiting can help; None for all other errors."""
    if isinstance(error, DBAPIError):
        sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
        for known in (sqlstate, sqlstate[:3], sqlstate[:2]):
            if known in _REASONS:
                return _REASONS[known]
        return _GONE if error.connection_invalidated or isinstance(error.orig, OSError) else None
    if isinstance(error, PoolTimeoutError):
        return _REASONS["53300"]
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "The disk is full"
    if isinstance(error, OSError | PostgresConnectionError | InterfaceError):
        return _GONE
    return None
