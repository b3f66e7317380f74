"""Stores of earlier revisions are upgraded, and then used. `old_data/record.py` says how they were made."""

import itertools
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from ingest.embedding import Embedder
from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.session import connect, create_engine, create_sessions
from luma_rag.documents import rereading, vector_index
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Runtime, Store, open_services
from luma_rag.settings import Settings
from luma_rag.verify import verify
from tests.api import PASSWORD, Api
from tests.databases import database_at, drop, run_on
from tests.integration.db.old_data.record import FILES, TOKEN
from tests.servers import serving

DUMPS = {path.stem: path for path in sorted((Path(__file__).parent / "old_data").glob("*.sql"))}
# These came together with the revision after them.
NEVER_A_HEAD = {
    "0002",
    "0003",
    "0004",
    "0010",
    "0011",
    "0012",
    "0013",
    "0016",
    "0018",
    "0019",
    "0020",
    "0021",
}
HELD = ["Broken", "Garden", "Tools", "Waiting"]
PRUNED = "When are the roses pruned?"
_numbers = itertools.count(1)


class OldStore(msgspec.Struct, frozen=True):
    """A store as it was recorded, with a token of alice's."""

    revision: str
    store: Store
    token: str


@pytest.fixture(params=DUMPS)
async def old(
    request: pytest.FixtureRequest, server_url: str, template: str, tmp_path: Path
) -> AsyncGenerator[OldStore]:
    """The store of each revision. Making the template has permitted the role to create databases."""
    dump = DUMPS[request.param].read_text()
    name = f"old_{os.getpid()}_{next(_numbers)}"
    await run_on(server_url, f"CREATE DATABASE {name} STRATEGY file_copy")
    url = database_at(server_url, name)
    connection = await connect(url)
    await connection.execute(dump)
    await connection.close()
    engine = create_engine(url)
    storage = FileStorage(tmp_path / "files", 2**20)
    async with engine.connect() as reading:
        stored = await reading.execute(
            text("SELECT file_path, file_metadata ->> 'original_filename' FROM document")
        )
        for path, filename in stored:
            storage.path(path).parent.mkdir(exist_ok=True)
            storage.path(path).write_bytes((FILES / filename).read_bytes())
    settings = Settings(data_dir=tmp_path, database_url=url)
    token = dump.partition("\n")[0].removeprefix(TOKEN)
    yield OldStore(request.param, Store(settings, url, engine, create_sessions(engine), storage), token)
    await engine.dispose()
    await drop(server_url, name)


def test_every_revision_before_the_newest_is_recorded() -> None:
    scripts = ScriptDirectory.from_config(migrate.config())
    revisions = {script.revision for script in scripts.walk_revisions()}
    assert DUMPS.keys() | {scripts.get_current_head()} == revisions - NEVER_A_HEAD


async def test_an_old_store_is_upgraded_and_used(
    old: OldStore, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise only namespaces with thousands of vectors get an HNSW index.
    wanted = vector_index._WANTED.replace(str(vector_index.PROMOTE_AT), "1")
    monkeypatch.setattr(vector_index, "_WANTED", wanted.replace(str(vector_index.DEMOTE_AT), "0"))
    async with old.store.engine.connect() as connection:
        assert (await connection.run_sync(migrate.current_and_head))[0] == old.revision
    await migrate.upgrade(old.store.engine)
    async with (
        open_services(old.store, embedder) as runtime,
        serving(runtime) as base_url,
        Api(base_url, runtime) as api,
    ):
        alice, bob = await api.sign_in("alice"), await api.sign_in("bob")
        papers = await _id_of(alice, "/api/namespaces", "name", "papers")
        at_once = await _search(alice, papers, PRUNED, "dense")
        assert at_once[0]["title"] == "Garden"
        await api.work()
        assert (await verify(runtime.sessions, runtime.storage, deep=True)).findings == []
        await _assert_searches(runtime, alice, bob, papers, at_once)
        await _assert_chats(alice, papers)
        await _assert_accounts(api, old)
        if old.revision >= "0004":
            for kind in ("questions", "evaluations"):
                listed = (await alice.get(f"/api/namespaces/{papers}/{kind}")).json()
                assert listed["total"] == 1, kind
        if old.revision >= "0002":
            root = await api.sign_in("root")
            assert (await root.get("/api/audit")).json()["items"]
        await _assert_reread(runtime, api, alice, papers, old.revision)


async def _assert_searches(
    runtime: Runtime,
    alice: httpx.AsyncClient,
    bob: httpx.AsyncClient,
    papers: int,
    at_once: list[dict[str, Any]],
) -> None:
    listed = (await alice.get(f"/api/namespaces/{papers}/documents")).json()["items"]
    assert sorted(item["title"] for item in listed) == HELD
    async with runtime.engine.connect() as connection:
        indexes = await connection.scalars(
            text(
                "SELECT c.relname FROM pg_class c JOIN pg_index ON indexrelid = oid AND indisvalid "
                "WHERE relname LIKE 'ix_chunk_vector_hnsw_%'"
            )
        )
        assert f"ix_chunk_vector_hnsw_{papers}" in indexes.all()
    for client in (alice, bob):
        for mode in ("dense", "lexical", "hybrid"):
            assert (await _search(client, papers, PRUNED, mode))[0]["title"] == "Garden", mode
            sharpened = await _search(client, papers, "sharpen the spade with a file", mode)
            assert sharpened[0]["title"] == "Tools", mode
            assert (await _search(client, papers, "When is the pond cleaned?", mode))[0]["title"] == "Waiting"
    # Through the HNSW index, what was there before has the scores of the exact search. A document that was to
    # be read again has new ids.
    now = {hit["text"]: hit["score"] for hit in await _search(alice, papers, PRUNED, "dense")}
    assert {hit["text"]: hit["score"] for hit in at_once}.items() <= now.items()
    own = await _id_of(bob, "/api/namespaces", "name", "own")
    assert (await alice.post(f"/api/namespaces/{own}/search", json={"query": "clover"})).status_code == 404
    assert (await _search(bob, own, "clover", "lexical"))[0]["title"] == "Bees"


async def _assert_reread(
    runtime: Runtime, api: Api, alice: httpx.AsyncClient, papers: int, revision: str
) -> None:
    async with runtime.sessions.begin() as session:
        documents = await session.scalar(text("SELECT count(DISTINCT doc_id) FROM chunk"))
        owner = await session.scalar(text("SELECT id FROM users WHERE role = 'admin' LIMIT 1"))
        # Readers record their version since revision 0016. One document was still waiting for one of today's.
        is_known = revision >= "0016"
        requested = await rereading.request(
            session, Principal(owner, "admin"), "all" if is_known else "outdated"
        )
    assert len(requested.doc_ids) == documents - (0 if is_known else 1)
    await api.work()
    async with runtime.sessions.begin() as session:
        assert await rereading.outdated(session, Principal(owner, "admin")) == 0
    assert (await verify(runtime.sessions, runtime.storage, deep=True)).findings == []
    for mode in ("dense", "lexical", "hybrid"):
        assert (await _search(alice, papers, PRUNED, mode))[0]["title"] == "Garden", mode


async def _assert_chats(alice: httpx.AsyncClient, papers: int) -> None:
    chat = await _id_of(alice, "/api/chats", "title", "Roses")
    question, answer = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    assert question["content"] == PRUNED
    cited = answer["citations"][0]
    assert (cited["title"], cited["page"]) == ("Garden", 1)
    assert "pruned in March" in cited["quote"]
    file = await alice.get(f"/api/documents/{cited['doc_id']}/file")
    assert file.content == (FILES / "garden.pdf").read_bytes()
    asked = await alice.post(f"/api/chats/{chat}/messages", json={"content": "When is the hedge cut?"})
    assert [citation["title"] for citation in asked.json()["llm_message"]["citations"]] == ["Garden"]


async def _assert_accounts(api: Api, old: OldStore) -> None:
    token = await api.anonymous(headers={"authorization": f"Bearer {old.token}"})
    listed = await token.get("/api/namespaces")
    if old.revision < "0005":
        # Those tokens have no checksum, and are made anew.
        assert listed.status_code == 401
        assert "create a new one" in listed.json()["detail"]
    else:
        assert [namespace["name"] for namespace in listed.json()["items"]] == ["papers"]
    carol = await (await api.anonymous()).post(
        "/api/auth/login", json={"username": "carol", "password": PASSWORD}
    )
    assert carol.status_code == (200 if old.revision < "0002" else 403), carol.text
    wrong = await (await api.anonymous()).post(
        "/api/auth/login", json={"username": "alice", "password": "wrong horse battery"}
    )
    assert wrong.status_code == 401


async def test_a_downgrade_brings_the_old_schema_back(old: OldStore) -> None:
    async with old.store.engine.connect() as connection:
        before = await connection.run_sync(_schema)
    await migrate.upgrade(old.store.engine)

    def downgrade(connection: Connection) -> None:
        configuration = migrate.config()
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, old.revision)

    async with old.store.engine.connect() as connection:
        await connection.run_sync(downgrade)
        await connection.commit()
        assert await connection.run_sync(_schema) == before


def _schema(connection: Connection) -> tuple[list[Any], list[Any], list[Any]]:
    """Columns, triggers and functions."""
    columns = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, is_nullable, column_default "
            "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        )
    )
    triggers = connection.execute(
        text(
            "SELECT tgrelid::regclass::text, tgname, tgenabled, tgfoid::regproc::text FROM pg_trigger "
            "WHERE NOT tgisinternal ORDER BY 1, 2"
        )
    )
    functions = connection.execute(
        text(
            "SELECT proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace "
            "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1"
        )
    )
    return [*columns.all()], [*triggers.all()], [*functions.all()]


async def _id_of(client: httpx.AsyncClient, url: str, field: str, value: str) -> int:
    items = (await client.get(url)).json()["items"]
    return int(next(item["id"] for item in items if item[field] == value))


async def _search(client: httpx.AsyncClient, namespace: int, query: str, mode: str) -> list[dict[str, Any]]:
    answer = await client.post(
        f"/api/namespaces/{namespace}/search", json={"query": query, "mode": mode, "k": 10}
    )
    assert answer.status_code == 200, answer.text
    hits: list[dict[str, Any]] = answer.json()["hits"]
    return hits
