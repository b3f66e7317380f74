"""Lists of documents: finding, filtering, sorting, and what each item says."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_rag.documents.outline import OutlineItem, as_tree
from tests import factories
from tests.api import Api


@pytest.fixture
async def library(api: Api, tmp_path: Path) -> tuple[httpx.AsyncClient, int]:
    """Alice's namespace with documents of one, two and no pages, and one that is broken."""
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and no more")
    await api.upload(alice, broken, namespace, title="broken")
    await api.upload(alice, factories.pdf(tmp_path / "long.pdf", "One", "Two"), namespace, title="Alpha 50%")
    await api.upload(alice, factories.pdf(tmp_path / "short.pdf", "Three"), namespace, title="beta")
    await api.upload(alice, factories.word(tmp_path / "x.docx", {"Four": "Five"}), namespace, title="Gamma")
    return alice, namespace


async def titles(client: httpx.AsyncClient, path: str, **params: Any) -> list[str]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["total"] == len(found["items"])
    return [item["title"] for item in found["items"]]


async def test_both_lists_sort_and_find(library: tuple[httpx.AsyncClient, int]) -> None:
    alice, namespace = library
    for path in (f"/api/namespaces/{namespace}/documents", "/api/documents"):
        assert await titles(alice, path) == ["Gamma", "beta", "Alpha 50%", "broken"]
        assert await titles(alice, path, sort="added") == ["broken", "Alpha 50%", "beta", "Gamma"]
        assert await titles(alice, path, sort="title") == ["Alpha 50%", "beta", "broken", "Gamma"]
        assert await titles(alice, path, sort="-title") == ["Gamma", "broken", "beta", "Alpha 50%"]
        assert (await titles(alice, path, sort="pages"))[:2] == ["beta", "Alpha 50%"]
        assert (await titles(alice, path, sort="-pages"))[:2] == ["Alpha 50%", "beta"]
        by_size = await titles(alice, path, sort="size")
        assert by_size[0] == "broken"
        assert await titles(alice, path, sort="-size") == by_size[::-1]

        assert await titles(alice, path, q="ALPHA") == ["Alpha 50%"]
        assert await titles(alice, path, q="short.PDF") == ["beta"]
        assert await titles(alice, path, q="50%") == ["Alpha 50%"]
        assert await titles(alice, path, q="5%0") == []
        assert await titles(alice, path, q="_") == []
        assert await titles(alice, path, state="failed") == ["broken"]
        assert await titles(alice, path, state="ready", q="a") == ["Gamma", "beta", "Alpha 50%"]
        assert await titles(alice, path, state="pending") == []
        for wrong in ({"sort": "colour"}, {"state": "other"}, {"q": ""}):
            assert (await alice.get(path, params=wrong)).status_code == 422


async def test_what_an_item_says(api: Api, library: tuple[httpx.AsyncClient, int], tmp_path: Path) -> None:
    alice, namespace = library
    me = (await alice.get("/api/auth/me")).json()
    path = f"/api/namespaces/{namespace}/documents"
    long = (await alice.get(path, params={"q": "alpha"})).json()["items"][0]
    assert (long["username"], long["pages"], long["state"], long["warnings"]) == ("alice", 2, "ready", [])
    assert long["size"] == (tmp_path / "long.pdf").stat().st_size
    assert long["added_by"] == {"id": me["id"], "username": "alice"}
    assert long["added_at"] >= long["uploaded_at"]
    word = (await alice.get(path, params={"q": "gamma"})).json()["items"][0]
    assert word["pages"] is None
    one = (await alice.get(f"/api/documents/{long['id']}")).json()
    assert one == {key: long[key] for key in one}
    listed = (await alice.get("/api/documents", params={"q": "alpha"})).json()["items"][0]
    assert listed == {key: long[key] for key in listed}

    # Who only reads the namespace does not learn who added a document, unless it is theirs.
    bob = await api.user("bob")
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    for level, adder in ((2, "alice"), (1, None)):
        await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": level})
        seen = (await bob.get(path, params={"q": "alpha"})).json()["items"][0]
        assert seen["username"] == "alice"
        assert (seen["added_by"] or {}).get("username") == adder
    await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": 2})
    await api.upload(bob, factories.pdf(tmp_path / "bobs.pdf", "Six"), namespace, title="Bobs")
    await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": 1})
    own = (await bob.get(path, params={"q": "bobs"})).json()["items"][0]
    assert own["added_by"] == {"id": bob_id, "username": "bob"}


async def test_states_of_documents(api: Api, library: tuple[httpx.AsyncClient, int], tmp_path: Path) -> None:
    alice, namespace = library
    loose = await api.upload(alice, factories.pdf(tmp_path / "loose.pdf", "Seven"), title="Loose")
    assert await titles(alice, "/api/documents", state="unplaced") == ["Loose"]
    added = await alice.post(f"/api/namespaces/{namespace}/documents", json={"doc_id": loose})
    assert added.status_code == 202
    for path in ("/api/documents", f"/api/namespaces/{namespace}/documents"):
        assert await titles(alice, path, state="pending") == ["Loose"]
    # Another's reader learns the state from the namespaces that they can read alone.
    await alice.patch(f"/api/documents/{loose}", json={"is_public": True})
    bob = await api.user("bob")
    assert await titles(bob, "/api/documents", state="pending") == []
    assert await titles(bob, "/api/documents", state="unplaced") == ["Loose"]
    await api.work()
    assert await titles(bob, "/api/documents", state="unplaced") == ["Loose"]
    assert await titles(alice, "/api/documents", state="unplaced") == []
    await alice.delete(f"/api/namespaces/{namespace}/documents/{loose}")
    assert await titles(alice, "/api/documents", state="unplaced") == ["Loose"]


async def test_summary(api: Api, library: tuple[httpx.AsyncClient, int], tmp_path: Path) -> None:
    alice, namespace = library
    path = f"/api/namespaces/{namespace}/documents"
    content = factories.pdf(tmp_path / "waiting.pdf", "Eight").read_bytes()
    data = {"namespace_id": str(namespace)}
    await alice.post("/api/documents", files={"file": ("waiting.pdf", content)}, data=data)
    listed = (await alice.get(path)).json()["items"]
    assert (await alice.get(f"{path}/summary")).json() == {
        "all": 5,
        "ready": 3,
        "pending": 1,
        "failed": 1,
        "pages": 3,
        "bytes": sum(item["size"] for item in listed),
    }
    # What has failed or waits is only its owner's.
    bob = await api.user("bob")
    bob_id = (await bob.get("/api/auth/me")).json()["id"]
    await alice.put(f"/api/namespaces/{namespace}/members/{bob_id}", json={"auth_level": 1})
    seen = (await bob.get(f"{path}/summary")).json()
    assert (seen["all"], seen["ready"], seen["pending"], seen["failed"]) == (3, 3, 0, 0)


async def test_the_same_bytes_say_where_they_are(api: Api, tmp_path: Path) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    first, second = await api.namespace(alice, name="first"), await api.namespace(alice, name="second")
    hidden = await api.namespace(bob, name="hidden")
    document = await api.upload(alice, factories.handbook(tmp_path), first)
    await alice.patch(f"/api/documents/{document}", json={"is_public": True})
    await bob.post(f"/api/namespaces/{hidden}/documents", json={"doc_id": document})
    content = (tmp_path / "handbook.pdf").read_bytes()
    found = []
    for _ in range(2):
        again = await alice.post(
            "/api/documents",
            files={"file": ("again.pdf", content)},
            data={"namespace_id": [str(first), str(second)]},
        )
        assert again.status_code == 200
        found.append(again.json()["already_in"])
    assert found == [
        [{"id": first, "name": "first"}],
        [{"id": first, "name": "first"}, {"id": second, "name": "second"}],
    ]
    new = await bob.post("/api/documents", files={"file": ("handbook.pdf", content)})
    assert (new.status_code, new.json()["already_in"], new.json()["username"]) == (201, [], "bob")


async def test_outline(api: Api, tmp_path: Path) -> None:
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    word, pdf = await asyncio.gather(
        api.upload(alice, factories.word(tmp_path / "x.docx", {"One": "a", "Two": "b"}), namespace),
        api.upload(alice, factories.handbook(tmp_path), namespace),
    )
    assert (await alice.get(f"/api/documents/{word}/outline")).json() == {
        "items": [
            {"heading": "One", "page": None, "ordinal": 0, "children": []},
            {"heading": "Two", "page": None, "ordinal": 1, "children": []},
        ]
    }
    pages = (await alice.get(f"/api/documents/{pdf}/outline")).json()["items"]
    assert [(item["heading"], item["page"], item["ordinal"]) for item in pages] == [
        (None, 1, 0),
        (None, 2, 1),
        (None, 3, 2),
    ]


def test_outline_of_nested_headings() -> None:
    passages = [
        (None, 1, 0),
        ("A", 2, 1),
        ("A > B", 3, 2),
        ("A > B", 4, 3),
        ("A > C > D", 4, 4),
        ("A", 5, 5),
        ("E > F", 6, 6),
        (None, None, 7),
    ]
    assert as_tree(passages) == [
        OutlineItem(None, 1, 0, []),
        OutlineItem(
            "A",
            2,
            1,
            [OutlineItem("B", 3, 2, []), OutlineItem("C", 4, 4, [OutlineItem("D", 4, 4, [])])],
        ),
        OutlineItem("E", 6, 6, [OutlineItem("F", 6, 6, [])]),
    ]
