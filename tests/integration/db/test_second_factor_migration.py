"""The migration that notes when users have proved their identity, on a database with a session."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from luma_rag.db.migrate import config
from luma_rag.runtime import Store

_REVISION = "0013"


def _run(connection: Connection, direction: str, revision: str) -> None:
    configuration = config()
    configuration.attributes["connection"] = connection
    getattr(command, direction)(configuration, revision)


async def test_sessions_survive_and_began_with_their_password(store: Store) -> None:
    before = ScriptDirectory.from_config(config()).get_revision(_REVISION).down_revision
    async with store.engine.connect() as connection:
        await connection.run_sync(_run, "downgrade", before)
        await connection.execute(
            text("INSERT INTO users(id, username, email, password, role) VALUES (1, 'a', 'a@x', '', 'user')")
        )
        await connection.execute(
            text(
                "INSERT INTO login_session(user_id, token_hash, created_at, expires_at, last_used_at) "
                "VALUES (1, 'x', '2026-01-01', '2026-02-01', '2026-01-02')"
            )
        )
        await connection.run_sync(_run, "upgrade", _REVISION)
        (session,) = await connection.execute(
            text("SELECT method, authenticated_at = created_at FROM login_session")
        )
        assert tuple(session) == ("password", True)
