"""Giving and taking access in two transactions at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag import namespaces
from luma_rag.access import Principal, grants
from luma_rag.accounts import removal
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, User
from luma_rag.errors import LumaError, NotFoundError
from luma_rag.pagination import Pagination
from luma_rag.runtime import Store
from luma_rag.verify import verify

ALL = Pagination(limit=200)


class Place(msgspec.Struct, frozen=True):
    """Alice owns a namespace, with Mallory at level 3, and a document; Bob has nothing yet."""

    root: Principal
    alice: Principal
    mallory: Principal
    bob: Principal
    namespace_id: int
    doc_id: int


@pytest.fixture
async def place(store: Store) -> Place:
    async with store.sessions.begin() as session:
        roles = {"root": "admin", "alice": "user", "mallory": "user", "bob": "user"}
        users = [User(username=n, email=f"{n}@example.com", password="-", role=r) for n, r in roles.items()]
        session.add_all(users)
        await session.flush()
        root, alice, mallory, bob = [Principal(user.id, user.role) for user in users]
        space = await namespaces.create(session, alice, "papers", None, is_public=False)
        await grants.grant_level(session, alice, space.id, mallory.user_id, 3)
        document = Document(
            user_id=alice.user_id,
            title="paper",
            file_path="aa/paper",
            file_metadata={},
            type="pdf",
            is_public=False,
            uploaded_at=utcnow(),
        )
        session.add(document)
        await session.flush()
        return Place(root, alice, mallory, bob, space.id, document.id)


@asynccontextmanager
async def _meanwhile(
    store: Store, call: Callable[[AsyncSession], Awaitable[object]]
) -> AsyncGenerator[tuple[AsyncSession, "asyncio.Task[object]"]]:
    """A transaction that is still open when `call` begins another one, and what comes of that."""

    async def run() -> object:
        await held.wait()
        async with store.sessions.begin() as session:
            try:
                return await call(session)
            except LumaError as error:
                return error

    held = asyncio.Event()
    task = asyncio.create_task(run())
    async with store.sessions.begin() as session:
        yield session, task
        held.set()
        await _waiting(store)
    await asyncio.wait_for(task, 30)


async def _waiting(store: Store) -> None:
    """Return once some transaction waits for another one."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND cardinality(pg_blocking_pids(pid)) > 0"
    )
    async with asyncio.timeout(30):
        while True:
            async with store.sessions.begin() as session:
                if await session.scalar(blocked):
                    return
            await asyncio.sleep(0.02)


async def test_who_is_being_taken_out_does_not_put_themselves_back(store: Store, place: Place) -> None:
    me, space = place.mallory.user_id, place.namespace_id

    async def back(session: AsyncSession) -> object:
        return await grants.grant_level(session, place.mallory, space, me, 3)

    async with _meanwhile(store, back) as (session, task):
        await grants.revoke_level(session, place.alice, space, me)
    assert isinstance(task.result(), NotFoundError)
    async with store.sessions.begin() as session:
        assert (await grants.members(session, place.alice, space, ALL)).items == []


async def test_who_is_being_taken_out_takes_nobody_else_out(store: Store, place: Place) -> None:
    me, bob, space = place.mallory.user_id, place.bob.user_id, place.namespace_id
    async with store.sessions.begin() as session:
        await grants.grant_level(session, place.alice, space, bob, 1)

    async def take_out(session: AsyncSession) -> object:
        return await grants.revoke_level(session, place.mallory, space, bob)

    async with _meanwhile(store, take_out) as (session, task):
        await grants.revoke_level(session, place.alice, space, me)
    assert isinstance(task.result(), NotFoundError)
    async with store.sessions.begin() as session:
        left = await grants.members(session, place.alice, space, ALL)
        assert [member.user_id for member in left.items] == [bob]


async def test_nothing_is_given_to_who_is_just_becoming_the_owner(store: Store, place: Place) -> None:
    alice, bob = place.alice.user_id, place.bob.user_id

    async def give(session: AsyncSession) -> object:
        return await grants.grant_level(session, place.mallory, place.namespace_id, bob, 1)

    async with _meanwhile(store, give) as (session, task):
        await removal.remove(session, alice, hand_to=bob, actor_id=place.root.user_id)
    assert isinstance(task.result(), LumaError)
    verdict = await verify(store.sessions, store.storage)
    assert "granted-to-owner" not in {finding.check for finding in verdict.findings}


@pytest.mark.parametrize("is_taken_back", [False, True])
async def test_a_document_that_is_just_handed_over_is_shared_by_its_owner_alone(
    store: Store, place: Place, is_taken_back: bool
) -> None:
    alice, mallory, bob = place.alice, place.mallory.user_id, place.bob.user_id
    async with store.sessions.begin() as session:
        await grants.share(session, alice, place.doc_id, mallory, "read")

    async def act(session: AsyncSession) -> object:
        if is_taken_back:
            return await grants.unshare(session, alice, place.doc_id, mallory)
        # Somebody who stays: nothing but the document is waited for.
        return await grants.share(session, alice, place.doc_id, mallory, "write")

    async with _meanwhile(store, act) as (session, task):
        await removal.remove(session, alice.user_id, hand_to=bob, actor_id=place.root.user_id)
    assert isinstance(task.result(), NotFoundError)
    async with store.sessions.begin() as session:
        shared = await grants.shared_with(session, place.root, place.doc_id, ALL)
        assert [(one.user_id, one.permission) for one in shared.items] == [(mallory, "read")]
