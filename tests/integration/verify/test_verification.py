"""Damage of every kind, mutated in a real store, is named; a healthy store passes."""

import json
import os
import shutil
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import text

from ingest.embedding import Embedder
from luma_rag.access import Principal
from luma_rag.db.base import Base
from luma_rag.db.embedded import as_superuser
from luma_rag.db.session import create_sessions
from luma_rag.documents import ingestion, namespace_documents
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Store, open_services
from luma_rag.settings import Settings
from luma_rag.verify import UPLOAD_SECONDS, Finding, verify
from luma_rag.verify.rules import CHECKS, DEEP_CHECKS
from tests import factories
from tests.api import Api
from tests.databases import Databases
from tests.luma_command import Luma
from tests.one_transaction import OneConnection, one_connection
from tests.servers import serving

# What lexical search keeps of a vector that is gone.
WORDS = {"lost-reference", "words-not-with-vectors"}
# Each keeps to one rule; what else it breaks of necessity stands beside it.
DAMAGE = {
    "vec_id-without-vector": (
        "UPDATE namespace_doc SET vec_id = array_append(vec_id, 'x7') WHERE id = 1",
        {"ready-but-not-held"},
    ),
    "vector-not-listed-once": (
        "UPDATE namespace_doc SET vec_id = array_fill(vec_id[1], ARRAY[cardinality(vec_id)]) WHERE id = 1",
        set(),
    ),
    "chunk-without-vector": (
        "WITH gone AS (DELETE FROM chunk_vector WHERE id = (SELECT max(id) FROM chunk_vector) RETURNING id) "
        "UPDATE namespace_doc SET vec_id = array_remove(vec_id, gone.id::text) FROM gone",
        {"ready-but-not-held"} | WORDS,
    ),
    "vector-of-another-document": (
        "UPDATE chunk_vector SET doc_id = 2 WHERE id = 1",
        {"vec_id-without-vector", "words-not-with-vectors"},
    ),
    "held-without-chunks": (
        "DELETE FROM chunk_vector WHERE doc_id = 1;"
        "DELETE FROM chunk WHERE doc_id = 1; DELETE FROM passage WHERE doc_id = 1;"
        "UPDATE namespace_doc SET vec_id = '{}' WHERE doc_id = 1;"
        "UPDATE ingestion SET state = 'failed', error = 'lost' WHERE doc_id = 1",
        {"digests-not-of-chunks"} | WORDS,
    ),
    "ready-but-not-held": (
        "DELETE FROM namespace_doc WHERE doc_id = 1; DELETE FROM chunk_vector WHERE doc_id = 1",
        WORDS,
    ),
    "half-read": ("DELETE FROM passage WHERE doc_id = 1", {"chunk-without-passage"}),
    "gap-in-the-text": ("UPDATE chunk SET ordinal = 77 WHERE doc_id = 1 AND ordinal = 2", set()),
    "chunk-without-passage": ("UPDATE chunk SET passage = 77 WHERE doc_id = 1 AND ordinal = 2", set()),
    "file-of-two-documents": (
        "UPDATE document SET file_path = (SELECT file_path FROM document WHERE id = 1) WHERE id = 2",
        {"changed-file"},
    ),
    "digests-not-of-chunks": ("UPDATE chunk_digest SET digests = digests || 'x' WHERE doc_id = 1", set()),
    "version-of-another-file": (
        "INSERT INTO document_version SELECT id, 2, 'another', 7, now() FROM document WHERE id = 1",
        set(),
    ),
    "vector-without-words": ("DELETE FROM lexical_vector WHERE id = 1", set()),
    "words-not-with-vectors": (
        "UPDATE lexical_member SET vectors = array_append(vectors, 77) WHERE doc_id = 1;"
        "UPDATE lexical_segment s SET chunks = s.chunks + 1 FROM lexical_member m WHERE m.segment_id = s.id",
        set(),
    ),
    "words-miscounted": ("UPDATE lexical_segment SET chunks = chunks + 1", set()),
    "words-differ": (
        "DELETE FROM lexical_posting WHERE term = (SELECT min(term) FROM lexical_posting)",
        set(),
    ),
    "words-out-of-order": (
        "UPDATE lexical_posting SET weights = ARRAY("
        "SELECT w FROM unnest(weights) WITH ORDINALITY AS u (w, n) ORDER BY n DESC)",
        set(),
    ),
    "no-administrator": ("UPDATE users SET role = 'user'", set()),
    "session-of-disabled-account": ("INSERT INTO disabled_account SELECT 1, now()", {"no-administrator"}),
    "token-for-lost-namespace": (
        "INSERT INTO api_token (user_id, name, token_hash, namespace_ids, created_at) "
        "SELECT 1, 'batch', decode('00', 'hex'), ARRAY[1, 77], now()",
        set(),
    ),
    "granted-to-owner": (
        "INSERT INTO doc_user (doc_id, user_id, permission) SELECT 1, 1, 'read';"
        "INSERT INTO namespace_auth (namespace_id, user_id, auth_level) SELECT 1, 1, 1",
        set(),
    ),
    "placed-without-right": ("DELETE FROM placement WHERE doc_id = 1", set()),
    "embedding-model": ("DELETE FROM embedding_model", {"lost-reference"}),
    "no-live-vectors": ("DELETE FROM generation", set()),
    "vectors-incomplete": (
        "UPDATE generation SET is_inline = false WHERE id = (SELECT min(id) FROM generation)",
        set(),
    ),
    "vectors-of-no-generation": (
        "INSERT INTO generation_vector SELECT id, 4711, doc_id, embedding FROM chunk_vector WHERE id = 1",
        set(),
    ),
    "invalid-index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_chunk_vector_search'::regclass",
        set(),
    ),
    "trigger-off": ("UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'append_only'", set()),
    "vector-differs": ("UPDATE chunk_vector SET embedding = embedding + embedding WHERE id = 1", set()),
    "chunk-differs": ("UPDATE chunk SET start_char = start_char + 1 WHERE doc_id = 1 AND ordinal = 2", set()),
    "dead-worker": (
        "UPDATE ingestion SET state = 'running', worker = 4711 WHERE doc_id = 3",
        set(),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
async def filled(
    databases: Databases,
    template_without_rows: str,
    embedder: Embedder,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Store]:
    """A store that is made once, and stays as it is.

    Documents: 1 in two namespaces, 2 in none any more, 3 on its way, 4 blank, 5 cited and then deleted.
    """
    database = await databases.take(template_without_rows)
    folder = tmp_path_factory.mktemp("made")
    settings = Settings(data_dir=folder, database_url=database.url)
    storage = FileStorage(folder / "files", 2**30)
    store = Store(settings, database.url, database.engine, create_sessions(database.engine), storage)
    async with (
        open_services(store, embedder) as runtime,
        serving(runtime) as base_url,
        Api(base_url, runtime) as api,
    ):
        await _fill(api, folder)
    yield store
    await databases.give_back(database)


@pytest.fixture(scope="module")
async def connection(filled: Store) -> AsyncGenerator[OneConnection]:
    # Some damage is in the system catalogs, where only a superuser may write.
    async with one_connection(as_superuser(filled.url)) as opened:
        yield opened


@pytest.fixture
def settings(filled: Store, tmp_path: Path) -> Settings:
    """The filled database with a folder of the test's own."""
    return Settings(data_dir=tmp_path / "luma", database_url=filled.url)


@pytest.fixture
async def healthy(filled: Store, connection: OneConnection, settings: Settings) -> AsyncGenerator[Store]:
    """The filled store with a copy of its files. What a test changes in the database is rolled back."""
    storage = FileStorage(settings.data_dir / "files", 2**30)
    shutil.copytree(filled.storage.path(""), storage.path(""), dirs_exist_ok=True)
    # What verification asks for.
    async with connection.rolled_back("repeatable_read"):
        yield Store(settings, filled.url, connection.engine, create_sessions(connection.engine), storage)


async def _fill(api: Api, folder: Path) -> None:
    alice = await api.admin()
    first, second = await api.namespace(alice), await api.namespace(alice)
    await api.upload(alice, factories.handbook(folder), first, second)
    loose = await api.upload(alice, factories.pdf(folder / "b.pdf", "Bees like clover."), first)
    assert (await alice.delete(f"/api/namespaces/{first}/documents/{loose}")).status_code == 204
    name, data = "w.docx", factories.word(folder / "w.docx", {"Wasps": "They build of paper."})
    coming = await alice.post("/api/documents", files={"file": (name, data.read_bytes())})
    assert coming.json()["id"] == 3
    assert await api.upload(alice, factories.pdf(folder / "blank.pdf", ""), second) == 4
    gone = await api.upload(alice, factories.pdf(folder / "m.pdf", "Moles dig at noon."), second)
    chat = (await alice.post("/api/chats", json={"namespace_id": second})).json()["id"]
    await alice.post(f"/api/chats/{chat}/messages", json={"content": "When do moles dig?"})
    assert (await alice.delete(f"/api/documents/{gone}")).status_code == 204
    async with api.runtime.sessions.begin() as session:
        await namespace_documents.enqueue(session, Principal(1, "admin"), second, 3)


async def _damage(store: Store, sql: str) -> None:
    async with store.sessions.begin() as session:
        # What the foreign keys would refuse comes about all the same: by a restore, or a disk.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in sql.split(";"):
            assert (await session.execute(text(statement))).rowcount > 0, statement  # type: ignore[attr-defined]


async def _findings(store: Store, *, deep: bool = False) -> dict[str, Finding]:
    verdict = await verify(store.sessions, store.storage, deep=deep)
    return {finding.check: finding for finding in verdict.findings}


async def _path(store: Store, doc_id: int) -> Path:
    async with store.sessions.begin() as session:
        path = await session.scalar(text("SELECT file_path FROM document WHERE id = :id"), {"id": doc_id})
    return store.storage.path(str(path))


async def test_a_healthy_store_passes(healthy: Store) -> None:
    assert await _findings(healthy) == {}
    assert await _findings(healthy, deep=True) == {}


def test_every_rule_is_tried() -> None:
    names = [check.name for check in (*CHECKS, *DEEP_CHECKS)]
    assert len(set(names)) == len(names)
    assert {*names, "dead-worker"} == DAMAGE.keys()


@pytest.mark.parametrize("check", DAMAGE)
async def test_damage_is_named(healthy: Store, check: str) -> None:
    sql, besides = DAMAGE[check]
    deep = {check.name for check in DEEP_CHECKS}
    await _damage(healthy, sql)
    found = await _findings(healthy, deep=True)
    # What is told by the deep checks too follows from the rest.
    assert found.keys() - deep == {check, *besides} - deep
    assert found[check].count >= len(found[check].examples) > 0
    assert (check in await _findings(healthy)) is (check not in deep)


async def test_the_ingestion_of_a_living_worker_is_no_damage(healthy: Store) -> None:
    async with healthy.engine.connect() as connection:
        number = await ingestion.register_worker(connection)
        await _damage(healthy, f"UPDATE ingestion SET state = 'running', worker = {number} WHERE doc_id = 3")
        assert await _findings(healthy) == {}


async def test_every_reference_that_leads_nowhere_is_named(healthy: Store) -> None:
    await _damage(healthy, "DELETE FROM message")
    lost = (await _findings(healthy))["lost-reference"]
    assert lost.examples == ["citation 2/1: message_id 2", "turn 1: answer_id 2", "turn 1: question_id 1"]
    await _damage(healthy, "DELETE FROM users; DELETE FROM document; DELETE FROM namespace")
    lost = (await _findings(healthy))["lost-reference"]
    assert lost.count > len(lost.examples) == 5
    keys = [key for table in Base.metadata.tables.values() for key in table.foreign_keys]
    # A key over several columns would need a check of another form.
    assert len(keys) == sum(len(table.foreign_key_constraints) for table in Base.metadata.tables.values())


async def test_each_trigger_that_is_off_or_gone_is_named(healthy: Store) -> None:
    async with healthy.engine.begin() as connection:
        triggers = await connection.execute(
            text(
                "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
            )
        )
        # All of them: a new one has to be known to the rule.
        relied_on = [(str(table), str(name)) for table, name in triggers]
        for table, name in relied_on:
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {name}"))
    off = (await _findings(healthy))["trigger-off"]
    assert off.count == len(relied_on)
    assert off.examples == [f"table {table}: trigger {name}" for table, name in relied_on[:5]]
    async with healthy.engine.begin() as connection:
        for table, name in relied_on:
            await connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {name}"))
        await connection.execute(text("ALTER TABLE audit_event ENABLE REPLICA TRIGGER append_only"))
        await connection.execute(text("DROP TRIGGER is_gone ON lexical_member"))
    off = (await _findings(healthy))["trigger-off"]
    assert off.examples == ["table audit_event: trigger append_only", "table lexical_member: trigger is_gone"]


async def test_a_file_that_is_missing_short_or_changed_is_named(healthy: Store) -> None:
    (await _path(healthy, 1)).unlink()
    short, changed = await _path(healthy, 2), await _path(healthy, 3)
    os.truncate(short, 10)
    changed.write_bytes(bytes(byte ^ 1 for byte in changed.read_bytes()))
    found = await _findings(healthy)
    assert found.keys() == {"missing-file", "changed-file"}
    assert found["missing-file"].examples[0].startswith("document 1: ")
    assert found["changed-file"].count == 1
    assert found["changed-file"].examples[0].startswith("document 2: 10 bytes, not ")
    deep = (await _findings(healthy, deep=True))["changed-file"]
    assert [case.split(":")[0] for case in deep.examples] == ["document 2", "document 3"]


@pytest.mark.parametrize("place", ["incoming/left", "ab/abcdef", "notes.txt"])
async def test_a_file_that_nobody_owns_is_named_once_no_upload_can_be_at_it(
    healthy: Store, place: str
) -> None:
    stray = healthy.storage.path(place)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"secret")
    assert await _findings(healthy) == {}
    long_ago = time.time() - UPLOAD_SECONDS - 1
    os.utime(stray, (long_ago, long_ago))
    assert (await _findings(healthy))["stray-file"].examples == [f"{place}: 6 bytes"]


async def test_a_path_that_leads_out_of_the_folder_is_no_stored_file(healthy: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside.pdf"
    outside.write_bytes(b"x" * 10)
    await _damage(healthy, f"UPDATE document SET file_path = '{outside}' WHERE id = 3")
    assert (await _findings(healthy, deep=True))["missing-file"].count == 1


def test_the_command_lists_what_it_found(healthy: Store, luma: Luma) -> None:
    sound = luma("verify", "--deep")
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.startswith("All ")
    healthy.storage.path("[red]left").touch()
    os.utime(healthy.storage.path("[red]left"), (0, 0))
    damaged = luma("verify")
    assert damaged.returncode == 1
    assert "stray-file: 1 violations" in damaged.stdout
    assert "[red]left: 0 bytes" in damaged.stdout
    assert "What to do: " in damaged.stdout
    printed = luma("verify", "--json")
    assert printed.returncode == 1
    assert [finding["check"] for finding in json.loads(printed.stdout)["findings"]] == ["stray-file"]
