"""The processes that write answers. Each holds an advisory lock on its id while it is connected.

A running turn whose process holds none has been abandoned.
"""

import secrets
from typing import Any

from sqlalchemy import Select, literal_column, select, text

from luma_rag.db.session import connect

_LOCK_CLASS = 0x4C55_4D54


class Process:
    """This process."""

    def __init__(self) -> None:
        self.id = secrets.randbelow(2**31)

    async def connect(self, url: str) -> Any:
        """An asyncpg connection that shows others, while it lives, that this process does."""
        connection = await connect(url)
        # Shared: a new connection need not wait until the server has noticed the loss of the last one.
        await connection.execute("SELECT pg_advisory_lock_shared($1, $2)", _LOCK_CLASS, self.id)
        return connection


def living_processes() -> Select[int]:
    """The ids of all processes that are connected to this database now."""
    return (
        select(literal_column("objid::bigint"))
        .select_from(text("pg_locks"))
        .where(
            text(
                "locktype = 'advisory' AND objsubid = 2 AND granted AND classid = :class "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).bindparams(**{"class": _LOCK_CLASS})
        )
    )
