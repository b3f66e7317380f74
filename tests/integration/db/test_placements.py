"""The migration that records who put documents into namespaces, on a database from before."""

import json

from sqlalchemy import text

from luma_rag.runtime import Store
from tests.integration.db.test_unique_namespace_names import _run

USERS = {1: ("root", "admin"), 2: ("alice", "user"), 3: ("bob", "user"), 4: ("dave", "user")}
# Document (all of them alice's), the users who added it to dave's namespace in turn, and its placement
# afterwards; 9 is an account that is gone.
PLACED = [
    (1, [], 2),
    (2, [3], 3),  # Shared with bob for writing.
    (3, [3], None),  # Shared with bob for reading only.
    (4, [4], 4),  # Public.
    (5, [9], 2),
    (6, [3, 2], 2),
    (7, [1], 1),
]


async def test_older_placements_are_attributed_by_the_audit_trail(store: Store) -> None:
    async with store.engine.connect() as connection:
        await connection.run_sync(_run, "downgrade", "0009")
        for user_id, (name, role) in USERS.items():
            await connection.execute(
                text("INSERT INTO users(id, username, email, password, role) VALUES (:i, :n, :n, '', :r)"),
                {"i": user_id, "n": name, "r": role},
            )
        await connection.execute(text("INSERT INTO namespace(id, user_id, name) VALUES (7, 4, 'papers')"))
        for doc_id, added_by, _ in PLACED:
            await connection.execute(
                text(
                    "INSERT INTO document(id, user_id, title, file_path, file_metadata, type, is_public, "
                    "uploaded_at) VALUES (:i, 2, 'd', 'p', jsonb_build_object('sha256', 'x' || :i), 'pdf', "
                    ":i = 4, now())"
                ).bindparams(i=doc_id)
            )
            await connection.execute(
                text("INSERT INTO namespace_doc(namespace_id, doc_id, vec_id) VALUES (7, :i, '{}')"),
                {"i": doc_id},
            )
            for user_id in added_by:
                await connection.execute(
                    text(
                        "INSERT INTO audit_event(at, action, actor_id, about) "
                        "VALUES (now(), 'namespace.document-added', :u, CAST(:a AS jsonb))"
                    ),
                    {"u": user_id, "a": json.dumps({"namespace_id": 7, "doc_id": doc_id})},
                )
        await connection.execute(
            text("INSERT INTO doc_user(doc_id, user_id, permission) VALUES (2, 3, 'write'), (3, 3, 'read')")
        )
        await connection.run_sync(_run, "upgrade", "0010")
        placed = await connection.execute(text("SELECT doc_id, user_id FROM placement ORDER BY doc_id"))
        standing = [(doc_id, user_id) for doc_id, _, user_id in PLACED if user_id is not None]
        assert [tuple(row) for row in placed] == standing
        held = await connection.scalars(text("SELECT doc_id FROM namespace_doc ORDER BY doc_id"))
        assert held.all() == [doc_id for doc_id, _ in standing]
        told = await connection.scalars(
            text("SELECT about FROM audit_event WHERE action = 'namespace.document-removed'")
        )
        assert told.all() == [{"namespace_id": 7, "doc_id": 3}]
        await connection.rollback()
