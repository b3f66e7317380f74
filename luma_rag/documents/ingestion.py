"""The ingestion queue, stored in Postgres so that it survives any crash.

A worker claims a document together with all namespaces it is queued for, because it is parsed and embedded
only once. A live worker holds an advisory lock on its worker id and writes that id into the rows it runs.
Rows whose worker id is not locked belong to a dead worker and are re-queued.

Outages of the database or the machine don't count as attempts. The document waits, from seconds to an
hour, until one succeeds. Failures that may be the document's fault count, up to `MAX_ATTEMPTS`.
"""

import random
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    case,
    delete,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from ingest.types import ReadingWarning
from luma_rag.access import Principal, readable_namespaces, require_namespace
from luma_rag.access.principal import WRITE
from luma_rag.db.advisory_locks import held_ids
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Ingestion, Worker
from luma_rag.documents.reading_warnings import stored_warnings
from luma_rag.errors import ConflictError, NotFoundError

MAX_ATTEMPTS = 3
# Workers also die for reasons that have nothing to do with the document.
MAX_DEATHS = 10
CHANNEL = "luma_ingestion"
LOCK_CLASS = 0x4C55_4D43
"""The class of the advisory locks of workers."""
_ACTIVE = text("state IN ('queued', 'running')")
# Constants, because a generic plan uses a partial index only if the statement itself implies its condition.
_QUEUED = Ingestion.state == literal_column("'queued'")
_RUNNING = Ingestion.state == literal_column("'running'")
_FIRST_DELAY, _LONGEST_DELAY = 5.0, 3600.0
_JITTER = 0.25
_AGAIN: dict[str, Any] = {"state": "queued", "worker": None, "stage": None, "progress": 0.0}
_DIED = (
    f"The worker died {MAX_DEATHS} times while it read this document. The file may be too demanding "
    "for this machine; retry it, or give the machine more memory."
)
_DYING = "The worker died while it read this document. Luma tries again by itself."


class IngestionView(msgspec.Struct, frozen=True):
    """The progress of a document into a namespace: `progress` from 0 to 1, `error` only after a failure.

    After a failure that may pass, `state` is `queued` again until `next_attempt_at`. Once it is `ready`,
    `warnings` say what of the document could not be read.
    """

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
    next_attempt_at: datetime | None
    warnings: list[ReadingWarning] = []


def view(ingestion: Ingestion) -> IngestionView:
    """The public part of an ingestion."""
    public = msgspec.convert(ingestion, IngestionView, from_attributes=True)
    if public.state == "ready":
        warnings = stored_warnings(ingestion.warnings_of_document)
        return msgspec.structs.replace(public, next_attempt_at=None, warnings=warnings)
    waits = public.state == "queued" and public.error is not None
    return public if waits else msgspec.structs.replace(public, next_attempt_at=None)


async def enqueue(
    session: AsyncSession, doc_id: int, namespace_id: int, *, is_batch: bool = False
) -> tuple[IngestionView, bool]:
    """Enqueue a document for a namespace. Returns the ingestion, and whether it is a new one.

    With `is_batch`, it comes after those that somebody waits for. Enqueued again without, it does not.
    """
    now = utcnow()
    active = select(Ingestion).where(
        Ingestion.doc_id == doc_id, Ingestion.namespace_id == namespace_id, _ACTIVE
    )
    found = None
    # An active ingestion may end between the two statements.
    while found is None:
        queued = await session.scalar(
            upsert(Ingestion)
            .values(
                doc_id=doc_id,
                namespace_id=namespace_id,
                state="queued",
                is_batch=is_batch,
                owner_id=owner_of(doc_id),
                created_at=now,
                updated_at=now,
            )
            .on_conflict_do_nothing(index_elements=["doc_id", "namespace_id"], index_where=_ACTIVE)
            .returning(Ingestion.id)
        )
        found = await session.scalar(active)
    if found.is_batch and not is_batch and found.state == "queued":
        found.is_batch = False
        await session.flush()
    await _wake_workers(session)
    return view(found), queued is not None


async def make_batch(session: AsyncSession, doc_id: int) -> None:
    """Let a queued document come after those that somebody waits for."""
    await session.execute(update(Ingestion).where(Ingestion.doc_id == doc_id, _QUEUED).values(is_batch=True))


def owner_of(doc_id: int | InstrumentedAttribute[int]) -> ScalarSelect[int]:
    """The owner of a document, who takes turns with others in the queue."""
    return select(Document.user_id).where(Document.id == doc_id).scalar_subquery()


async def get(session: AsyncSession, principal: Principal, ingestion_id: int) -> IngestionView:
    """One ingestion. Requires level 1 in its namespace."""
    return view(await _readable(session, principal, ingestion_id))


async def retry(session: AsyncSession, principal: Principal, ingestion_id: int) -> IngestionView:
    """Re-queue an ingestion that has failed, or waits after a failure, as if it were new. Requires level 2.

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
        .where(
            Ingestion.id == ingestion_id,
            Ingestion.state.in_(("failed", "queued")),
            Ingestion.error.is_not(None),
            Ingestion.id == newest,
        )
        .values(
            state="queued",
            stage=None,
            progress=0.0,
            error=None,
            attempts=0,
            deferrals=0,
            is_batch=False,
            owner_id=owner_of(Ingestion.doc_id),
            next_attempt_at=func.localtimestamp(),
            updated_at=utcnow(),
        )
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
        locked = await connection.scalar(select(func.pg_try_advisory_lock(LOCK_CLASS, worker)))
        if locked:
            return worker


def connected_workers() -> Select[int]:
    """The ids of all workers connected to this database now."""
    return held_ids(LOCK_CLASS)


async def report(session: AsyncSession, worker: int, doc_id: int, stage: str, progress: float) -> None:
    """Record a worker's progress on a document."""
    await session.execute(
        update(Ingestion)
        .where(*_running_on(worker, doc_id))
        .values(stage=stage, progress=progress, updated_at=utcnow())
    )


async def fail(session: AsyncSession, worker: int, doc_id: int, reason: str, *, can_retry: bool) -> None:
    """Mark a document as failed, or let it wait for another attempt if that may succeed."""
    again = Ingestion.attempts < MAX_ATTEMPTS if can_retry else false()
    await _end(session, _running_on(worker, doc_id), again, reason, reason, _later(Ingestion.attempts - 1))


async def defer(session: AsyncSession, worker: int, doc_id: int, reason: str) -> None:
    """Defer a document because of an outage, which does not count as an attempt."""
    await session.execute(
        update(Ingestion)
        .where(*_running_on(worker, doc_id))
        .values(
            **_AGAIN,
            error=reason,
            attempts=Ingestion.attempts - 1,
            deferrals=Ingestion.deferrals + 1,
            next_attempt_at=_later(Ingestion.deferrals),
            updated_at=utcnow(),
        )
    )


async def await_recognition(session: AsyncSession, worker: int, doc_id: int) -> None:
    """Put a document back whose pages have to be recognized when there is room for that."""
    await session.execute(
        update(Ingestion)
        .where(*_running_on(worker, doc_id))
        .values(**_AGAIN, attempts=Ingestion.attempts - 1, awaits_recognition=True, updated_at=utcnow())
    )
    await _wake_workers(session)


async def release(session: AsyncSession, worker: int) -> None:
    """Re-queue everything a worker holds, because it is stopping."""
    await session.execute(
        update(Ingestion)
        .where(_RUNNING, Ingestion.worker == worker)
        .values(**_AGAIN, attempts=Ingestion.attempts - 1, updated_at=utcnow())
    )
    await session.execute(delete(Worker).where(Worker.id == worker))
    await _wake_workers(session)


async def forgive(session: AsyncSession, worker: int, doc_ids: Collection[int]) -> None:
    """After an outage, undo the attempts that were counted for the documents of a worker that seemed dead."""
    await release(session, worker)
    has_failed = Ingestion.state == "failed"
    await session.execute(
        update(Ingestion)
        .where(
            Ingestion.doc_id.in_(doc_ids),
            Ingestion.attempts > 0,
            or_(_QUEUED, _RUNNING, has_failed & (Ingestion.error == _DIED)),
        )
        .values(
            state=case((has_failed, "queued"), else_=Ingestion.state),
            error=case((has_failed, None), else_=Ingestion.error),
            attempts=Ingestion.attempts - 1,
            updated_at=utcnow(),
        )
    )


async def recover(session: AsyncSession) -> None:
    """Re-queue the documents of dead workers: at first at once, then for later. After many they fail."""
    connected = connected_workers()
    is_early = Ingestion.attempts < MAX_ATTEMPTS
    later = case((is_early, Ingestion.next_attempt_at), else_=_later(Ingestion.attempts - MAX_ATTEMPTS))
    which = (_RUNNING, Ingestion.worker.not_in(connected))
    await _end(session, which, Ingestion.attempts < MAX_DEATHS, _DIED, _DYING, later)
    await session.execute(delete(Worker).where(Worker.id.not_in(connected)))


async def _end(
    session: AsyncSession,
    which: Sequence[ColumnElement[bool]],
    again: ColumnElement[bool],
    failure: str,
    delay: str,
    next_attempt_at: ColumnElement[datetime],
) -> None:
    """Re-queue documents that are tried `again`, with the reason of the delay; the others have failed."""
    ended = await session.scalars(
        update(Ingestion)
        .where(*which)
        .values(
            **_AGAIN
            | {
                "state": case((again, "queued"), else_="failed"),
                "error": case((again, delay), else_=failure),
                "next_attempt_at": next_attempt_at,
                "updated_at": utcnow(),
            }
        )
        .returning(Ingestion.id)
    )
    # Notify only if something changed. Otherwise a worker that looks for dead ones would wake itself forever.
    if ended.all():
        await _wake_workers(session)


def _later(failures: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[datetime]:
    """The time of the next attempt: exponential backoff, from seconds to an hour."""
    delay = func.least(_LONGEST_DELAY, _FIRST_DELAY * func.power(2.0, func.least(failures, 20)))
    # Jitter, so that documents that failed together are not all retried at once.
    jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    return func.localtimestamp() + func.make_interval(0, 0, 0, 0, 0, 0, delay * jitter)


def _running_on(worker: int, doc_id: int) -> Sequence[ColumnElement[bool]]:
    return Ingestion.doc_id == doc_id, _RUNNING, Ingestion.worker == worker


async def _readable(session: AsyncSession, principal: Principal, ingestion_id: int) -> Ingestion:
    ingestion = await session.scalar(
        select(Ingestion).where(
            Ingestion.id == ingestion_id, Ingestion.namespace_id.in_(readable_namespaces(principal))
        )
    )
    if ingestion is None:
        raise NotFoundError("This document is no longer being read, or you have no access to it.")
    return ingestion


async def _wake_workers(session: AsyncSession) -> None:
    # Delivered at commit.
    await session.execute(select(func.pg_notify(CHANNEL, "")))
