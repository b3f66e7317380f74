"""Records a store as the code in this checkout makes it, for the test of upgrades.

To record the revision that is the head of a commit, check that commit out, copy this folder there, and run

    pytest tests/integration/db/old_data/record.py

It writes `<revision>.sql`, a dump of schema and rows, to be kept beside this file. Record a revision before
the next one is merged. Every table gets rows: by HTTP, where it can fill them here. The files in `files/`
are what is uploaded.
"""

import subprocess
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from luma_rag.db.embedded import binaries
from tests.api import Api

HERE = Path(__file__).parent
FILES = HERE / "files"
TOKEN = "-- token: "

# What HTTP can't make here, such as a sign-in by a provider, or makes only with an authenticator. An
# unconfirmed second factor asks for nothing.
BY_HAND = {
    "external_identity": "INSERT INTO external_identity (issuer, subject, user_id, created_at) "
    "SELECT 'https://login.example.com', 'bob', id, now() FROM users WHERE username = 'bob'",
    "backfill": "INSERT INTO backfill (name, finished_at) VALUES ('example', now())",
    "file_store": "INSERT INTO file_store (store_id) VALUES ('store')",
    "reread": "INSERT INTO reread (doc_id) SELECT min(id) FROM document",
    "sync_source": "INSERT INTO sync_source (namespace_id, user_id, location) "
    "SELECT id, user_id, '/srv/papers' FROM namespace WHERE name = 'papers'",
    "sync_item": "INSERT INTO sync_item (source_id, path, size, stamp, sha256, doc_id, reader) "
    "SELECT s.id, 'garden.pdf', 1, '1', d.file_metadata ->> 'sha256', d.id, 1 "
    "FROM sync_source s, document d WHERE d.title = 'Garden'",
    # Of a model that is no longer used, so that nothing has to load it.
    "chunk_embedding": "WITH model AS (INSERT INTO embedding_model (name, sha256, dimensions, profile) "
    "VALUES ('other', '1', 3, 'torch') RETURNING id) "
    "INSERT INTO chunk_embedding SELECT c.id, model.id, '[1, 0, 0]' FROM chunk c, model",
    "generation_vector": "WITH made AS (INSERT INTO generation (namespace_id, model_id, state, is_inline) "
    "SELECT n.id, m.id, 'removing', false FROM namespace n, embedding_model m "
    "WHERE n.name = 'papers' AND m.name = 'other' RETURNING id, namespace_id) "
    "INSERT INTO generation_vector SELECT v.id, made.id, v.doc_id, '[1, 0, 0]' "
    "FROM chunk_vector v JOIN made USING (namespace_id)",
    "worker": "INSERT INTO worker (id) VALUES (1)",
    "temporary_password": "INSERT INTO temporary_password (user_id, set_at) "
    "SELECT id, now() FROM users WHERE username = 'carol'",
    "second_factor": "INSERT INTO second_factor (user_id, key, created_at, last_step) "
    "SELECT id, 'key', now(), 0 FROM users WHERE username = 'bob'",
    "recovery_code": "INSERT INTO recovery_code (user_id, code_hash) "
    "SELECT user_id, 'hash' FROM second_factor",
    "rate_limit": "INSERT INTO rate_limit (key, free_at) VALUES ('login bob', now())",
}


@pytest.mark.filterwarnings("default")
async def test_record(api: Api, database: str) -> None:
    revision = await revision_of(api)
    token = await fill(api, revision)
    async with api.runtime.sessions.begin() as session:
        tables = (
            await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).all()
        for table, statement in BY_HAND.items():
            if table in tables:
                await session.execute(text(statement))
        for table in tables:
            assert await session.scalar(text(f"SELECT EXISTS (SELECT FROM {table})")), f"{table} is empty"
    dumped = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        [binaries() / "pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments", database],
        capture_output=True,
        check=True,
        text=True,
    )
    # Lines that begin with a backslash are for psql alone.
    sql = "\n".join(
        line for line in dumped.stdout.splitlines() if line and line[0] != "\\" and line[:2] != "--"
    )
    (HERE / f"{revision}.sql").write_text(f"{TOKEN}{token}\n{sql}\n")


async def revision_of(api: Api) -> str:
    async with api.runtime.sessions.begin() as session:
        return str(await session.scalar(text("SELECT version_num FROM alembic_version")))


async def fill(api: Api, revision: str) -> str:
    """Gives a token of alice's."""
    root, alice, bob = await api.admin(), await api.user("alice"), await api.user("bob")
    await api.user("carol")
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    papers = await api.namespace(alice, name="papers", description="About the garden")
    public = await api.namespace(alice, name="public", is_public=True)
    own = await api.namespace(bob, name="own")
    await _done(alice.put(f"/api/namespaces/{papers}/members/{bob_id}", json={"auth_level": 1}))
    garden = await api.upload(alice, FILES / "garden.pdf", papers, public, title="Garden")
    tools = await api.upload(alice, FILES / "tools.docx", papers, title="Tools")
    if revision >= "0019":
        newer = {"file": ("tools.txt", b"The tools are kept in the new shed.")}
        await _done(alice.put(f"/api/documents/{tools}/file", files=newer))
    await api.upload(alice, FILES / "broken.pdf", papers, title="Broken")
    await api.upload(bob, FILES / "bees.pdf", own, title="Bees")
    await _done(alice.put(f"/api/documents/{garden}/permissions/{bob_id}", json={"permission": "read"}))
    for client, namespace in ((alice, papers), (bob, papers)):
        chat = (await _done(client.post("/api/chats", json={"namespace_id": namespace}))).json()["id"]
        pin = {"pinned": True} if revision >= "0011" else {}
        await _done(client.patch(f"/api/chats/{chat}", json={"title": "Roses", **pin}))
        asked = await _done(
            client.post(f"/api/chats/{chat}/messages", json={"content": "When are the roses pruned?"})
        )
        answer = asked.json()["llm_message"]
        assert answer["citations"], answer
        await _done(
            client.put(f"/api/messages/{answer['id']}/feedback", json={"rating": 1, "comment": "Good"})
        )
    if revision >= "0002":
        carol = (await root.get("/api/users", params={"limit": 100})).json()["items"]
        carol_id = next(user["id"] for user in carol if user["username"] == "carol")
        await _done(root.patch(f"/api/users/{carol_id}", json={"is_disabled": True}))
    if revision >= "0004":
        question = {"question": "When are the roses pruned?", "places": [{"doc_id": garden, "page": 1}]}
        await _done(alice.post(f"/api/namespaces/{papers}/questions", json={"questions": [question]}))
        await _done(alice.post(f"/api/namespaces/{papers}/evaluations", json={"k": 5}))
    # The last upload waits for a worker.
    data = {"namespace_id": str(papers), "title": "Waiting"}
    content = (FILES / "waiting.pdf").read_bytes()
    await _done(alice.post("/api/documents", files={"file": ("waiting.pdf", content)}, data=data))
    made = await _done(alice.post("/api/auth/tokens", json={"name": "script", "namespace_ids": [papers]}))
    return str(made.json()["token"])


async def _done(call: object) -> httpx.Response:
    answer: httpx.Response = await call  # type: ignore[misc]
    assert answer.is_success, answer.text
    return answer
