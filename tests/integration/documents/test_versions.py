"""New versions of a document: id, title, rights and namespaces stay, and nothing stands still meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from ingest.embedding.packaged import PackagedEmbedder
from luma_rag import worker
from luma_rag.db.models import Document, DocumentVersion, Ingestion, Reread
from luma_rag.documents import rereading
from luma_rag.documents.claims import Claim
from luma_rag.documents.vectors import PostgresSink
from luma_rag.verify import verify
from tests.api import Api

OLD = "A hotel room may cost up to 500 euros a night."
NEW = "A hotel room may cost up to 900 euros a night."
QUESTION = "How much may a hotel room cost a night?"


@pytest.fixture
async def alice(api: Api) -> httpx.AsyncClient:
    return await api.user("alice")


@pytest.fixture
async def rules(api: Api, alice: httpx.AsyncClient, tmp_path: Path) -> tuple[int, int, int]:
    """The id of a document, and of its two namespaces."""
    await api.admin()
    path = tmp_path / "rules.txt"
    path.write_text(OLD)
    one, two = await api.namespace(alice), await api.namespace(alice)
    return await api.upload(alice, path, one, two, title="Travel"), one, two


async def put(client: httpx.AsyncClient, doc_id: int, content: str | bytes, name: str = "new.txt") -> Any:
    content = content.encode() if isinstance(content, str) else content
    answer = await client.put(f"/api/documents/{doc_id}/file", files={"file": (name, content)})
    assert answer.status_code in (200, 202), answer.text
    return answer


async def hits(client: httpx.AsyncClient, namespace: int) -> list[str]:
    found = await client.post(f"/api/namespaces/{namespace}/search", json={"query": QUESTION})
    assert found.status_code == 200, found.text
    return [hit["text"] for hit in found.json()["hits"]]


async def findings(api: Api) -> list[str]:
    verdict = await verify(api.runtime.sessions, api.runtime.storage, deep=True)
    return [f"{finding.check} {finding.examples}" for finding in verdict.findings]


def files(api: Api) -> int:
    return len(list(api.runtime.storage.files()))


async def test_only_the_newest_version_is_found_and_the_rest_stays(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, two = rules
    bob = await api.user("bob")
    bobs_id = (await bob.get("/api/auth/me")).json()["id"]
    await alice.put(f"/api/documents/{doc_id}/permissions/{bobs_id}", json={"permission": "read"})
    chat = (await alice.post("/api/chats", json={"namespace_id": one})).json()["id"]
    await alice.post(f"/api/chats/{chat}/messages", json={"content": QUESTION})

    answer = await put(alice, doc_id, NEW)
    assert answer.status_code == 202
    assert (answer.json()["id"], answer.json()["title"], answer.json()["version"]) == (doc_id, "Travel", 2)
    # Until it is read, the earlier one is found.
    assert await hits(alice, one) == [OLD]
    await api.work()
    for namespace in (one, two):
        assert await hits(alice, namespace) == [NEW]
    assert (await bob.get(f"/api/documents/{doc_id}/file")).text == NEW
    assert files(api) == 1
    assert await findings(api) == []

    asked = await alice.post(f"/api/chats/{chat}/messages", json={"content": QUESTION})
    new = asked.json()["llm_message"]["citations"][0]
    messages = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    old, stored = messages[1]["citations"][0], messages[3]["citations"][0]
    assert (old["quote"], old["is_of_earlier_version"], old["doc_id"]) == (OLD, True, doc_id)
    assert (stored["quote"], stored["is_of_earlier_version"]) == (NEW, False)
    assert stored == new


async def test_reading_again_makes_no_citation_one_of_an_earlier_version(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, _ = rules
    await put(alice, doc_id, NEW)
    await api.work()
    chat = (await alice.post("/api/chats", json={"namespace_id": one})).json()["id"]
    await alice.post(f"/api/chats/{chat}/messages", json={"content": QUESTION})
    async with api.runtime.sessions.begin() as session:
        session.add(Reread(doc_id=doc_id))
    await api.work()
    messages = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    assert messages[1]["citations"][0]["is_of_earlier_version"] is False


async def test_only_chunks_whose_text_changed_are_embedded(
    api: Api, alice: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.admin()
    namespace = await api.namespace(alice)
    sections = {name: f"# {name}\n\nThe {name} of the company is kept in room {name}. " for name in "abcdef"}
    path = tmp_path / "book.md"
    path.write_text("\n\n".join(sections.values()))
    doc_id = await api.upload(alice, path, namespace)
    embedded: list[str] = []
    embed = PackagedEmbedder.embed_documents

    def counting(
        self: PackagedEmbedder, texts: Sequence[str], on_progress: Callable[[float], None] | None = None
    ) -> Any:
        embedded.extend(texts)
        return embed(self, texts, on_progress)

    monkeypatch.setattr(PackagedEmbedder, "embed_documents", counting)
    sections["c"] = "# c\n\nThe canteen opens at noon."
    await put(alice, doc_id, "\n\n".join(sections.values()), "book.md")
    await api.work()
    assert [text.splitlines()[-1] for text in embedded] == ["The canteen opens at noon."]
    found = await alice.post(
        f"/api/namespaces/{namespace}/search", json={"query": "canteen", "mode": "dense", "k": 20}
    )
    assert len(found.json()["hits"]) == len(sections)
    assert "canteen" in found.json()["hits"][0]["text"]
    assert await findings(api) == []


async def test_a_version_that_cannot_be_read_leaves_the_earlier_text(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, two = rules
    await put(alice, doc_id, b"%PDF-1.7\nnothing")
    await api.work()
    for namespace in (one, two):
        assert await hits(alice, namespace) == [OLD]
    document = (await alice.get(f"/api/documents/{doc_id}")).json()
    (warning,) = document["warnings"]
    assert warning["code"] == rereading.EARLIER_VERSION
    assert warning["text"].startswith("The new version could not be read. Searches find the text")
    assert (document["version"], document["type"]) == (2, "pdf")
    assert await findings(api) == []
    await put(alice, doc_id, NEW)
    await api.work()
    assert await hits(alice, one) == [NEW]
    document = (await alice.get(f"/api/documents/{doc_id}")).json()
    assert (document["version"], document["type"], document["warnings"]) == (3, "txt", [])


async def test_a_first_version_that_could_not_be_read_is_put_right_by_the_second(
    api: Api, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    await api.admin()
    namespace = await api.namespace(alice)
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.7\nnothing")
    doc_id = await api.upload(alice, path, namespace)
    await put(alice, doc_id, NEW)
    await api.work()
    assert await hits(alice, namespace) == [NEW]
    async with api.runtime.sessions.begin() as session:
        assert await session.scalar(select(func.count()).select_from(Reread)) == 0


async def test_the_same_bytes_are_no_work(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, _, _ = rules
    answer = await put(alice, doc_id, OLD)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    async with api.runtime.sessions.begin() as session:
        assert set(await session.scalars(select(Ingestion.state))) == {"ready"}
        assert await session.scalar(select(func.count()).select_from(DocumentVersion)) == 0
        path = await session.scalar(select(Document.file_path))
    assert files(api) == 1
    # A file that was lost is restored.
    assert path is not None
    api.runtime.storage.remove(path)
    await put(alice, doc_id, OLD)
    assert (await alice.get(f"/api/documents/{doc_id}/file")).text == OLD
    assert await findings(api) == []


async def test_the_bytes_of_another_document_are_refused(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, _, _ = rules
    other = await alice.post("/api/documents", files={"file": ("other.txt", NEW.encode())})
    answer = await alice.put(f"/api/documents/{doc_id}/file", files={"file": ("x.txt", NEW.encode())})
    assert answer.status_code == 409
    assert f"“other” (id {other.json()['id']})" in answer.json()["detail"]
    # Who can't see the other document does not learn its title.
    bob = await api.user("bob")
    bobs_id = (await bob.get("/api/auth/me")).json()["id"]
    await alice.put(f"/api/documents/{doc_id}/permissions/{bobs_id}", json={"permission": "write"})
    answer = await bob.put(f"/api/documents/{doc_id}/file", files={"file": ("x.txt", NEW.encode())})
    assert answer.status_code == 409
    assert "other" not in answer.json()["detail"].replace("another document", "")
    assert files(api) == 2


async def test_what_is_no_new_version_is_refused(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, _, _ = rules
    path = f"/api/documents/{doc_id}/file"
    assert (await alice.put(path, files={"file": ("x.bin", bytes(1000))})).status_code == 415
    assert (await alice.put(path, files={"file": ("x.txt", b"")})).status_code == 422
    named = await alice.put(path, files={"file": ("x.txt", b"x")}, data={"title": "x"})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "title")
    assert (await alice.put(path, json={})).status_code == 415
    assert files(api) == 1


async def test_a_version_that_comes_while_the_one_before_is_read_is_read_next(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, _ = rules
    await put(alice, doc_id, "A hotel room may cost up to 700 euros a night.")
    sink = PostgresSink.store

    async def store(self: PostgresSink, key: int, document: Any) -> None:
        if "700" in document.chunks[0].text:
            await put(alice, doc_id, NEW)
        await sink(self, key, document)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresSink, "store", store)
        await api.work()
    await api.work()
    assert await hits(alice, one) == [NEW]
    async with api.runtime.sessions.begin() as session:
        assert set(await session.scalars(select(Ingestion.state))) == {"ready"}
        assert await session.scalar(select(func.count()).select_from(Reread)) == 0
        read = select(DocumentVersion.number).where(DocumentVersion.vectors_after.is_not(None))
        assert list(await session.scalars(read)) == [3]
    assert await findings(api) == []


async def test_a_file_that_is_replaced_before_it_is_opened_is_no_failure(
    api: Api, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    await api.admin()
    namespace = await api.namespace(alice)
    sent = await alice.post(
        "/api/documents",
        files={"file": ("rules.txt", OLD.encode())},
        data={"namespace_id": str(namespace)},
    )
    doc_id = sent.json()["id"]
    claimed = worker._Worker._job

    async def replaced(self: Any, claim: Claim) -> Any:
        job = await claimed(self, claim)
        await put(alice, doc_id, NEW)
        return job

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker._Worker, "_job", replaced)
        await api.work()
    await api.work()
    assert await hits(alice, namespace) == [NEW]
    async with api.runtime.sessions.begin() as session:
        assert list(await session.scalars(select(Ingestion.state))) == ["ready"]
        assert await session.scalar(select(func.count()).select_from(Reread)) == 0
    assert await findings(api) == []


async def test_a_first_text_that_comes_late_is_of_the_earlier_version(
    api: Api, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    await api.admin()
    namespace = await api.namespace(alice)
    chat = (await alice.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    sent = await alice.post(
        "/api/documents",
        files={"file": ("rules.txt", OLD.encode())},
        data={"namespace_id": str(namespace)},
    )
    sink = PostgresSink.store

    async def store(self: PostgresSink, key: int, document: Any) -> None:
        await put(alice, sent.json()["id"], NEW)
        await sink(self, key, document)
        await alice.post(f"/api/chats/{chat}/messages", json={"content": QUESTION})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresSink, "store", store)
        await api.work()
    await api.work()
    assert await hits(alice, namespace) == [NEW]
    messages = (await alice.get(f"/api/chats/{chat}/messages")).json()["items"]
    citation = messages[1]["citations"][0]
    assert (citation["quote"], citation["is_of_earlier_version"]) == (OLD, True)


async def test_versions_at_the_same_time_are_one_after_the_other(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, _ = rules
    texts = [f"A hotel room may cost up to {amount} euros a night." for amount in (100, 200, 300)]
    answers = await asyncio.gather(*(put(alice, doc_id, text) for text in texts))
    versions = {answer.json()["version"]: text for answer, text in zip(answers, texts, strict=True)}
    assert sorted(versions) == [2, 3, 4]
    await api.work()
    assert await hits(alice, one) == [versions[4]]
    assert files(api) == 1
    assert await findings(api) == []


async def test_a_document_without_a_namespace_is_read_once_it_gets_one(
    api: Api, alice: httpx.AsyncClient, rules: tuple[int, int, int]
) -> None:
    doc_id, one, two = rules
    for namespace in (one, two):
        await alice.delete(f"/api/namespaces/{namespace}/documents/{doc_id}")
    await put(alice, doc_id, NEW)
    await api.work()
    await alice.post(f"/api/namespaces/{one}/documents", json={"doc_id": doc_id})
    await api.work()
    assert await hits(alice, one) == [NEW]
