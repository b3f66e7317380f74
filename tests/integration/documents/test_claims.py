"""The order in which workers read documents."""

from collections.abc import Sequence

import pytest
from sqlalchemy import func, select, text, update

from luma_rag.access import Principal
from luma_rag.db.models import Ingestion, Namespace, User
from luma_rag.documents import claims, ingestion
from luma_rag.documents.claims import Rotation
from luma_rag.runtime import Store

WORKER = 1


class Queue:
    """Documents of some users, each with two namespaces, and a worker that reads them."""

    def __init__(self, store: Store, namespace_ids: dict[str, list[int]]) -> None:
        self.store = store
        self.namespace_ids = namespace_ids
        self.rotation = Rotation()

    async def add(
        self, name: str, count: int = 1, *, namespace: int = 0, is_batch: bool = False
    ) -> list[int]:
        """Enqueue documents of a user. Their titles are the user's name and the number of the namespace."""
        async with self.store.sessions.begin() as session:
            inserted = await session.scalars(
                text(
                    "INSERT INTO document (user_id, title, file_path, file_metadata, type, uploaded_at) "
                    "SELECT users.id, :title, 'f', jsonb_build_object('sha256', gen_random_uuid()), "
                    "'pdf', now() FROM users, generate_series(1, :count) WHERE username = :name RETURNING id"
                ),
                {"title": f"{name} {namespace}", "name": name, "count": count},
            )
            doc_ids = list(inserted)
            for doc_id in doc_ids:
                namespace_id = self.namespace_ids[name][namespace]
                await ingestion.enqueue(session, doc_id, namespace_id, is_batch=is_batch)
        return doc_ids

    async def claim(self, *, only_urgent: bool = False, can_recognize: bool = True) -> claims.Claim | None:
        async with self.store.sessions.begin() as session:
            return await claims.claim(
                session, WORKER, rotation=self.rotation, only_urgent=only_urgent, can_recognize=can_recognize
            )

    async def read(self, count: int) -> list[str]:
        """The titles of the documents that are claimed next."""
        claimed = [await self.claim() for _ in range(count)]
        return [each.title for each in claimed if each is not None]


@pytest.fixture
async def queue(store: Store) -> Queue:
    async with store.sessions.begin() as session:
        found: dict[str, list[int]] = {}
        for name in ("ann", "bob", "cid"):
            user = User(username=name, email=f"{name}@example.com", password="-", role="user")
            session.add(user)
            await session.flush()
            spaces = [Namespace(user_id=user.id, name=f"{name} {i}") for i in range(2)]
            session.add_all(spaces)
            await session.flush()
            found[name] = [space.id for space in spaces]
    return Queue(store, found)


async def test_what_somebody_waits_for_comes_before_batches(queue: Queue) -> None:
    await queue.add("ann", 5, is_batch=True)
    assert await queue.read(1) == ["ann 0"]
    await queue.add("bob", 2)
    await queue.add("ann", 1, namespace=1)
    assert await queue.read(4) == ["ann 1", "bob 0", "bob 0", "ann 0"]


async def test_batches_go_on_while_uploads_keep_coming(queue: Queue) -> None:
    await queue.add("ann", 30)
    await queue.add("bob", 5, is_batch=True)
    assert await queue.read(16) == [*["ann 0"] * 7, "bob 0"] * 2
    # The place for urgent documents is not theirs, whosever turn it is.
    await queue.read(7)
    urgent = await queue.claim(only_urgent=True)
    assert urgent is not None
    assert urgent.is_urgent
    assert await queue.read(1) == ["bob 0"]


async def test_users_take_turns(queue: Queue) -> None:
    await queue.add("ann", 20)
    assert await queue.read(2) == ["ann 0"] * 2
    await queue.add("bob", 3)
    await queue.add("cid", 1)
    assert await queue.read(7) == ["bob 0", "cid 0", "ann 0", "bob 0", "ann 0", "bob 0", "ann 0"]


async def test_namespaces_of_a_user_take_turns_and_give_no_second_share(queue: Queue) -> None:
    await queue.add("ann", 6, is_batch=True)
    await queue.add("ann", 3, namespace=1, is_batch=True)
    await queue.add("bob", 6, is_batch=True)
    read = await queue.read(8)
    assert read.count("bob 0") == 4
    assert [title for title in read if title != "bob 0"] == ["ann 0", "ann 1", "ann 0", "ann 1"]


async def test_within_a_namespace_the_longest_wait_comes_first(queue: Queue) -> None:
    first, second, third = await queue.add("ann", 3)
    await _set(queue, [second], next_attempt_at=func.localtimestamp() - text("interval '1 minute'"))
    await _set(queue, [first], next_attempt_at=func.localtimestamp() + text("interval '1 minute'"))
    claimed = [await queue.claim() for _ in range(3)]
    assert [each and each.doc_id for each in claimed] == [second, third, None]


async def test_document_of_a_batch_becomes_urgent_when_somebody_adds_it_again(queue: Queue) -> None:
    doc_id = (await queue.add("ann", 3, is_batch=True))[-1]
    assert await queue.claim(only_urgent=True) is None
    async with queue.store.sessions.begin() as session:
        _, is_new = await ingestion.enqueue(session, doc_id, queue.namespace_ids["ann"][0])
        assert not is_new
    claimed = await queue.claim(only_urgent=True)
    assert claimed is not None
    assert claimed.doc_id == doc_id


async def test_retried_document_is_urgent(queue: Queue) -> None:
    doc_id = (await queue.add("ann", 3, is_batch=True))[-1]
    await _set(queue, [doc_id], state="failed", error="It is damaged.")
    async with queue.store.sessions.begin() as session:
        failed = await session.scalar(select(Ingestion.id).where(Ingestion.doc_id == doc_id))
        await ingestion.retry(session, Principal(1, "admin"), failed or 0)
    claimed = await queue.claim(only_urgent=True)
    assert claimed is not None
    assert claimed.doc_id == doc_id


async def test_document_in_a_batch_and_wanted_elsewhere_is_urgent(queue: Queue) -> None:
    (doc_id,) = await queue.add("ann", is_batch=True)
    async with queue.store.sessions.begin() as session:
        await ingestion.enqueue(session, doc_id, queue.namespace_ids["ann"][1])
    claimed = await queue.claim()
    assert claimed is not None
    assert claimed.is_urgent
    assert await queue.claim() is None


async def test_documents_that_await_recognition_wait_only_for_that(queue: Queue) -> None:
    (scan,) = await queue.add("ann")
    assert await queue.read(1) == ["ann 0"]
    async with queue.store.sessions.begin() as session:
        await ingestion.await_recognition(session, WORKER, scan)
    await queue.add("ann", 1, namespace=1, is_batch=True)
    read = await queue.claim(can_recognize=False)
    assert read is not None
    assert read.title == "ann 1"
    assert await queue.claim(can_recognize=False) is None
    claimed = await queue.claim()
    assert claimed is not None
    assert claimed.doc_id == scan
    async with queue.store.sessions.begin() as session:
        # To be put back is no attempt.
        assert await session.scalar(select(Ingestion.attempts).where(Ingestion.doc_id == scan)) == 1


async def test_document_that_is_being_claimed_hides_no_other(queue: Queue) -> None:
    await queue.add("ann", 2)
    (other,) = await queue.add("bob")
    async with queue.store.sessions.begin() as session:
        first = await claims.claim(session, WORKER, rotation=Rotation())
        second, third = await queue.claim(), await queue.claim()
        assert await queue.claim() is None
    claimed = {each.doc_id for each in (first, second, third) if each is not None}
    assert len(claimed) == 3
    assert other in claimed


async def test_claims_read_no_more_of_a_longer_queue(queue: Queue) -> None:
    async def pages_read() -> int:
        pages = 0
        lane = claims._Lane(claims._Owner(False, False, 1), queue.namespace_ids["ann"][0])
        found = claims._next_document(claims._is_in(lane))
        in_namespaces = claims._NAMESPACES.bindparams(**lane.owner._asdict())
        async with queue.store.engine.connect() as connection:
            # Without statistics, or of a few rows, the planner may prefer another way.
            await connection.execute(text("ANALYZE ingestion"))
            for statement in (claims._OWNERS, in_namespaces, found):
                sql = statement.compile(
                    dialect=queue.store.engine.dialect, compile_kwargs={"literal_binds": True}
                )
                (plan,) = await connection.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"))
                assert "ix_ingestion_queue" in str(plan)
                pages += int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])
        return pages

    await _fill(queue, 500)
    before = await pages_read()
    await _fill(queue, 5000)
    assert await pages_read() <= 2 * before + 5


def test_rotation_forgets_those_served_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_MOST_REMEMBERED", 4)
    rotation = Rotation()
    lanes = [claims._Lane(claims._Owner(False, False, owner), owner) for owner in (1, 2, 3)]
    for lane in lanes:
        rotation.serve(lane)
    assert rotation.in_order(lanes) == lanes
    assert len(rotation._served) == 4


async def _set(queue: Queue, doc_ids: Sequence[int], **values: object) -> None:
    async with queue.store.sessions.begin() as session:
        await session.execute(update(Ingestion).where(Ingestion.doc_id.in_(doc_ids)).values(**values))


async def _fill(queue: Queue, count: int) -> None:
    """Enqueue documents of all users for both of their namespaces, half of them in batches."""
    async with queue.store.sessions.begin() as session:
        await session.execute(
            text(
                "WITH new AS (INSERT INTO document "
                "(user_id, title, file_path, file_metadata, type, uploaded_at) "
                "SELECT namespace.user_id, namespace.id, 'f', "
                "jsonb_build_object('sha256', gen_random_uuid()), 'pdf', now() "
                "FROM namespace, generate_series(1, :count / 6) RETURNING *) "
                "INSERT INTO ingestion (doc_id, namespace_id, owner_id, is_batch, created_at, updated_at) "
                "SELECT id, title::int, user_id, id % 2 = 0, now(), now() FROM new"
            ),
            {"count": count},
        )
