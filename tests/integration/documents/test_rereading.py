"""Documents that are read again: their old text is found until the new text replaces it."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update

from ingest.parsers import READER_VERSION
from luma_rag.access import Principal
from luma_rag.db.models import Chunk, Document, Ingestion, LexicalChunk, Passage, Reread, User
from luma_rag.documents import claims, ingestion, rereading
from luma_rag.documents.rereading import Requested, Which
from luma_rag.verify import verify
from tests import factories
from tests.api import Api

QUESTION = "Which soap do people use to wash their hands?"


@pytest.fixture
async def alice(api: Api) -> httpx.AsyncClient:
    return await api.admin()


@pytest.fixture
async def rules(api: Api, alice: httpx.AsyncClient, tmp_path: Path) -> tuple[int, int, int]:
    """The id of a document, as an earlier version might have read it, and of its two namespaces."""
    path = factories.pdf(tmp_path / "rules.pdf", "People wash their hands with the yellow soap.")
    one, two = await api.namespace(alice), await api.namespace(alice)
    doc_id = await api.upload(alice, path, one, two)
    async with api.runtime.sessions.begin() as session:
        await session.execute(update(Passage).values(text="People wash their hands with the soap."))
        await session.execute(update(Chunk).values(text="People wash their hands with the soap."))
        await session.execute(text("UPDATE document SET file_metadata = file_metadata - 'reader'"))
        labels = """file_metadata || '{"page_labels": {"1": "i"}}'"""
        await session.execute(text(f"UPDATE document SET file_metadata = {labels}"))
    return doc_id, one, two


async def ask_for(api: Api, which: Which = "outdated", **narrowed: Any) -> Requested:
    async with api.runtime.sessions.begin() as session:
        administrator = await session.scalar(select(User.id).where(User.role == "admin"))
        assert administrator is not None
        return await rereading.request(session, Principal(administrator, "admin"), which, **narrowed)


async def hits(client: httpx.AsyncClient, namespace: int) -> list[str]:
    found = await client.post(f"/api/namespaces/{namespace}/search", json={"query": QUESTION})
    assert found.status_code == 200, found.text
    return [hit["text"] for hit in found.json()["hits"]]


async def test_new_text_replaces_the_old_in_every_namespace_without_a_gap(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, two = rules
    chat = (await alice.post("/api/chats", json={"namespace_id": one})).json()["id"]
    asked = await alice.post(f"/api/chats/{chat}/messages", json={"content": QUESTION})
    quote = asked.json()["llm_message"]["citations"][0]["quote"]
    assert await ask_for(api) == Requested([doc_id], 1)
    assert await ask_for(api) == Requested([doc_id], 1)

    seen: list[str] = []

    async def search_all_the_time() -> None:
        while True:
            for namespace in (one, two):
                seen.extend(await hits(alice, namespace) or ["nothing"])

    searching = asyncio.create_task(search_all_the_time())
    await api.work()
    searching.cancel()
    await asyncio.gather(searching, return_exceptions=True)
    assert set(seen) <= {
        "People wash their hands with the soap.",
        "People wash their hands with the yellow soap.",
    }
    for namespace in (one, two):
        assert await hits(alice, namespace) == ["People wash their hands with the yellow soap."]
    async with api.runtime.sessions.begin() as session:
        for model in (Passage, Chunk, LexicalChunk):
            assert await session.scalar(select(func.count()).select_from(model)) == 1
        assert await session.scalar(select(func.count()).select_from(Reread)) == 0
    assert (await verify(api.runtime.sessions, api.runtime.storage)).findings == []
    metadata = (await alice.get(f"/api/documents/{doc_id}")).json()["file_metadata"]
    assert (metadata["reader"], metadata["warnings"]) == (READER_VERSION, [])
    assert "page_labels" not in metadata
    # What was quoted stays as it was.
    stored = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    assert stored[-1]["citations"][0]["quote"] == quote
    assert (await ask_for(api)).doc_ids == []
    assert (await ask_for(api, "all")).doc_ids == [doc_id]


async def test_uploads_come_first(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int], tmp_path: Path
) -> None:
    doc_id, one, _ = rules
    await ask_for(api)
    path = factories.pdf(tmp_path / "later.pdf", "The cafeteria opens at noon.")
    later = await alice.post(
        "/api/documents", files={"file": ("later.pdf", path.read_bytes())}, data={"namespace_id": str(one)}
    )
    async with api.runtime.engine.connect() as connection:
        worker = await ingestion.register_worker(connection)
        async with api.runtime.sessions.begin() as session:
            claimed = await claims.claim(session, worker)
            assert claimed is not None
            assert claimed.doc_id == later.json()["id"]
            assert await claims.claim(session, worker) is None
            assert await rereading.queue_next(session)
            assert not await rereading.queue_next(session)
            again = await claims.claim(session, worker)
            assert again is not None
            assert (again.doc_id, again.is_embedded) == (doc_id, False)
        await connection.invalidate()


async def test_a_document_that_can_no_longer_be_read_keeps_its_text(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, two = rules
    async with api.runtime.sessions.begin() as session:
        path = await session.scalar(select(Document.file_path).where(Document.id == doc_id))
    assert path is not None
    api.runtime.storage.path(path).write_bytes(b"%PDF-1.7\nnothing")
    for _ in range(2):
        await ask_for(api, "all")
        await api.work()
        for namespace in (one, two):
            assert await hits(alice, namespace) == ["People wash their hands with the soap."]
        document = (await alice.get(f"/api/documents/{doc_id}")).json()
        (warning,) = document["file_metadata"]["warnings"]
        assert warning["code"] == rereading.KEPT
        assert warning["text"].startswith("The document could not be read again, and keeps its text: ")
    async with api.runtime.sessions.begin() as session:
        assert set(await session.scalars(select(Ingestion.state))) == {"ready"}
        assert await session.scalar(select(func.count()).select_from(Reread)) == 0
    # The test has changed the file.
    findings = (await verify(api.runtime.sessions, api.runtime.storage)).findings
    assert [finding.check for finding in findings] == ["changed-file"]
    assert (await ask_for(api, "incomplete")).doc_ids == [doc_id]


async def test_an_earlier_failure_is_not_taken_for_that_of_reading_again(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, _, _ = rules
    async with api.runtime.sessions.begin() as session:
        await session.execute(update(Ingestion).values(state="failed", error="The disk was full."))
    await ask_for(api)
    async with api.runtime.sessions.begin() as session:
        await rereading.keep_earlier_text(session)
        assert await session.scalar(select(func.count()).select_from(Reread)) == 1
    assert (await alice.get(f"/api/documents/{doc_id}")).json()["file_metadata"]["warnings"] == []


async def test_only_documents_that_the_caller_can_change_are_read_again(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, _, two = rules
    bob = await api.user("bob")
    async with api.runtime.sessions.begin() as session:
        bobs_id = await session.scalar(select(User.id).where(User.username == "bob"))
        assert bobs_id is not None
        principal = Principal(bobs_id, "user")
        assert await rereading.request(session, principal, "all") == Requested([], 0)
        assert await rereading.outdated(session, principal) == 0
    shared = await alice.put(f"/api/documents/{doc_id}/permissions/{bobs_id}", json={"permission": "write"})
    assert shared.status_code == 200, shared.text
    async with api.runtime.sessions.begin() as session:
        assert await rereading.outdated(session, principal) == 1
        requested = await rereading.request(session, principal, "all", namespace_id=two, doc_ids=[doc_id])
        assert requested.doc_ids == [doc_id]
    assert (await bob.get(f"/api/documents/{doc_id}")).status_code == 200


async def test_a_document_without_a_namespace_waits_for_one(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, two = rules
    for namespace in (one, two):
        await alice.delete(f"/api/namespaces/{namespace}/documents/{doc_id}")
    await ask_for(api)
    await api.work()
    await alice.post(f"/api/namespaces/{one}/documents", json={"doc_id": doc_id})
    await api.work()
    assert await hits(alice, one) == ["People wash their hands with the yellow soap."]
