"""The workers that are connected to the database, and what they are reading."""

import os
import socket
from datetime import datetime

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.base import UTCTimestamp
from luma_rag.db.models import Worker
from luma_rag.documents.ingestion import LOCK_CLASS, connected_workers

HEARTBEAT_SECONDS = 10.0
"""The interval between two heartbeats of a worker."""

# A worker may run several documents; the one that has got further is shown.
_WORKERS = text(
    """
    SELECT DISTINCT ON (l.objid) l.objid::bigint, w.host, w.process_id,
           a.backend_start AT TIME ZONE 'UTC' AS started_at, w.seen_at, i.doc_id, i.stage, i.progress,
           coalesce(w.documents, 0)
      FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
      LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      LEFT JOIN worker w ON w.id = l.objid::bigint
      LEFT JOIN ingestion i ON i.worker = l.objid::bigint AND i.state = 'running'
     WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.classid = :lock_class
     ORDER BY l.objid, i.progress DESC NULLS LAST
    """
).columns(started_at=UTCTimestamp(), seen_at=UTCTimestamp())


class LiveWorkers(msgspec.Struct, frozen=True):
    """How many workers are connected to the database, and the latest heartbeat of any of them.

    A worker that is connected but has sent no heartbeat for several `HEARTBEAT_SECONDS` hangs.
    """

    count: int
    seen_at: datetime | None


class WorkerView(msgspec.Struct, frozen=True):
    """A worker that is connected, and what it is reading now, if anything.

    `host` is the name of its machine, `process_id` its number there, both null until its first heartbeat.
    `started_at` is when it connected, `seen_at` its latest heartbeat. `documents` is what it had finished by
    then.
    """

    id: int
    host: str | None
    process_id: int | None
    started_at: datetime | None
    seen_at: datetime | None
    doc_id: int | None
    stage: str | None
    progress: float | None
    documents: int


async def workers(session: AsyncSession) -> list[WorkerView]:
    """The workers of all hosts, by id. Only for administrators."""
    rows = await session.execute(_WORKERS, {"lock_class": LOCK_CLASS})
    return [WorkerView(*row) for row in rows]


async def record_heartbeat(session: AsyncSession, worker: int, documents: int = 0) -> None:
    """Record a heartbeat of a worker of this process, with the number of documents that it has finished."""
    now = func.localtimestamp()
    changing = {"seen_at": now, "documents": documents}
    await session.execute(
        upsert(Worker)
        .values(id=worker, host=socket.gethostname(), process_id=os.getpid(), **changing)
        .on_conflict_do_update(index_elements=[Worker.id], set_=changing)
    )


async def live_workers(session: AsyncSession) -> LiveWorkers:
    """The workers of all hosts; a single statement over a few rows."""
    connected = connected_workers().subquery()
    row = await session.execute(
        select(func.count(), func.max(Worker.seen_at, type_=Worker.seen_at.type))
        .select_from(connected)
        .outerjoin(Worker, Worker.id == connected.c.objid)
    )
    return LiveWorkers(*row.one())
