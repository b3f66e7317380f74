"""Random sharing, linking, unsharing and deleting by several users, beside a model of a few lines.

After every step, what each of them can see is what the model says.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pgvector import HalfVector
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag import namespaces
from luma_rag.access import Principal, grants
from luma_rag.accounts import removal
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chunk, Document, Passage, User
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.db.session import create_engine
from luma_rag.documents import claims, models, namespace_documents, namespace_listing, service, vectors
from luma_rag.documents.storage import FileStorage
from luma_rag.errors import LumaError, NotFoundError
from luma_rag.pagination import Pagination
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery
from tests.synthetic_models import SyntheticModel

USERS = 4  # The first is an administrator.
ALL = Pagination(limit=200)
QUERY = np.eye(1, DIMENSIONS, dtype=np.float32)[0]
user = st.integers(0, USERS - 1)
thing = st.integers(0, 9)
levels = st.integers(1, 3)


class Space(msgspec.Struct):
    """A namespace in the model: `members` are levels by user, `holds` who added a document, by its id."""

    id: int
    owner: int
    is_public: bool
    members: dict[int, int] = {}
    holds: dict[int, int] = {}


class Paper(msgspec.Struct):
    """A document in the model: `shares` are 1 for read and 2 for write, by user."""

    id: int
    owner: int
    is_public: bool
    shares: dict[int, int] = {}


class Sharing(RuleBasedStateMachine):
    """Each example is a transaction that is rolled back; each step a savepoint, as a request is one."""

    def __init__(self, url: str, folder: Path) -> None:
        super().__init__()
        self.storage = FileStorage(folder, 2**20)
        self.loop = asyncio.new_event_loop()
        self.engine = create_engine(url, pool_size=1)
        self.numbers = itertools.count()
        # What was made, in order, also when it is deleted: then nothing may find it.
        self.admins = {0}
        self.made_spaces: list[Space] = []
        self.made_papers: list[Paper] = []
        self.spaces: dict[int, Space] = {}
        self.papers: dict[int, Paper] = {}
        self.principals = self.run(self._begin())

    def run(self, work: Awaitable[object]) -> object:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self._end())
        self.loop.close()

    async def _begin(self) -> list[Principal]:
        self.connection = await self.engine.connect()
        await self.connection.begin()
        async with self.session() as session:
            await models.record(session, SyntheticModel())
            return [await self._make_user(session, "user" if i else "admin") for i in range(USERS)]

    async def _make_user(self, session: AsyncSession, role: str) -> Principal:
        name = f"u{next(self.numbers)}"
        made = User(username=name, email=f"{name}@example.com", password="-", role=role)
        session.add(made)
        await session.flush()
        return Principal(made.id, made.role)

    async def _end(self) -> None:
        await self.connection.rollback()
        await self.connection.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncSession]:
        async with (
            AsyncSession(
                self.connection, join_transaction_mode="create_savepoint", expire_on_commit=False
            ) as session,
            session.begin(),
        ):
            yield session

    def attempt(self, is_allowed: bool, call: Callable[[AsyncSession], Awaitable[object]]) -> bool:
        """Make a call that the model allows or not; tells whether it was."""

        async def step() -> bool:
            try:
                async with self.session() as session:
                    await call(session)
            except LumaError:
                return False
            return True

        assert self.run(step()) is is_allowed
        return is_allowed

    # The model: access as one would tell it to a colleague.

    def level(self, who: int, space: Space) -> int:
        if space.id not in self.spaces:
            return 0
        if who in self.admins or who == space.owner:
            return 3
        return max(space.members.get(who, 0), 1 if space.is_public else 0)

    def permission(self, who: int, paper: Paper) -> int:
        if paper.id not in self.papers:
            return 0
        if who in self.admins or who == paper.owner:
            return 3
        held = any(paper.id in space.holds and self.level(who, space) for space in self.spaces.values())
        return max(paper.shares.get(who, 0), 1 if paper.is_public or held else 0)

    def may_place(self, who: int, paper: Paper) -> bool:
        owns = who in self.admins or who == paper.owner
        return owns or paper.is_public or paper.shares.get(who) == 2

    def end_placements(self) -> None:
        """A document leaves the namespaces to which it was added by a right that has ended."""
        for space in self.spaces.values():
            held = [(self.papers.get(doc_id), who) for doc_id, who in space.holds.items()]
            space.holds = {paper.id: who for paper, who in held if paper and self.may_place(who, paper)}

    # The steps.

    @initialize()
    def begin_with_something(self) -> None:
        # Otherwise most examples end before anything stands in a private namespace.
        for owner in (1, 2):
            self.make_namespace(who=owner, is_public=False)
            self.make_document(who=owner, is_public=False)
            self.link(who=0, where=owner - 1, which=owner - 1)

    @rule(who=user, is_public=st.booleans())
    def make_namespace(self, who: int, is_public: bool) -> None:
        async def make() -> int:
            async with self.session() as session:
                name = f"n{len(self.made_spaces)}"
                made = await namespaces.create(session, self.principals[who], name, None, is_public=is_public)
                return made.id

        space = Space(self.run(make()), who, is_public)
        self.made_spaces.append(space)
        self.spaces[space.id] = space

    @rule(who=user, is_public=st.booleans())
    def make_document(self, who: int, is_public: bool) -> None:
        async def make() -> int:
            async with self.session() as session:
                document = Document(
                    user_id=self.principals[who].user_id,
                    title="d",
                    file_path="-",
                    file_metadata={"sha256": str(len(self.made_papers)), "size": 1},
                    type="pdf",
                    is_public=is_public,
                    uploaded_at=utcnow(),
                )
                session.add(document)
                await session.flush()
                session.add(Passage(doc_id=document.id, ordinal=0, page=1, text="t"))
                session.add(
                    Chunk(
                        doc_id=document.id, ordinal=0, passage=0, start_char=0, end_char=1, tokens=1, page=1,
                        text="t", embedding=HalfVector(QUERY),
                    )
                )  # fmt: skip
                return document.id

        paper = Paper(self.run(make()), who, is_public)
        self.made_papers.append(paper)
        self.papers[paper.id] = paper

    @precondition(lambda self: self.made_spaces)
    @rule(who=user, which=thing, whom=user, to=levels)
    def grant(self, who: int, which: int, whom: int, to: int) -> None:
        space = self._space(which)
        if self.attempt(
            self.level(who, space) == 3 and whom != space.owner,
            lambda s: grants.grant_level(s, self.principals[who], space.id, self._id(whom), to),
        ):
            space.members[whom] = to

    @precondition(lambda self: self.made_spaces)
    @rule(who=user, which=thing, whom=user)
    def revoke(self, who: int, which: int, whom: int) -> None:
        space = self._space(which)
        needed = 1 if who == whom else 3
        if self.attempt(
            self.level(who, space) >= needed and whom in space.members,
            lambda s: grants.revoke_level(s, self.principals[who], space.id, self._id(whom)),
        ):
            del space.members[whom]

    @precondition(lambda self: self.made_papers)
    @rule(who=user, which=thing, whom=user, may_write=st.booleans())
    def share(self, who: int, which: int, whom: int, may_write: bool) -> None:
        paper = self._paper(which)
        permission = "write" if may_write else "read"
        if self.attempt(
            self.permission(who, paper) == 3 and whom != paper.owner,
            lambda s: grants.share(s, self.principals[who], paper.id, self._id(whom), permission),
        ):
            paper.shares[whom] = 2 if may_write else 1
            self.end_placements()

    @precondition(lambda self: self.made_papers)
    @rule(who=user, which=thing, whom=user)
    def unshare(self, who: int, which: int, whom: int) -> None:
        paper = self._paper(which)
        if self.attempt(
            self.permission(who, paper) == 3 and whom in paper.shares,
            lambda s: grants.unshare(s, self.principals[who], paper.id, self._id(whom)),
        ):
            del paper.shares[whom]
            self.end_placements()

    @precondition(lambda self: self.made_papers)
    @rule(who=user, which=thing, is_public=st.booleans())
    def publish_document(self, who: int, which: int, is_public: bool) -> None:
        paper = self._paper(which)
        if self.attempt(
            self.permission(who, paper) == 3,
            lambda s: service.change(
                s, self.principals[who], paper.id, title=msgspec.UNSET, is_public=is_public
            ),
        ):
            paper.is_public = is_public
            self.end_placements()

    @precondition(lambda self: self.made_spaces)
    @rule(who=user, which=thing, is_public=st.booleans())
    def publish_namespace(self, who: int, which: int, is_public: bool) -> None:
        space = self._space(which)
        if self.attempt(
            self.level(who, space) == 3,
            lambda s: namespaces.change(
                s, self.principals[who], space.id,
                name=msgspec.UNSET, description=msgspec.UNSET, is_public=is_public,
            ),
        ):  # fmt: skip
            space.is_public = is_public

    @precondition(lambda self: self.made_spaces and self.made_papers)
    @rule(who=user, where=thing, which=thing)
    def link(self, who: int, where: int, which: int) -> None:
        space, paper = self._space(where), self._paper(which)
        permission = self.permission(who, paper)

        async def add(session: AsyncSession) -> None:
            await namespace_documents.add(session, self.principals[who], space.id, paper.id)
            # What the worker does with a document that is embedded already.
            await claims.claim(session, 1, [paper.id])
            await vectors._link(session, paper.id, 1)

        if self.attempt(
            self.level(who, space) >= 2
            and (permission >= 2 or (permission == 1 and paper.is_public))
            and paper.id not in space.holds,
            add,
        ):
            space.holds[paper.id] = who

    @precondition(lambda self: self.made_spaces and self.made_papers)
    @rule(who=user, where=thing, which=thing)
    def unlink(self, who: int, where: int, which: int) -> None:
        space, paper = self._space(where), self._paper(which)
        if self.attempt(
            self.level(who, space) >= 2 and paper.id in space.holds,
            lambda s: namespace_documents.remove(s, self.principals[who], space.id, paper.id),
        ):
            del space.holds[paper.id]

    @precondition(lambda self: self.made_spaces and self.made_papers)
    @rule(who=user, where=thing, which=thing)
    def withdraw(self, who: int, where: int, which: int) -> None:
        space, paper = self._space(where), self._paper(which)
        if self.attempt(
            self.permission(who, paper) == 3 and space.id in self.spaces and paper.id in space.holds,
            lambda s: namespace_documents.withdraw(s, self.principals[who], space.id, paper.id),
        ):
            del space.holds[paper.id]

    @rule(who=st.integers(1, USERS - 1))
    def change_role(self, who: int) -> None:
        role = "user" if who in self.admins else "admin"

        async def change() -> None:
            async with self.session() as session:
                # As a client of the database would.
                statement = text("UPDATE users SET role = :role WHERE id = :id")
                await session.execute(statement, {"role": role, "id": self._id(who)})

        self.run(change())
        self.principals[who] = Principal(self._id(who), role)
        self.admins ^= {who}
        self.end_placements()

    @rule(who=st.integers(1, USERS - 1), to=user)
    def replace_user(self, who: int, to: int) -> None:
        """Remove an account, whose property another user gets, and create a new one."""

        async def replace() -> Principal:
            async with self.session() as session:
                await removal.remove(session, self._id(who), hand_to=self._id(to))
                return await self._make_user(session, "user")

        if who == to:
            return
        self.principals[who] = self.run(replace())
        self.admins -= {who}
        for space in self.spaces.values():
            space.members.pop(who, None)
            space.holds = {doc_id: to if by == who else by for doc_id, by in space.holds.items()}
            if space.owner == who:
                space.owner = to
                space.members.pop(to, None)
        for paper in self.papers.values():
            paper.shares.pop(who, None)
            if paper.owner == who:
                paper.owner = to
                paper.shares.pop(to, None)
        self.end_placements()

    @precondition(lambda self: self.made_papers)
    @rule(who=user, which=thing)
    def delete_document(self, who: int, which: int) -> None:
        paper = self._paper(which)
        if self.attempt(
            self.permission(who, paper) == 3,
            lambda s: service.remove(s, self.principals[who], paper.id),
        ):
            del self.papers[paper.id]
            self.end_placements()

    @precondition(lambda self: self.made_spaces)
    @rule(who=user, which=thing)
    def delete_namespace(self, who: int, which: int) -> None:
        space = self._space(which)
        if self.attempt(
            self.level(who, space) == 3, lambda s: namespaces.remove(s, self.principals[who], space.id)
        ):
            del self.spaces[space.id]

    @invariant()
    def everybody_sees_what_the_model_says(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        for who, principal in enumerate(self.principals):
            readable = {space.id for space in self.spaces.values() if self.level(who, space)}
            permitted = {paper.id for paper in self.papers.values() if self.permission(who, paper)}
            assert await self._visible(principal) == (readable, permitted)
            assert await self._opened(principal) == permitted
            for space in self.made_spaces:
                held = set(space.holds) if space.id in readable else set()
                assert await self._found(principal, space) == held
                assert await self._listed(principal, space) == held
            for paper in self.made_papers:
                places = await self._places(principal, paper)
                owns = self.permission(who, paper) == 3
                assert places == (self._placed(paper) if owns else None)
            # A token for two namespaces sees these, where its user does, and what stands in them.
            reach = {space.id for space in self.made_spaces[:2]}
            token = msgspec.structs.replace(principal, max_level=1, namespace_ids=frozenset(reach))
            held = {doc_id for i in readable & reach for doc_id in self.spaces[i].holds}
            assert await self._visible(token) == (readable & reach, held)

    async def _visible(self, principal: Principal) -> tuple[set[int], set[int]]:
        # Closing it leaves the transaction as it is.
        async with AsyncSession(self.connection, join_transaction_mode="rollback_only") as session:
            spaces = await namespaces.list_readable(session, principal, ALL)
            papers = await service.list_readable(session, principal, "all", ALL)
        assert (spaces.total, papers.total) == (len(spaces.items), len(papers.items))
        return {space.id for space in spaces.items}, {paper.id for paper in papers.items}

    async def _opened(self, principal: Principal) -> set[int]:
        """The documents, of all that ever were, whose file opens."""
        opened = set()
        async with AsyncSession(self.connection, join_transaction_mode="rollback_only") as session:
            for paper in self.made_papers:
                with suppress(NotFoundError):
                    await service.file(session, principal, self.storage, paper.id)
                    assert (await service.passages(session, principal, paper.id, None, ALL)).total == 1
                    opened.add(paper.id)
        return opened

    def _placed(self, paper: Paper) -> dict[int, int]:
        """Where a document stands, and by whom."""
        return {
            space.id: self._id(space.holds[paper.id])
            for space in self.spaces.values()
            if paper.id in space.holds
        }

    async def _places(self, principal: Principal, paper: Paper) -> dict[int, int] | None:
        """The same, as the service says it; None where it does not."""
        async with AsyncSession(self.connection, join_transaction_mode="rollback_only") as session:
            try:
                page = await namespace_documents.namespaces_of(session, principal, paper.id, ALL)
            except LumaError:
                return None
        return {place.namespace_id: place.user_id for place in page.items}

    async def _listed(self, principal: Principal, space: Space) -> set[int]:
        """The documents that a namespace lists."""
        async with AsyncSession(self.connection, join_transaction_mode="rollback_only") as session:
            try:
                page = await namespace_listing.documents_of(session, principal, space.id, ALL)
            except NotFoundError:
                return set()
        return {document.id for document in page.items}

    async def _found(self, principal: Principal, space: Space) -> set[int]:
        """The documents that a search finds; each has one chunk."""
        async with AsyncSession(self.connection, join_transaction_mode="rollback_only") as session:
            hits = await find(session, principal, space.id, SearchQuery(QUERY), k=100)
        found = {hit.doc_id for hit in hits}
        assert len(found) == len(hits)
        return found

    def _id(self, who: int) -> int:
        return self.principals[who].user_id

    def _space(self, which: int) -> Space:
        return self.made_spaces[which % len(self.made_spaces)]

    def _paper(self, which: int) -> Paper:
        return self.made_papers[which % len(self.made_papers)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_sees_what_the_model_says_after_every_step(database: str, tmp_path: Path) -> None:
    run_state_machine_as_test(
        lambda: Sharing(database, tmp_path),
        settings=settings(
            max_examples=4,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
