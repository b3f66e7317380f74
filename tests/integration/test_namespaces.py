"""Names of namespaces are unique for their owner."""

import asyncio

import pytest
from sqlalchemy import text

from luma_rag import namespaces
from luma_rag.access import Principal
from luma_rag.accounts import removal, users
from luma_rag.db.models import Namespace
from luma_rag.errors import ConflictError, ForbiddenError
from luma_rag.runtime import Store
from tests.api import PASSWORD, Api


async def _user(store: Store, name: str, role: users.Role = "user") -> Principal:
    user = await users.create(store.sessions, name, f"{name}@example.com", PASSWORD, role)
    return Principal(user.id, user.role)


async def _make(store: Store, principal: Principal, *names: str) -> list[int]:
    async with store.sessions.begin() as session:
        created = [await namespaces.create(session, principal, name, None, is_public=False) for name in names]
    return [namespace.id for namespace in created]


async def _names(store: Store, user_id: int) -> dict[int, str]:
    async with store.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT id, name FROM namespace WHERE user_id = :user_id"), {"user_id": user_id}
        )
        return dict(iter(rows))


async def test_a_name_is_taken_for_its_owner_alone(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    papers = await api.namespace(alice, name="papers")
    await api.namespace(bob, name="papers")
    twin = await alice.post("/api/namespaces", json={"name": "papers"})
    assert twin.status_code == 409
    assert twin.json()["detail"] == "You already have a namespace named “papers”."
    other = await api.namespace(alice, name="Papers")
    renamed = await alice.patch(f"/api/namespaces/{other}", json={"name": "papers"})
    assert (renamed.status_code, renamed.json()["detail"]) == (409, twin.json()["detail"])
    assert (await alice.get(f"/api/namespaces/{other}")).json()["name"] == "Papers"
    assert (await alice.patch(f"/api/namespaces/{papers}", json={"name": "papers"})).status_code == 200
    root = await api.admin()
    by_admin = await root.patch(f"/api/namespaces/{other}", json={"name": "papers"})
    assert by_admin.status_code == 409
    assert by_admin.json()["detail"] == "Its owner already has a namespace named “papers”."


async def test_get_or_create_returns_what_exists(api: Api) -> None:
    alice, bob = await api.user("alice"), await api.user("bob")
    url = "/api/namespaces?get_or_create=true"
    created = await alice.post(url, json={"name": "a/b ü", "description": "first"})
    assert (created.status_code, created.json()["description"]) == (201, "first")
    again = await alice.post(url, json={"name": "a/b ü", "description": "second", "is_public": True})
    assert (again.status_code, again.json()) == (200, created.json())
    assert (await bob.post(url, json={"name": "a/b ü"})).status_code == 201
    assert (await alice.post("/api/namespaces?get_or_create=maybe", json={"name": "x"})).status_code == 422


async def test_a_narrowed_token_gets_only_what_it_reaches(store: Store) -> None:
    alice = await _user(store, "alice")
    here, _ = await _make(store, alice, "here", "elsewhere")
    narrowed = Principal(alice.user_id, alice.role, namespace_ids=frozenset([here]), token_id=1)
    async with store.sessions.begin() as session:
        namespace, is_new = await namespaces.get_or_create(session, narrowed, "here")
        assert (namespace.id, is_new) == (here, False)
    for name in ("elsewhere", "nowhere"):
        with pytest.raises(ForbiddenError):
            async with store.sessions.begin() as session:
                await namespaces.get_or_create(session, narrowed, name)


async def test_concurrent_calls_create_one_namespace(store: Store) -> None:
    alice = await _user(store, "alice")

    async def get_or_create() -> tuple[int, bool]:
        async with store.sessions.begin() as session:
            namespace, is_new = await namespaces.get_or_create(session, alice, "papers")
            # Held open so that the others meet an uncommitted row.
            await asyncio.sleep(0.05)
            return namespace.id, is_new

    results = await asyncio.gather(*(get_or_create() for _ in range(6)))
    assert len({namespace_id for namespace_id, _ in results}) == 1
    assert sorted(is_new for _, is_new in results) == [False] * 5 + [True]


async def test_of_concurrent_creations_one_succeeds(store: Store) -> None:
    alice = await _user(store, "alice")
    ids = await _make(store, alice, "one", "two")

    async def create() -> None:
        async with store.sessions.begin() as session:
            await namespaces.create(session, alice, "papers", None, is_public=False)
            await asyncio.sleep(0.05)

    async def rename(namespace_id: int) -> None:
        async with store.sessions.begin() as session:
            await namespaces.change(
                session, alice, namespace_id, name="papers", description=None, is_public=False
            )
            await asyncio.sleep(0.05)

    results = await asyncio.gather(create(), *map(rename, ids), return_exceptions=True)
    conflicts = [result for result in results if isinstance(result, ConflictError)]
    assert len(conflicts) == 2, results
    assert all("“papers”" in conflict.detail for conflict in conflicts)
    assert sorted((await _names(store, alice.user_id)).values()).count("papers") == 1


async def test_names_that_clash_get_a_number_at_a_transfer(store: Store) -> None:
    await _user(store, "root", "admin")
    alice, bob = await _user(store, "alice"), await _user(store, "bob")
    long = "x" * 255
    ids = await _make(store, alice, "papers", "papers (2)", "drafts", long)
    own = await _make(store, bob, "papers", "papers (3)", long)
    async with store.sessions.begin() as session:
        await removal.remove(session, alice.user_id, hand_to=bob.user_id)
    names = await _names(store, bob.user_id)
    assert [names[namespace_id] for namespace_id in own] == ["papers", "papers (3)", long]
    assert [names[namespace_id] for namespace_id in ids] == [
        "papers (4)",
        "papers (2)",
        "drafts",
        "x" * 251 + " (2)",
    ]


async def test_by_name_prefers_the_callers_own(store: Store) -> None:
    root, alice, bob = (
        await _user(store, "root", "admin"),
        await _user(store, "alice"),
        await _user(store, "bob"),
    )
    (alices,), (bobs,) = await _make(store, alice, "papers"), await _make(store, bob, "papers")
    async with store.sessions.begin() as session:
        assert (await namespaces.by_name(session, alice, "papers")).id == alices
        with pytest.raises(ConflictError, match=f"{alices}, {bobs}|{bobs}, {alices}"):
            await namespaces.by_name(session, root, "papers")
        assert (await namespaces.by_name(session, root, str(bobs))).id == bobs


async def test_the_longest_name_fits_the_column(store: Store) -> None:
    assert Namespace.__table__.c.name.type.length == namespaces.MAX_NAME
