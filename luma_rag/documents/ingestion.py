"""The ingestion queue, stored in Postgres so that it survives any crash.

A worker claims a document together with all namespaces it is queued for, because it is parsed and embedded
only once. A live worker holds an advisory lock on its worker id and writes that id into the rows it runs.
Rows whose worker id is not locked belong to a dead worker and are re-queued.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from luma_rag.access import Principal, readable_namespaces, require_namespace
from luma_rag.access.principal import WRITE
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chunk, Document, Ingestion
from luma_rag.errors import ConflictError, NotFoundError

MAX_ATTEMPTS = 3
CHANNEL = "luma_ingestion"
_LOCK_CLASS = 0x4C55_4D43
_ACTIVE = text("state IN ('queued', 'running')")


class IngestionView(msgspec.Struct, frozen=True):
    """The progress of a document into a namespace: `progress` from 0 to 1, `error` only after a failure."""

    id: int
    doc_id: int
    namespace_id: int
    state: str
    stage: str | None
    progress: float
    chunks: int
    error: str | None
    attempts: int
    created_at: datetime
    updated_at: datetime


class Claim(msgspec.Struct, frozen=True):
    """A document claimed by a worker. If `is_embedded`, only rows have to be copied."""

    doc_id: int
    title: str
    file_path: str
    is_embedded: bool


def view(ingestion: Ingestion) -> IngestionView:
    """The public part of an ingestion."""
    return msgspec.convert(ingestion, IngestionView, from_attributes=True)


async def enqueue(session: AsyncSession, doc_id: int, namespace_id: int) -> tuple[IngestionView, bool]:
    """Enqueue a document for a namespace. Returns the ingestion, and whether it is a new one."""
    now = utcnow()
    queued = await session.scalar(
        upsert(Ingestion)
        .values(doc_id=doc_id, namespace_id=namespace_id, state="queued", created_at=now, updated_at=now)
        .on_conflict_do_nothing(index_elements=["doc_id", "namespace_id"], index_where=_ACTIVE)
        .returning(Ingestion.id)
    )
    await _wake_workers(session)
    active = await session.scalars(
        select(Ingestion).where(Ingestion.doc_id == doc_id, Ingestion.namespace_id == namespace_id, _ACTIVE)
    )
    return view(active.one()), queued is not None


async def get(session: AsyncSession, principal: Principal, ingestion_id: int) -> IngestionView:
    """One ingestion. Requires level 1 in its namespace."""
    return view(await _readable(session, principal, ingestion_id))


async def retry(session: AsyncSession, principal: Principal, ingestion_id: int) -> IngestionView:
    """Re-queue a failed ingestion. Requires level 2 in its namespace.

    Raises:
        ConflictError: it has not failed, or a newer one is in progress.
    """
    ingestion = await _readable(session, principal, ingestion_id)
    await require_namespace(session, principal, ingestion.namespace_id, WRITE)
    newest = await session.scalar(
        select(func.max(Ingestion.id)).where(
            Ingestion.doc_id == ingestion.doc_id, Ingestion.namespace_id == ingestion.namespace_id
        )
    )
    retried = await session.scalar(
        update(Ingestion)
        .where(Ingestion.id == ingestion_id, Ingestion.state == "failed", Ingestion.id == newest)
        .values(state="queued", stage=None, progress=0.0, error=None, attempts=0, updated_at=utcnow())
        .returning(Ingestion)
        .execution_options(populate_existing=True)
    )
    if retried is None:
        raise ConflictError(
            "Only the latest ingestion of a document can be retried, and only after a failure."
        )
    await _wake_workers(session)
    return view(retried)


async def register_worker(connection: AsyncConnection) -> int:
    """Allocate a worker id. Its advisory lock is held until `connection` closes."""
    while True:
        worker = secrets.randbelow(2**31 - 1) + 1
        locked = await connection.scalar(select(func.pg_try_advisory_lock(_LOCK_CLASS, worker)))
        if locked:
            return worker


def living_workers() -> Select[int]:
    """The ids of all workers connected to this database now."""
    return (
        select(literal_column("objid::bigint"))
        .select_from(text("pg_locks"))
        .where(
            text(
                "locktype = 'advisory' AND objsubid = 2 AND granted AND classid = :class "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).bindparams(**{"class": _LOCK_CLASS})
        )
    )


async def claim(session: AsyncSession, worker: int, only: list[int] | None = None) -> Claim | None:
    """Claim the document that has waited longest, if any; with `only`, one of these documents."""
    waiting = and_(Ingestion.doc_id == Document.id, Ingestion.state == "queued")
    running = exists().where(Ingestion.doc_id == Document.id, Ingestion.state == "running")
    oldest = select(func.min(Ingestion.id)).where(waiting).correlate(Document).scalar_subquery()
    statement = (
        select(Document)
        .where(exists().where(waiting), ~running)
        .order_by(oldest)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        statement = statement.where(Document.id.in_(only))
    document = await session.scalar(statement)
    if document is None:
        return None
    claimed = await session.scalars(
        update(Ingestion)
        .where(Ingestion.doc_id == document.id, Ingestion.state == "queued")
        .values(
            state="running",
            worker=worker,
            attempts=Ingestion.attempts + 1,
            stage="parsing",
            progress=0.0,
            updated_at=utcnow(),
        )
        .returning(Ingestion.id)
    )
    if not claimed.all():
        return None
    is_embedded = await session.scalar(select(exists().where(Chunk.doc_id == document.id)))
    return Claim(document.id, document.title, document.file_path, bool(is_embedded))


async def report(session: AsyncSession, worker: int, doc_id: int, stage: str, progress: float) -> None:
    """Record a worker's progress on a document."""
    await session.execute(
        update(Ingestion)
        .where(*_running_on(worker, doc_id))
        .values(stage=stage, progress=progress, updated_at=utcnow())
    )


async def fail(session: AsyncSession, worker: int, doc_id: int, reason: str, *, can_retry: bool) -> None:
    """Mark a document as failed, or re-queue it if another attempt may succeed."""
    again = Ingestion.attempts < MAX_ATTEMPTS if can_retry else false()
    await _end(session, _running_on(worker, doc_id), again, reason)


async def release(session: AsyncSession, worker: int) -> None:
    """Re-queue everything a worker holds, because it is stopping."""
    await session.execute(
        update(Ingestion)
        .where(Ingestion.state == "running", Ingestion.worker == worker)
        .values(
            state="queued",
            worker=None,
            stage=None,
            progress=0.0,
            attempts=Ingestion.attempts - 1,
            updated_at=utcnow(),
        )
    )
    await _wake_workers(session)


async def recover(session: AsyncSession) -> None:
    """Re-queue the documents of dead workers. A document that has killed several workers fails."""
    await _end(
        session,
        (Ingestion.state == "running", Ingestion.worker.not_in(living_workers())),
        Ingestion.attempts < MAX_ATTEMPTS,
        f"The worker died {MAX_ATTEMPTS} times while it read this document. The file may be too demanding "
        "for this machine; retry it, or give the machine more memory.",
    )


async def _end(
    session: AsyncSession,
    which: Sequence[ColumnElement[bool]],
    again: ColumnElement[bool],
    reason: str,
) -> None:
    ended = await session.scalars(
        update(Ingestion)
        .where(*which)
        .values(
            state=case((again, "queued"), else_="failed"),
            error=case((again, None), else_=reason),
            stage=None,
            progress=0.0,
            worker=None,
            updated_at=utcnow(),
        )
        .returning(Ingestion.id)
    )
    # Notify only if something changed. Otherwise a worker that looks for dead ones would wake itself forever.
    if ended.all():
        await _wake_workers(session)


def _running_on(worker: int, doc_id: int) -> Sequence[ColumnElement[bool]]:
    return Ingestion.doc_id == doc_id, Ingestion.state == "running", Ingestion.worker == worker


async def _readable(session: AsyncSession, principal: Principal, ingestion_id: int) -> Ingestion:
    ingestion = await session.scalar(
        select(Ingestion).where(
            Ingestion.id == ingestion_id, Ingestion.namespace_id.in_(readable_namespaces(principal))
        )
    )
    if ingestion is None:
        raise NotFoundError(f"Ingestion {ingestion_id} not found, or you have no access to it.")
    return ingestion


async def _wake_workers(session: AsyncSession) -> None:
    # Delivered at commit.
    await session.execute(select(func.pg_notify(CHANNEL, "")))
