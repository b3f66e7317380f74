"""Every call once, against the real service, with both clients."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from luma_client import ApiError, AsyncLuma, FieldError, IngestionError
from tests import factories
from tests.api import Api
from tests.integration.client.conftest import Connect, connected


async def test_namespaces(connect: Connect) -> None:
    alice = await connect("alice")
    papers = await alice.create_namespace("papers", description="All of them.")
    assert await alice.namespace(papers.id) == papers
    changed = await alice.update_namespace(papers.id, name="articles", is_public=True)
    assert (changed.name, changed.description, changed.is_public) == ("articles", "All of them.", True)
    assert (await alice.update_namespace(papers.id, description="")).description is None
    await alice.delete_namespace(papers.id)
    assert await alice.namespaces() == []


async def test_namespace_is_created_once(connect: Connect) -> None:
    alice, bob = await connect("alice"), await connect("bob")
    foreign = await bob.create_namespace("contracts", is_public=True)
    mine = await alice.get_or_create_namespace("contracts", description="Signed.")
    assert mine.id != foreign.id
    assert mine.description == "Signed."
    assert await alice.get_or_create_namespace("contracts", description="Other.") == mine
    assert {n.id for n in await alice.namespaces()} == {foreign.id, mine.id}


async def test_members(connect: Connect) -> None:
    alice, bob = await connect("alice"), await connect("bob")
    papers = await alice.create_namespace("papers")
    user = await alice.lookup_user("bob")
    assert (await bob.me()).id == user.id
    added = await alice.set_member(papers.id, user.id, 1)
    assert (added.username, added.auth_level) == ("bob", 1)
    assert (await bob.namespace(papers.id)).auth_level == 1
    changed = await alice.set_member(papers.id, user.id, 2)
    assert await alice.members(papers.id) == [changed]
    assert changed.auth_level == 2
    await alice.remove_member(papers.id, user.id)
    assert await alice.members(papers.id) == []
    assert await bob.namespaces() == []


async def test_documents(api: Api, connect: Connect, tmp_path: Path) -> None:
    alice = await connect("alice")
    here, there = await alice.create_namespace("here"), await alice.create_namespace("there")
    file = factories.handbook(tmp_path)
    uploaded = await alice.upload(file, here.id)
    listed = (await alice.readable_documents("mine"))[0]
    assert listed.state == "pending"
    assert await alice.document(uploaded.id) == msgspec.structs.replace(listed, state=None)
    assert uploaded.permission == "write"
    renamed = await alice.update_document(uploaded.id, title="The handbook")
    assert (renamed.title, renamed.is_public) == ("The handbook", False)
    assert (await alice.update_document(uploaded.id, is_public=True)).is_public
    added = await alice.add_document(there.id, uploaded.id)
    assert (added.namespace_id, added.is_finished) == (there.id, False)
    await api.work()
    assert [i.state for i in await alice.wait(uploaded) + await alice.wait(added)] == ["ready", "ready"]
    assert [document.title for document in await alice.documents(there.id)] == ["The handbook"]
    await alice.remove_document(there.id, uploaded.id)
    assert await alice.documents(there.id) == []
    target = tmp_path / "copy.pdf"
    assert await alice.download(uploaded.id, target) == target
    assert target.read_bytes() == file.read_bytes()
    await alice.delete_document(uploaded.id)
    assert await alice.documents(here.id) == []
    with pytest.raises(ApiError):
        await alice.download(uploaded.id, target)
    assert target.read_bytes() == file.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == ["copy.pdf"]


async def test_bytes_are_uploaded_with_a_name(connect: Connect, tmp_path: Path) -> None:
    alice = await connect("alice")
    content = factories.handbook(tmp_path).read_bytes()
    uploaded = await alice.upload(content, name="rules.pdf", is_public=True)
    assert (uploaded.title, uploaded.type, uploaded.is_public) == ("rules", "pdf", True)
    assert uploaded.ingestions == []
    named = await alice.upload(factories.word(tmp_path / "a.docx", {"A": "b"}), name="b.docx", title="C")
    assert (named.title, named.file_metadata["original_filename"]) == ("C", "b.docx")
    with pytest.raises(TypeError, match="need a name"):
        await alice.upload(content)


async def test_documents_are_shared(connect: Connect, tmp_path: Path) -> None:
    alice, bob = await connect("alice"), await connect("bob")
    uploaded = await alice.upload(factories.handbook(tmp_path))
    user = await alice.lookup_user("bob")
    shared = await alice.share_document(uploaded.id, user.id)
    assert (shared.username, shared.permission) == ("bob", "read")
    assert (await bob.readable_documents("shared"))[0].permission == "read"
    assert await bob.readable_documents("mine") == []
    written = await alice.share_document(uploaded.id, user.id, "write")
    assert await alice.shares(uploaded.id) == [written]
    assert written.permission == "write"
    await alice.unshare_document(uploaded.id, user.id)
    assert await alice.shares(uploaded.id) == []
    assert await bob.readable_documents() == []


async def test_owner_takes_a_document_back(api: Api, connect: Connect, tmp_path: Path) -> None:
    alice, bob = await connect("alice"), await connect("bob")
    uploaded = await alice.upload(factories.handbook(tmp_path))
    user = await alice.lookup_user("bob")
    await alice.share_document(uploaded.id, user.id, "write")
    papers = await bob.create_namespace("papers")
    await bob.add_document(papers.id, uploaded.id)
    [place] = await alice.document_namespaces(uploaded.id)
    assert (place.namespace_id, place.name, place.username) == (papers.id, "papers", "bob")
    await alice.withdraw_document(uploaded.id, papers.id)
    assert await alice.document_namespaces(uploaded.id) == []
    assert await bob.documents(papers.id) == []


async def test_failed_ingestion_is_retried(api: Api, connect: Connect) -> None:
    alice = await connect("alice")
    papers = await alice.create_namespace("papers")
    broken = await alice.upload(b"%PDF-1.7\nnothing else", papers.id, name="broken.pdf")
    await api.work()
    (failed,) = await alice.wait(broken)
    assert failed.state == "failed"
    assert isinstance(failed.error, IngestionError)
    assert failed.error.text
    again = await alice.retry(failed.id)
    assert (again.state, again.error) == ("queued", None)
    await api.work()
    (failed_again,) = await alice.wait(again)
    assert failed_again.state == "failed"
    assert failed_again.updated_at > failed.updated_at


async def test_tokens(api: Api, connect: Connect, kind: str) -> None:
    alice = await connect("alice")
    here, _ = await alice.create_namespace("here"), await alice.create_namespace("elsewhere")
    created = await alice.create_token("reader", expires_in_days=7, namespace_ids=[here.id], max_level=1)
    listed = (await alice.tokens())[-1]
    assert (listed.id, listed.namespace_ids, listed.max_level) == (created.id, [here.id], 1)
    assert created.expires_at is not None
    assert timedelta(days=6) < created.expires_at - datetime.now(UTC) < timedelta(days=8)
    async with connected(kind, api.base_url, created.token) as reader:
        assert [(n.id, n.auth_level) for n in await reader.namespaces()] == [(here.id, 1)]
        with pytest.raises(ApiError) as refused:
            await reader.create_token("another")
        assert (refused.value.status, refused.value.title) == (403, "Forbidden")
        await alice.revoke_token(created.id)
        with pytest.raises(ApiError) as ended:
            await reader.namespaces()
        assert ended.value.status == 401
    assert created.id not in {token.id for token in await alice.tokens()}
    with pytest.raises(ApiError) as refused:
        await alice.create_token("lasting")
    assert refused.value.code == "reauthentication_required"


async def test_account(connect: Connect) -> None:
    account = await (await connect("alice")).account()
    assert (account.documents, account.bytes, account.max_bytes) == (0, 0, None)


async def _about_the_handbook(api: Api, alice: AsyncLuma, folder: Path) -> int:
    papers = await alice.create_namespace("papers")
    await alice.upload(factories.handbook(folder), papers.id)
    await api.work()
    return papers.id


async def test_chats(api: Api, connect: Connect, tmp_path: Path) -> None:
    alice = await connect("alice")
    papers = await _about_the_handbook(api, alice, tmp_path)
    chat, other = await alice.start_chat(papers), await alice.start_chat(papers)
    answer = await alice.ask_in_chat(chat.id, "How many days of paid vacation does an employee have?")
    assert "thirty days" in answer.content
    assert (answer.chat_id, answer.sender_type, answer.citations[0].page) == (chat.id, "LLM", 1)
    first, second = await alice.messages(chat.id)
    assert (first.sender_type, second) == ("user", answer)
    assert {c.id for c in await alice.chats()} == {chat.id, other.id}
    assert {c.id for c in await alice.chats(papers)} == {chat.id, other.id}
    assert await alice.chats((await alice.create_namespace("empty")).id) == []
    rated = await alice.give_feedback(answer.id, -1, "Which employees?")
    assert (rated.message_id, rated.rating, rated.comment) == (answer.id, -1, "Which employees?")
    again = await alice.regenerate(chat.id)
    assert again.id != answer.id
    assert again.versions == [second.id, again.id]
    assert [m.id for m in await alice.messages(chat.id)] == [first.id, again.id]
    assert [m.id for m in await alice.messages(chat.id, branch=second.id)] == [first.id, second.id]
    edited = await alice.ask_in_chat(chat.id, "How many days of vacation?", replaces=first.id)
    question, _ = await alice.messages(chat.id)
    assert (edited.answers, question.versions) == (question.id, [first.id, question.id])
    narrowed = await alice.ask_in_chat(chat.id, "How many days of vacation?", doc_ids=[])
    assert narrowed.citations == []
    renamed = await alice.update_chat(chat.id, title="Leave", pinned=True)
    assert [c.id for c in await alice.chats(containing="leave", pinned=True)] == [renamed.id]
    assert (await alice.export_chat(chat.id)).startswith("# Leave")
    await alice.stop_answer(chat.id)
    assert [event async for event in alice.join_stream(chat.id)] == []
    await alice.delete_chat(chat.id)
    assert [c.id for c in await alice.chats()] == [other.id]
    elsewhere = await alice.ask(papers, "When is travel refunded?")
    assert elsewhere.chat_id not in (chat.id, other.id)


async def test_search_reports_relevance(api: Api, connect: Connect, tmp_path: Path) -> None:
    alice = await connect("alice")
    papers = await _about_the_handbook(api, alice, tmp_path)
    found = await alice.search(papers, "How many days of paid vacation does an employee have?", k=1)
    assert found.is_relevant is True
    assert "thirty days" in found.hits[0].text
    assert (await alice.search(papers, "Which planets have rings?")).is_relevant is False
    assert (await alice.search(papers, "vacation", mode="lexical")).is_relevant is None


async def test_errors_name_the_fields(connect: Connect) -> None:
    alice = await connect("alice")
    papers = await alice.create_namespace("papers")
    with pytest.raises(ApiError, match="422") as refused:
        await alice.search(papers.id, "x", k=0)
    error = refused.value
    assert (error.status, error.title, error.retry_after) == (422, "Invalid input", None)
    assert [type(e) for e in error.errors] == [FieldError]
    assert error.errors[0].field == "k"
    assert error.errors[0].message
