"""The migration that makes the names of namespaces unique, on a database with clashing names."""

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from luma_rag.db.migrate import config
from luma_rag.runtime import Store

_LONG = "x" * 255
# Owner and name, in the order of the ids, with the name afterwards.
ROWS = [
    (1, "papers", "papers"),
    (1, "papers", "papers (3)"),
    (1, "papers (2)", "papers (2)"),
    (1, "papers", "papers (4)"),
    (2, "papers", "papers"),
    (2, "drafts", "drafts"),
    (1, _LONG, _LONG),
    (1, _LONG, "x" * 251 + " (2)"),
    (1, "x" * 251 + " (3)", "x" * 251 + " (3)"),
    (1, _LONG, "x" * 251 + " (4)"),
    (3, "Papers", "Papers"),
    (3, "papers", "papers"),
]


def _run(connection: Connection, direction: str, revision: str) -> None:
    configuration = config()
    configuration.attributes["connection"] = connection
    getattr(command, direction)(configuration, revision)


async def test_clashing_names_get_a_number_by_id(store: Store) -> None:
    async with store.engine.connect() as connection:
        await connection.run_sync(_run, "downgrade", "0008")
        for user_id in (1, 2, 3):
            await connection.execute(
                text(
                    "INSERT INTO users(id, username, email, password, role) VALUES (:i, :n, :n, '', 'user')"
                ),
                {"i": user_id, "n": f"user{user_id}"},
            )
        for number, (user_id, name, _) in enumerate(ROWS, 1):
            await connection.execute(
                text("INSERT INTO namespace(id, user_id, name) VALUES (:id, :user_id, :name)"),
                {"id": number, "user_id": user_id, "name": name},
            )
        await connection.run_sync(_run, "upgrade", "0009")
        names = (await connection.scalars(text("SELECT name FROM namespace ORDER BY id"))).all()
        assert names == [name for *_, name in ROWS]
        with pytest.raises(IntegrityError, match="uq_namespace_user_id_name"):
            await connection.execute(
                text("INSERT INTO namespace(id, user_id, name) VALUES (99, 2, 'drafts')")
            )
