"""Every column of the eight given tables in the migrated database, compared with expected values."""

from collections import defaultdict

import pytest
from sqlalchemy import text

from luma_rag.db.migrate import config, current_and_head
from luma_rag.runtime import Store

# table: column -> (type, nullable, default)
FACTS: dict[str, dict[str, tuple[str, bool, str | None]]] = {
    "users": {
        "id": ("integer", False, "nextval('users_id_seq'::regclass)"),
        "username": ("character varying(50)", False, None),
        "email": ("character varying(255)", False, None),
        "password": ("character varying(255)", False, None),
        "role": ("character varying(20)", False, None),
        "created_at": ("timestamp without time zone", False, "now()"),
        "updated_at": ("timestamp without time zone", False, "now()"),
    },
    "document": {
        "id": ("integer", False, "nextval('document_id_seq'::regclass)"),
        "user_id": ("integer", False, None),
        "title": ("character varying(255)", False, None),
        "file_path": ("text", False, None),
        "file_metadata": ("jsonb", False, None),
        "type": ("character varying(50)", False, None),
        "is_public": ("boolean", False, "true"),
        "uploaded_at": ("timestamp without time zone", False, None),
    },
    "doc_user": {
        "id": ("integer", False, "nextval('doc_user_id_seq'::regclass)"),
        "doc_id": ("integer", False, None),
        "user_id": ("integer", False, None),
        "permission": ("character varying(20)", False, None),
    },
    "chats": {
        "id": ("integer", False, "nextval('chats_id_seq'::regclass)"),
        "user_id": ("integer", False, None),
        "namespace_id": ("integer", False, None),
        "started_at": ("timestamp without time zone", False, None),
    },
    "message": {
        "id": ("integer", False, "nextval('message_id_seq'::regclass)"),
        "chat_id": ("integer", False, None),
        "sender_type": ("character varying(10)", False, None),
        "content": ("text", False, None),
        "time_sent": ("timestamp without time zone", False, None),
    },
    "namespace": {
        "id": ("integer", False, "nextval('namespace_id_seq'::regclass)"),
        "user_id": ("integer", False, None),
        "name": ("character varying(255)", False, None),
        "description": ("text", True, None),
        "is_public": ("boolean", False, "false"),
        "created_at": ("timestamp without time zone", False, "now()"),
    },
    "namespace_doc": {
        "id": ("integer", False, "nextval('namespace_doc_id_seq'::regclass)"),
        "namespace_id": ("integer", False, None),
        "doc_id": ("integer", False, None),
        "vec_id": ("text[]", False, None),
    },
    "namespace_auth": {
        "id": ("integer", False, "nextval('namespace_auth_id_seq'::regclass)"),
        "user_id": ("integer", False, None),
        "namespace_id": ("integer", False, None),
        "auth_level": ("integer", False, None),
    },
}
# (table, columns) -> (referenced table, action on delete)
FOREIGN_KEYS = {
    ("document", "user_id"): ("users", "RESTRICT"),
    ("doc_user", "doc_id"): ("document", "CASCADE"),
    ("doc_user", "user_id"): ("users", "CASCADE"),
    ("message", "chat_id"): ("chats", "CASCADE"),
    ("chats", "user_id"): ("users", "CASCADE"),
    ("chats", "namespace_id"): ("namespace", "CASCADE"),
    ("namespace", "user_id"): ("users", "RESTRICT"),
    ("namespace_doc", "namespace_id"): ("namespace", "CASCADE"),
    ("namespace_doc", "doc_id"): ("document", "CASCADE"),
    ("namespace_auth", "user_id"): ("users", "CASCADE"),
    ("namespace_auth", "namespace_id"): ("namespace", "CASCADE"),
}
UNIQUE = {
    ("users", "username"),
    ("users", "email"),
    ("doc_user", "doc_id,user_id"),
    ("namespace_doc", "namespace_id,doc_id"),
    ("namespace_auth", "user_id,namespace_id"),
}
_ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL"}


async def test_every_column_is_exactly_as_given(store: Store) -> None:
    async with store.engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, "
                "pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
                "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 "
                "AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
            )
        )
        found: dict[str, dict[str, tuple[str, bool, str | None]]] = defaultdict(dict)
        for table, column, kind, is_nullable, default in rows:
            found[table][column] = (kind, is_nullable, default)
    for table, facts in FACTS.items():
        assert found[table] == facts, table
        # The order matters too, for readers of the tables.
        assert list(found[table]) == list(facts), table


async def test_foreign_keys_and_delete_actions(store: Store) -> None:
    async with store.engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT conrelid::regclass::text, contype::text, confrelid::regclass::text, "
                "confdeltype::text, (SELECT string_agg(a.attname, ',' ORDER BY k.n) "
                "FROM unnest(conkey) WITH ORDINALITY k(num, n) "
                "JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num) FROM pg_constraint "
                "WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'p', 'u')"
            )
        )
        constraints = [tuple(row) for row in rows]
    given = [c for c in constraints if c[0] in FACTS]
    assert {
        (t, cols): (ref, _ACTIONS[act]) for t, kind, ref, act, cols in given if kind == "f"
    } == FOREIGN_KEYS
    assert {(t, cols) for t, kind, _, _, cols in given if kind == "p"} == {(table, "id") for table in FACTS}
    assert {(t, cols) for t, kind, _, _, cols in given if kind == "u"} == UNIQUE


async def test_every_foreign_key_has_an_index(store: Store) -> None:
    """Includes Luma's own tables: without an index, a deletion scans the whole referencing table."""
    async with store.engine.connect() as connection:
        missing = await connection.execute(
            text(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint k WHERE contype = 'f' "
                "AND connamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_index i "
                "WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1] AND i.indpred IS NULL)"
            )
        )
        assert missing.all() == []


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            "INSERT INTO users(username, email, password, role) VALUES ('r', 'r@x', '', 'root')",
            "ck_users_role",
        ),
        ("INSERT INTO doc_user(doc_id, user_id, permission) VALUES (1, 1, 'all')", "ck_doc_user_permission"),
        (
            "INSERT INTO namespace_auth(user_id, namespace_id, auth_level) VALUES (1, 1, 4)",
            "ck_namespace_auth_auth_level",
        ),
        (
            "INSERT INTO message(chat_id, sender_type, content, time_sent) VALUES (1, 'robot', '', now())",
            "ck_message_sender_type",
        ),
    ],
)
async def test_values_outside_the_allowed_sets_are_rejected(
    store: Store, statement: str, constraint: str
) -> None:
    async with store.engine.connect() as connection:
        with pytest.raises(Exception, match=constraint):
            await connection.execute(text(statement))


async def test_vectors_are_stored_inline(store: Store) -> None:
    async with store.engine.connect() as connection:
        storage = await connection.scalar(
            text(
                "SELECT attstorage::text FROM pg_attribute "
                "WHERE attrelid = 'chunk_vector'::regclass AND attname = 'embedding'"
            )
        )
        # PLAIN: a vector stored out of line makes an exact scan several times slower.
        assert storage == "p"


async def test_models_and_migrations_agree(store: Store) -> None:
    from alembic import command

    async with store.engine.connect() as connection:
        current, head = await connection.run_sync(current_and_head)
        assert current == head

        def check(sync_connection: object) -> None:
            configuration = config()
            configuration.attributes["connection"] = sync_connection
            command.check(configuration)

        await connection.run_sync(check)
