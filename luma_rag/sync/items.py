"""What was read of a source, as it is stored."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

import msgspec
from sqlalchemy import ARRAY, Text, any_, delete, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from ingest.parsers import READER_VERSION
from luma_rag.access import Principal, require_namespace
from luma_rag.access.principal import WRITE
from luma_rag.db.models import Ingestion, Placement, SyncItem, SyncSource, User
from luma_rag.errors import ConflictError
from luma_rag.sync.plan import SET_ASIDE, Item
from luma_rag.sync.sources import Entry

_LOCK_CLASS = 0x4C55_4D53
_BUSY = "Another `luma sync` works on this source. Wait for its end."


class Stored(msgspec.Struct, frozen=True):
    """A source of a namespace; `id` is None before the first run."""

    id: int | None
    namespace_id: int


class Unfinished(msgspec.Struct, frozen=True):
    """An ingestion that is not ready."""

    state: str
    error: str | None


async def find(session: AsyncSession, principal: Principal, namespace_id: int, location: str) -> Stored:
    """The stored source of a namespace. Requires level 2.

    Raises:
        ConflictError: another user keeps the namespace in step with it.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    row = (
        await session.execute(
            select(SyncSource.id, SyncSource.user_id, User.username)
            .join(User, User.id == SyncSource.user_id)
            .where(SyncSource.namespace_id == namespace_id, SyncSource.location == location)
        )
    ).one_or_none()
    if row is None:
        return Stored(None, namespace_id)
    source_id, user_id, username = row
    if user_id != principal.user_id:
        raise ConflictError(
            f"The documents of this source belong to {username}. Act as this user: --as {username}"
        )
    return Stored(source_id, namespace_id)


async def create(session: AsyncSession, principal: Principal, namespace_id: int, location: str) -> int:
    """Store a source of a namespace; returns its id. Call `find` first.

    Raises:
        ConflictError: another run has stored it meanwhile.
    """
    source_id: int | None = await session.scalar(
        upsert(SyncSource)
        .values(namespace_id=namespace_id, user_id=principal.user_id, location=location)
        .on_conflict_do_nothing()
        .returning(SyncSource.id)
    )
    if source_id is None:
        raise ConflictError(_BUSY)
    return source_id


@asynccontextmanager
async def locked(engine: AsyncEngine, source_id: int) -> AsyncGenerator[None]:
    """Hold a source, so that only one run works on it; the lock ends with the process at the latest.

    Raises:
        ConflictError: another run holds it.
    """
    async with engine.connect() as connection:
        if not await connection.scalar(select(func.pg_try_advisory_lock(_LOCK_CLASS, source_id))):
            raise ConflictError(_BUSY)
        await connection.commit()
        try:
            yield
        finally:
            # Closing it ends the lock, whatever the state of the connection is.
            await connection.invalidate()


async def load(session: AsyncSession, source: Stored) -> dict[str, Item]:
    """What was read of a source, by path. What another version of the parsers skipped is not settled."""
    is_held = exists().where(
        Placement.doc_id == SyncItem.doc_id, Placement.namespace_id == source.namespace_id
    )
    rows = await session.execute(
        select(
            SyncItem.path,
            SyncItem.size,
            SyncItem.stamp,
            SyncItem.sha256,
            SyncItem.doc_id,
            SyncItem.is_made,
            SyncItem.skipped,
            SyncItem.reader,
            is_held.label("is_held"),
        ).where(SyncItem.source_id == source.id)
    )
    return {
        row.path: Item(
            row.path,
            row.size,
            row.stamp,
            row.sha256,
            row.doc_id,
            row.is_made,
            row.skipped if row.reader == READER_VERSION else None,
            row.is_held,
        )
        for row in rows
    }


async def unfinished(session: AsyncSession, namespace_id: int) -> dict[int, Unfinished]:
    """The documents whose latest ingestion into a namespace is not ready."""
    newer = Ingestion.__table__.alias("newer")
    rows = await session.execute(
        select(Ingestion.doc_id, Ingestion.state, Ingestion.error).where(
            Ingestion.namespace_id == namespace_id,
            Ingestion.state != "ready",
            ~exists().where(
                newer.c.doc_id == Ingestion.doc_id,
                newer.c.namespace_id == Ingestion.namespace_id,
                newer.c.id > Ingestion.id,
            ),
        )
    )
    return {doc_id: Unfinished(state, error) for doc_id, state, error in rows}


async def put(
    session: AsyncSession,
    source_id: int,
    entry: Entry,
    *,
    sha256: str | None = None,
    doc_id: int | None = None,
    is_made: bool = False,
    skipped: str | None = None,
) -> None:
    """Store a file as it was read."""
    item = Item(entry.path, entry.size, entry.stamp, sha256, doc_id, is_made, skipped, is_held=True)
    await put_all(session, source_id, [(entry, item)])


async def put_all(
    session: AsyncSession, source_id: int, read: Iterable[tuple[Entry, Item]], *, is_moved: bool = False
) -> None:
    """Store that files have the content that was read before; with `is_moved`, at another path."""
    pairs = list(read)
    if is_moved:
        await remove(session, source_id, *(item.path for _, item in pairs))
    rows = [
        {
            "source_id": source_id,
            "path": entry.path,
            "size": entry.size,
            "stamp": entry.stamp,
            "sha256": item.sha256,
            "doc_id": item.doc_id,
            "is_made": item.is_made,
            "skipped": item.skipped,
            "reader": READER_VERSION,
        }
        for entry, item in pairs
    ]
    if rows:
        row = upsert(SyncItem)
        key = (SyncItem.source_id, SyncItem.path)
        rest = {name: row.excluded[name] for name in rows[0] if name not in ("source_id", "path")}
        await session.execute(row.on_conflict_do_update(index_elements=key, set_=rest), rows)


async def set_aside(session: AsyncSession, source_id: int, item: Item) -> Item:
    """Remember a document whose file has another one now, until it has left the namespace."""
    aside = msgspec.structs.replace(item, path=f"{item.path}//{item.doc_id}", size=SET_ASIDE)
    entry = Entry(aside.path, aside.size, aside.stamp)
    await put_all(session, source_id, [(entry, item)])
    return aside


async def remove(session: AsyncSession, source_id: int, *paths: str) -> None:
    """Forget files."""
    here = SyncItem.path == any_(literal(paths, ARRAY(Text)))
    await session.execute(delete(SyncItem).where(SyncItem.source_id == source_id, here))


async def is_made(session: AsyncSession, doc_id: int) -> bool:
    """Whether a document was made by a synchronization, under whatever path."""
    made = select(exists().where(SyncItem.doc_id == doc_id, SyncItem.is_made))
    return bool(await session.scalar(made))


async def is_shared(session: AsyncSession, source_id: int, path: str, doc_id: int) -> bool:
    """Whether a document is also that of a file at another path."""
    here = (SyncItem.source_id == source_id) & (SyncItem.path == path)
    return bool(await session.scalar(select(exists().where(SyncItem.doc_id == doc_id, ~here))))
