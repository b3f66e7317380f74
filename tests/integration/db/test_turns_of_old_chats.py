"""The migration that pairs the messages of older chats as turns."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from luma_rag.db.migrate import config
from luma_rag.runtime import Store

REVISION = "0011"
# Chat, sender; the ids count from 1. The second chat has an unanswered question, the third a question with
# two answers, and the fourth is empty.
MESSAGES = [
    (1, "user"),
    (2, "user"),
    (1, "LLM"),
    (2, "user"),
    (3, "user"),
    (2, "LLM"),
    (1, "user"),
    (3, "LLM"),
    (3, "LLM"),
    (1, "LLM"),
    (3, "user"),
]
# Chat, question, answer, the question and answer of the turn that it follows, state.
TURNS = [
    (1, 1, 3, None, None, "complete"),
    (2, 2, None, None, None, "failed"),
    (2, 4, 6, 2, None, "complete"),
    (3, 5, 8, None, None, "complete"),
    (3, 5, 9, None, None, "complete"),
    (1, 7, 10, 1, 3, "complete"),
    (3, 11, None, 5, 9, "failed"),
]


def _run(connection: Connection, direction: str, revision: str) -> None:
    configuration = config()
    configuration.attributes["connection"] = connection
    getattr(command, direction)(configuration, revision)


async def test_each_answer_belongs_to_the_question_before_it(store: Store) -> None:
    before = ScriptDirectory.from_config(config()).get_revision(REVISION).down_revision
    async with store.engine.connect() as connection:
        await connection.run_sync(_run, "downgrade", before)
        await connection.execute(
            text(
                "INSERT INTO users (id, username, email, password, role) VALUES (1, 'alice', 'a', '', 'user')"
            )
        )
        await connection.execute(text("INSERT INTO namespace (id, user_id, name) VALUES (1, 1, 'papers')"))
        await connection.execute(
            text(
                "INSERT INTO chats (user_id, namespace_id, started_at) "
                "SELECT 1, 1, now() FROM generate_series(1, 4)"
            )
        )
        for chat_id, sender in MESSAGES:
            await connection.execute(
                text(
                    "INSERT INTO message (chat_id, sender_type, content, time_sent) "
                    "VALUES (:chat_id, :sender, 'text', now())"
                ),
                {"chat_id": chat_id, "sender": sender},
            )
        await connection.run_sync(_run, "upgrade", REVISION)
        rows = await connection.execute(
            text(
                "SELECT t.chat_id, t.question_id, t.answer_id, before.question_id, before.answer_id, t.state "
                "FROM turn t LEFT JOIN turn before ON before.id = t.follows_id ORDER BY t.id"
            )
        )
        assert [tuple(row) for row in rows] == TURNS
        told = await connection.scalars(
            text("SELECT DISTINCT error ->> 'code' FROM turn WHERE state = 'failed'")
        )
        assert told.all() == ["answer_interrupted"]
        # New turns get ids of their own.
        await connection.execute(
            text("INSERT INTO turn (chat_id, question_id, state) VALUES (1, 7, 'complete')")
        )
        assert await connection.scalar(text("SELECT max(id) FROM turn")) == len(TURNS) + 1
