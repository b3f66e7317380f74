"""Which document a worker reads next.

Documents that somebody waits for come before those of batches. Among either, the owners take turns, and the
namespaces of an owner do; within a namespace, the document that has waited longest comes first. After
`_MOST_BEFORE_BATCHES` others, a worker reads a document of a batch, so that batches go on while uploads keep
coming. Each worker takes turns by itself: the shares are the same, without anything to be kept.

Documents with pages to be recognized, which takes up to hours, are a queue of their own. A worker has room
for some of them beside its other work.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple, TypeVar, cast

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    any_,
    exists,
    false,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from ingest.types import DocumentType
from luma_rag.db.base import utcnow
from luma_rag.db.models import Chunk, Document, Ingestion, Reread

_MOST_BEFORE_BATCHES = 7
_MOST_REMEMBERED = 10_000
# Constants, because a generic plan uses a partial index only if the statement itself implies its condition.
_QUEUED = Ingestion.state == literal_column("'queued'")
# Each step finds the next owner in the index, without reading the documents in between.
_OWNERS = text(
    """
    WITH RECURSIVE owner AS (
      (SELECT awaits_recognition, is_batch, owner_id FROM ingestion
        WHERE state = 'queued' AND next_attempt_at <= localtimestamp
        ORDER BY awaits_recognition, is_batch, owner_id LIMIT 1)
      UNION ALL
      SELECT following.* FROM owner CROSS JOIN LATERAL (
        SELECT awaits_recognition, is_batch, owner_id FROM ingestion i
         WHERE state = 'queued' AND next_attempt_at <= localtimestamp
           AND (i.awaits_recognition, i.is_batch, i.owner_id)
             > (owner.awaits_recognition, owner.is_batch, owner.owner_id)
         ORDER BY awaits_recognition, is_batch, owner_id LIMIT 1
      ) following
    )
    SELECT awaits_recognition, is_batch, owner_id FROM owner
    """
)
_NAMESPACES = text(
    """
    WITH RECURSIVE lane AS (
      (SELECT namespace_id FROM ingestion
        WHERE state = 'queued' AND next_attempt_at <= localtimestamp
          AND awaits_recognition = :awaits_recognition AND is_batch = :is_batch AND owner_id = :owner_id
        ORDER BY namespace_id LIMIT 1)
      UNION ALL
      SELECT following.* FROM lane CROSS JOIN LATERAL (
        SELECT namespace_id FROM ingestion i
         WHERE state = 'queued' AND next_attempt_at <= localtimestamp
           AND awaits_recognition = :awaits_recognition AND is_batch = :is_batch AND owner_id = :owner_id
           AND i.namespace_id > lane.namespace_id
         ORDER BY namespace_id LIMIT 1
      ) following
    )
    SELECT namespace_id FROM lane
    """
)
Key = TypeVar("Key", bound=Hashable)


class Claim(msgspec.Struct, frozen=True):
    """A document claimed by a worker. If `is_embedded`, only rows have to be copied.

    `is_urgent` if somebody waits for it: it is not only part of a batch.
    """

    doc_id: int
    title: str
    file_path: str
    type: DocumentType
    is_embedded: bool
    is_urgent: bool


class _Owner(NamedTuple):
    """An owner whose documents wait, of one kind."""

    awaits_recognition: bool
    is_batch: bool
    owner_id: int


class _Lane(NamedTuple):
    """Documents of one kind, owner and namespace, which are read in the order of their waiting."""

    owner: _Owner
    namespace_id: int


class Rotation:
    """Whom a worker has served, and when: the next is who was served longest ago, or never."""

    def __init__(self) -> None:
        self._served: dict[Hashable, int] = {}
        self._number = 0
        self._before_batches = 0

    @property
    def is_turn_of_batches(self) -> bool:
        """Whether so many others were served that a batch comes next."""
        return self._before_batches >= _MOST_BEFORE_BATCHES

    def in_order(self, keys: Iterable[Key]) -> list[Key]:
        """Owners or lanes, the next one first."""
        return sorted(keys, key=lambda key: self._served.get(key, 0))

    def serve(self, lane: _Lane) -> None:
        """Remember that a document of this lane is being read."""
        self._before_batches = 0 if lane.owner.is_batch else self._before_batches + 1
        self._number += 1
        for key in (lane.owner, lane):
            # Reinserted, so that the first key is the one served longest ago.
            self._served.pop(key, None)
            self._served[key] = self._number
        while len(self._served) > _MOST_REMEMBERED:
            del self._served[next(iter(self._served))]


async def claim(
    session: AsyncSession,
    worker: int,
    only: list[int] | None = None,
    *,
    rotation: Rotation | None = None,
    only_urgent: bool = False,
    can_recognize: bool = True,
) -> Claim | None:
    """Claim the document whose turn it is, if any; with `only`, one of these that has waited longest.

    `rotation` is that of the worker. With `only_urgent`, documents of batches wait; unless `can_recognize`,
    those with pages to be recognized do.
    """
    if only is not None:
        among = Document.id == any_(literal(only, ARRAY(Integer)))
        if not can_recognize:
            among &= Ingestion.awaits_recognition == false()
        return await _claim_among(session, worker, among)
    rotation = rotation or Rotation()
    rows = (await session.execute(_OWNERS)).all()
    owners = [each for each in map(_Owner._make, rows) if can_recognize or not each.awaits_recognition]
    for owner in _in_order(owners, rotation, only_urgent=only_urgent):
        namespace_ids = await session.scalars(_NAMESPACES, owner._asdict())
        for lane in rotation.in_order([_Lane(owner, namespace_id) for namespace_id in namespace_ids]):
            if claimed := await _claim_among(session, worker, _is_in(lane)):
                rotation.serve(lane)
                return claimed
    return None


def _in_order(owners: list[_Owner], rotation: Rotation, *, only_urgent: bool) -> Iterator[_Owner]:
    # By whether they wait for recognition, and are of a batch. There is room for recognition beside all else,
    # which would stay empty.
    kinds = [(False, False), (True, False), (True, True), (False, True)]
    if only_urgent:
        kinds = kinds[:2]
    elif rotation.is_turn_of_batches:
        kinds = [*kinds[2:], *kinds[:2]]
    for kind in kinds:
        yield from rotation.in_order([owner for owner in owners if owner[:2] == kind])


def _is_in(lane: _Lane) -> ColumnElement[bool]:
    return (
        (Ingestion.awaits_recognition == lane.owner.awaits_recognition)
        & (Ingestion.is_batch == lane.owner.is_batch)
        & (Ingestion.owner_id == lane.owner.owner_id)
        & (Ingestion.namespace_id == lane.namespace_id)
    )


async def _claim_among(session: AsyncSession, worker: int, among: ColumnElement[bool]) -> Claim | None:
    while (document := await session.scalar(_next_document(among))) is not None:
        # Another worker may have claimed the document before it was locked. No other one can do so now, and a
        # new statement sees what has been committed.
        rows = await session.execute(
            update(Ingestion)
            .where(Ingestion.doc_id == document.id, _QUEUED, ~_is_running(document.id))
            .values(
                state="running",
                worker=worker,
                attempts=Ingestion.attempts + 1,
                error=None,
                stage="parsing",
                progress=0.0,
                updated_at=utcnow(),
            )
            .returning(
                exists().where(Chunk.doc_id == document.id)
                & ~exists().where(Reread.doc_id == document.id, Reread.is_queued),
                Ingestion.is_batch,
            )
        )
        if claimed := rows.all():
            return Claim(
                document.id,
                document.title,
                document.file_path,
                cast(DocumentType, document.type),
                is_embedded=claimed[0][0],
                is_urgent=not all(is_batch for _, is_batch in claimed),
            )
    return None


def _next_document(among: ColumnElement[bool]) -> Select[Document]:
    """Lock the document of the first ingestion that is due; reads a lane in its order, and no further."""
    return (
        select(Document)
        .join(Ingestion, Ingestion.doc_id == Document.id)
        .where(
            among,
            _QUEUED,
            Ingestion.next_attempt_at <= func.localtimestamp(),
            ~_is_running(Ingestion.doc_id),
        )
        .order_by(Ingestion.next_attempt_at, Ingestion.id)
        # A parameter would hide from a generic plan that one row suffices.
        .limit(literal_column("1"))
        .with_for_update(of=Document, skip_locked=True)
    )


def _is_running(doc_id: InstrumentedAttribute[int] | int) -> ColumnElement[bool]:
    other = aliased(Ingestion)
    return exists().where(other.doc_id == doc_id, other.state == literal_column("'running'"))
