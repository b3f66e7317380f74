"""The processes that write answers. Each holds an advisory lock on its id while it is connected.

A running turn is abandoned if its process holds none.
"""

import secrets
from typing import Any

from sqlalchemy import Select

from luma_rag.db.advisory_locks import held_ids
from luma_rag.db.session import connect

_LOCK_CLASS = 0x4C55_4D54


class Process:
    """This process."""

    def __init__(self) -> None:
        self.id = secrets.randbelow(2**31)

    async def connect(self, url: str) -> Any:
        """Open an asyncpg connection. While it is open, other processes know that this one is alive."""
        connection = await connect(url)
        # Shared: a new connection need not wait until the server has noticed the loss of the last one.
        await connection.execute("SELECT pg_advisory_lock_shared($1, $2)", _LOCK_CLASS, self.id)
        return connection


def connected_processes() -> Select[int]:
    """The ids of all processes that are connected to this database now."""
    return held_ids(_LOCK_CLASS)
