"""A deletion leaves nothing behind in any table or file, except what docs/decisions/0009-deletion.md names.

A tenant has a marker of its own in every place that holds text. Then something of theirs is deleted by HTTP,
and all of the database and of the data directory is searched.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest
from reportlab.pdfgen import canvas
from sqlalchemy import text

from ingest.embedding import Embedder
from luma_rag.accounts import external_identities
from luma_rag.accounts.external_identities import Identity
from luma_rag.accounts.sessions import Browser
from luma_rag.db.session import create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Runtime, Store, open_services
from luma_rag.settings import Settings
from luma_rag.verify import verify
from tests import factories
from tests.api import PASSWORD, Api
from tests.databases import Databases
from tests.one_transaction import in_process
from tests.servers import serving

_MARKER = re.compile(r"zqx[a-z]+", re.IGNORECASE)
_NAME, _ADDRESS = "zqxname", "zqxaddress@example.com"
# Where the markers of a document stay when it goes: in chats, with what they quote of it.
QUOTES = {("citation", "title"), ("citation", "heading"), ("citation", "quote"), ("message", "content")}
NAMES = {("audit_event", "actor"), ("audit_event", "about")}
QUESTION, PLACE = {("evaluation_question", "text")}, {("evaluation_place", "quote")}
OF_PAPER = {"zqxtitle", "zqxfile", "zqxtext", "zqxasked", "zqxplace"}
OF_LETTER = {"zqxletter", "zqxpassage", "zqxheading"}
OF_NAMESPACE = {"zqxspace", "zqxdescription", "zqxquestion", "zqxchat", "zqxcomment", "zqxstranger"}
OF_NAMESPACE |= {"zqxmeasured", "zqxstands"}
OF_USER = {"zqxname", "zqxaddress", "zqxtoken", "zqxhidden", "zqxissuer", "zqxsubject"}
# What the tenant wrote of a document of Bob's, into a namespace of his.
ELSEWHERE = {"zqxelsewhere"}
EVERYTHING = {*OF_PAPER, *OF_LETTER, *OF_NAMESPACE, *OF_USER, *ELSEWHERE}


class Filled(msgspec.Struct, frozen=True):
    """A store that is made once: see `Seeded`. `logins` are the headers of each user."""

    store: Store
    ids: dict[str, int]
    logins: dict[str, dict[str, str]]


class Seeded(msgspec.Struct, frozen=True):
    """A tenant with a public namespace that holds two documents, `paper` public and `letter` not.

    `bob` has a chat there, and one with a namespace of his own, which holds `paper` too.
    """

    runtime: Runtime
    admin: httpx.AsyncClient
    tenant: httpx.AsyncClient
    bob: httpx.AsyncClient
    ids: dict[str, int]


@pytest.fixture(scope="module")
async def filled(
    databases: Databases,
    template_without_rows: str,
    embedder: Embedder,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Filled]:
    database = await databases.take(template_without_rows)
    folder = tmp_path_factory.mktemp("filled")
    settings = Settings(data_dir=folder / "luma", database_url=database.url)
    storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
    store = Store(settings, database.url, database.engine, create_sessions(database.engine), storage)
    async with (
        open_services(store, embedder) as runtime,
        serving(runtime) as base_url,
        Api(base_url, runtime) as api,
    ):
        ids, logins = await _fill(api, folder)
    yield Filled(store, ids, logins)
    await databases.give_back(database)


@pytest.fixture
async def seeded(filled: Filled, embedder: Embedder, tmp_path: Path) -> AsyncGenerator[Seeded]:
    """The filled store with a copy of its files. What a test changes in the database is rolled back."""
    settings = msgspec.structs.replace(filled.store.settings, data_dir=tmp_path / "luma")
    shutil.copytree(filled.store.settings.data_dir, settings.data_dir)
    storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
    store = msgspec.structs.replace(filled.store, settings=settings, storage=storage)
    async with in_process(store, embedder) as service, AsyncExitStack() as stack:
        admin, tenant, bob = [await stack.enter_async_context(service.client()) for _ in range(3)]
        for client, name in ((admin, "root"), (tenant, _NAME), (bob, "bob")):
            client.headers.update(filled.logins[name])
        # What verification asks for.
        async with service.database.rolled_back("repeatable_read"):
            yield Seeded(service.runtime, admin, tenant, bob, filled.ids)


async def _fill(api: Api, tmp_path: Path) -> tuple[dict[str, int], dict[str, dict[str, str]]]:
    admin, bob = await api.admin(), await api.user("bob")
    account = {"username": _NAME, "email": _ADDRESS, "password": PASSWORD}
    ids = {"tenant": (await admin.post("/api/users", json=account)).json()["id"]}
    tenant = await api.sign_in(_NAME)
    passwords = {"current": PASSWORD, "new": f"new {PASSWORD}"}
    assert (await tenant.post("/api/auth/password", json=passwords)).status_code == 204
    ids["bob"] = (await bob.get("/api/auth/me")).json()["id"]
    ids["space"] = await api.namespace(tenant, name="zqxspace", description="zqxdescription", is_public=True)
    await api.namespace(tenant, name="zqxhidden")
    ids["bobs"] = await api.namespace(bob)
    paper, letter = tmp_path / "zqxfile.pdf", tmp_path / "zqxletter.docx"
    _readable_pdf(paper, "The zqxtext pump holds nine litres of oil.")
    factories.word(letter, {"zqxheading": "The zqxpassage pump was sold in May to the brewery."})
    ids["paper"] = await api.upload(tenant, paper, ids["space"], title="zqxtitle", is_public="true")
    ids["letter"] = await api.upload(tenant, letter, ids["space"])
    shares = {
        f"/api/namespaces/{ids['space']}/members/{ids['bob']}": {"auth_level": 1},
        f"/api/documents/{ids['letter']}/permissions/{ids['bob']}": {"permission": "read"},
    }
    for url, grant in shares.items():
        assert (await tenant.put(url, json=grant)).status_code == 200
    linked = await bob.post(f"/api/namespaces/{ids['bobs']}/documents", json={"doc_id": ids["paper"]})
    assert linked.status_code == 202
    await api.work()
    token = {"name": "zqxtoken", "namespace_ids": [ids["space"]]}
    assert (await tenant.post("/api/auth/tokens", json=token)).status_code == 201
    chat, answer = await _ask(tenant, ids["space"], "How much does the zqxquestion pump hold? Sold when?")
    assert (await tenant.patch(f"/api/chats/{chat}", json={"title": "zqxchat"})).status_code == 200
    verdict = {"rating": 1, "comment": "zqxcomment"}
    assert (await tenant.put(f"/api/messages/{answer}/feedback", json=verdict)).status_code == 200
    await _ask(bob, ids["space"], "Was the zqxstranger pump sold to the brewery?")
    ids["bobs_chat"], _ = await _ask(bob, ids["bobs"], "How many litres of oil does the pump hold?")
    await _measure(api, tenant, bob, ids, tmp_path)
    await external_identities.sign_in(
        api.runtime.sessions,
        Identity("https://zqxissuer.example.com", "zqxsubject", _ADDRESS, is_email_verified=True),
        Browser(),
        match_email=True,
        register=False,
        days=1,
    )
    found = await _found(api.runtime)
    # Else the search would find nothing whatever was left.
    assert found.keys() == EVERYTHING
    assert {("passage", "text"), ("chunk", "text"), ("message", "content")} <= found["zqxtext"]
    assert ("file", str(len(paper.read_bytes()))) in found["zqxtext"]
    assert found["zqxasked"] == found["zqxmeasured"] == found["zqxelsewhere"] == QUESTION
    assert found["zqxplace"] == found["zqxstands"] == PLACE
    assert ("external_identity", "subject") in found["zqxsubject"]
    logins = {
        name: {
            "cookie": f"luma_session={client.cookies['luma_session']}",
            "x-csrftoken": client.headers["x-csrftoken"],
        }
        for name, client in (("root", admin), (_NAME, tenant), ("bob", bob))
    }
    return ids, logins


async def test_of_a_document_only_quotes_in_chats_stay(seeded: Seeded) -> None:
    before = await _found(seeded.runtime)
    paper = seeded.ids["paper"]
    assert (await seeded.tenant.delete(f"/api/documents/{paper}")).status_code == 204
    found = await _found(seeded.runtime)
    assert found.keys() == before.keys() - {"zqxfile", "zqxasked", "zqxplace"}
    assert {place for marker in OF_PAPER & found.keys() for place in found[marker]} <= QUOTES
    assert {marker: found[marker] for marker in before.keys() - OF_PAPER} == {
        marker: before[marker] for marker in before.keys() - OF_PAPER
    }
    await _assert_gone(seeded.runtime, "doc_id", paper)
    await _assert_bob_keeps_his_quote(seeded)


async def test_of_a_namespace_nothing_stays_but_its_documents(seeded: Seeded) -> None:
    space = seeded.ids["space"]
    assert (await seeded.tenant.delete(f"/api/namespaces/{space}")).status_code == 204
    found = await _found(seeded.runtime)
    assert not OF_NAMESPACE & found.keys()
    assert found.keys() == EVERYTHING - OF_NAMESPACE
    # The letter was quoted there alone.
    assert all(table != "citation" for marker in OF_LETTER for table, _ in found[marker])
    await _assert_gone(seeded.runtime, "namespace_id", space)
    tokens = (await seeded.tenant.get("/api/auth/tokens")).json()["items"]
    assert [token["namespace_ids"] for token in tokens] == [[]]
    await _assert_bob_keeps_his_quote(seeded)


async def test_of_a_user_only_what_others_have_and_the_name_in_the_trail_stay(seeded: Seeded) -> None:
    tenant = seeded.ids["tenant"]
    removed = await seeded.admin.delete(f"/api/users/{tenant}", params={"contents": "remove"})
    assert removed.status_code == 204
    found = await _found(seeded.runtime)
    in_the_trail = {_NAME, "zqxissuer", "zqxsubject"}
    assert found.keys() == {*in_the_trail, "zqxtext", "zqxtitle", *ELSEWHERE}
    assert found[_NAME] == NAMES
    assert found["zqxissuer"] == found["zqxsubject"] == {("audit_event", "about")}
    assert found["zqxelsewhere"] == QUESTION
    assert found["zqxtext"] == {("citation", "quote"), ("message", "content")}
    assert found["zqxtitle"] == {("citation", "title")}
    for doc_id in (seeded.ids["paper"], seeded.ids["letter"]):
        await _assert_gone(seeded.runtime, "doc_id", doc_id)
    await _assert_gone(seeded.runtime, "namespace_id", seeded.ids["space"])
    await _assert_gone(seeded.runtime, "user_id", tenant)
    assert len(list(seeded.runtime.storage.files())) == 1
    await _assert_bob_keeps_his_quote(seeded)
    # All that stays of the text stands in this one chat, which is Bob's to delete.
    assert (await seeded.bob.delete(f"/api/chats/{seeded.ids['bobs_chat']}")).status_code == 204
    assert (await _found(seeded.runtime)).keys() == {*in_the_trail, *ELSEWHERE}
    assert (await seeded.bob.delete(f"/api/documents/{seeded.ids['bobs_own']}")).status_code == 204
    assert (await _found(seeded.runtime)).keys() == in_the_trail


async def _ask(client: httpx.AsyncClient, namespace: int, question: str) -> tuple[int, int]:
    """The ids of a new chat and of the answer in it, which cites something."""
    chat = (await client.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    answer = await client.post(f"/api/chats/{chat}/messages", json={"content": question})
    assert answer.status_code == 201, answer.text
    assert answer.json()["llm_message"]["citations"]
    return chat, answer.json()["llm_message"]["id"]


async def _measure(
    api: Api, tenant: httpx.AsyncClient, bob: httpx.AsyncClient, ids: dict[str, int], folder: Path
) -> None:
    """Questions in both namespaces, each measured once by the tenant."""
    plain = factories.pdf(folder / "plain.pdf", "Moles dig at noon.")
    ids["bobs_own"] = await api.upload(bob, plain, ids["bobs"])
    member = f"/api/namespaces/{ids['bobs']}/members/{ids['tenant']}"
    assert (await bob.put(member, json={"auth_level": 2})).status_code == 200
    of_paper = {"doc_id": ids["paper"], "quote": "zqxplace pump"}
    of_letter = {"doc_id": ids["letter"], "quote": "zqxstands pump"}
    questions = [
        (bob, ids["bobs"], "How large is the zqxasked pump?", [of_paper]),
        (tenant, ids["bobs"], "When do moles dig in zqxelsewhere?", [{"doc_id": ids["bobs_own"]}]),
        (tenant, ids["space"], "Who has the zqxmeasured pump?", [of_letter, {"doc_id": ids["paper"]}]),
    ]
    for client, namespace, question, places in questions:
        body = {"questions": [{"question": question, "places": places}]}
        added = await client.post(f"/api/namespaces/{namespace}/questions", json=body)
        assert added.status_code == 201, added.text
    for namespace in (ids["bobs"], ids["space"]):
        assert (await tenant.post(f"/api/namespaces/{namespace}/evaluations", json={})).status_code == 201


async def _assert_bob_keeps_his_quote(seeded: Seeded) -> None:
    url = f"/api/chats/{seeded.ids['bobs_chat']}/messages"
    _, answer = (await seeded.bob.get(url)).json()["items"]
    assert "zqxtext" in answer["citations"][0]["quote"]


async def _assert_gone(runtime: Runtime, column: str, number: int) -> None:
    """No row names it any more, in whatever table; and the store is whole."""
    async with runtime.sessions.begin() as session:
        tables = await session.scalars(
            text(
                "SELECT table_name FROM information_schema.columns WHERE column_name = :column "
                "AND table_schema = 'public' AND table_name <> 'audit_event'"
            ),
            {"column": column},
        )
        for table in tables.all():
            count = await session.scalar(
                text(f'SELECT count(*) FROM "{table}" WHERE {column} = :number'), {"number": number}
            )
            assert count == 0, table
    verdict = await verify(runtime.sessions, runtime.storage, deep=True)
    assert verdict.findings == []


async def _found(runtime: Runtime) -> dict[str, set[tuple[str, str]]]:
    """Every marker, with the columns that hold it, of all tables; and the files, by their size."""
    found = defaultdict(set)
    async with runtime.sessions.begin() as session:
        tables = await session.scalars(
            text(
                "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
                "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
            )
        )
        for table in tables.all():
            cells = await session.execute(
                text(
                    f"SELECT cell.name, cell.content FROM {table} AS line, "
                    "jsonb_each_text(to_jsonb(line)) AS cell (name, content) WHERE cell.content ILIKE '%zqx%'"
                )
            )
            for column, value in cells:
                for marker in _MARKER.findall(value):
                    found[marker.lower()].add((table.removeprefix("public."), column))
    for path in _files(runtime.settings.data_dir):
        # A compressed file may hold the first letters of a marker by chance.
        for marker in EVERYTHING & {
            each.lower() for each in _MARKER.findall(str(path) + path.read_bytes().decode("latin-1"))
        }:
            found[marker].add(("file", str(path.stat().st_size)))
    return dict(found)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _readable_pdf(path: Path, line: str) -> None:
    # Not compressed, so that a search of the bytes finds the text.
    drawing = canvas.Canvas(str(path), pageCompression=0)
    drawing.drawString(72, 770, line)
    drawing.save()
