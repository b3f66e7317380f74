"""The changes of the documents of one namespace."""

import math
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select

from luma_rag.access import readable_namespaces, require_namespace
from luma_rag.changes.parts import MOST_REMEMBERED, Change, Concern, Reading
from luma_rag.db.base import utcnow
from luma_rag.db.models import Ingestion
from luma_rag.documents.ingestion import IngestionView, view
from luma_rag.errors import NotFoundError

_BATCH = 500
# A change is dated before its commit, perhaps by another machine's clock.
_MARGIN = timedelta(minutes=1)


class DocumentRemoved(Change, frozen=True):
    """A document has left a namespace."""

    doc_id: int
    namespace_id: int


class NamespaceLost(Change, frozen=True):
    """The caller can't read the namespace (any more)."""

    namespace_id: int


NamespaceChange = IngestionView | DocumentRemoved


class NamespaceChanges:
    """A part of a stream: the unfinished ingestions of a namespace, then every change of one.

    With `since`, ingestions that finished after that time come first as well. Each ingestion is remembered
    once, however often it changes while the client is slow.
    """

    def __init__(self, namespace_id: int, since: datetime | None) -> None:
        self.namespace_id = namespace_id
        self._since = since
        self._changed: dict[int, int] = {}  # ingestion id → document id
        self._needs_snapshot = True

    def note(self, kind: str, ids: Sequence[int]) -> Concern:
        """Remember an ingestion of this namespace."""
        match kind, ids:
            case "ingestion", [self.namespace_id, ingestion_id, doc_id]:
                self._changed[ingestion_id] = doc_id
                if len(self._changed) > MOST_REMEMBERED:
                    self.note_gap()
                return Concern.CHANGE
            case "namespace", [self.namespace_id]:
                return Concern.RIGHTS
        return Concern.NONE

    def note_gap(self) -> None:
        """Read a snapshot instead of single changes."""
        self._changed.clear()
        self._needs_snapshot = True

    def due(self) -> float:
        """Nothing is held back."""
        return math.inf

    async def read(self, reading: Reading) -> AsyncGenerator[Sequence[NamespaceChange]]:
        """Yield the changes.

        Raises:
            NotFoundError: the caller can't read the namespace. The next call tries again, with a snapshot.
        """
        read_at = utcnow()
        changed, self._changed = self._changed, {}
        if self._needs_snapshot:
            async for batch in self._snapshot(reading):
                yield batch
            self._needs_snapshot = False
        else:
            try:
                changes = await self._read_changes(reading, changed)
            except NotFoundError:
                self._needs_snapshot = True
                raise
            yield changes
        self._since = read_at

    async def _snapshot(self, reading: Reading) -> AsyncGenerator[list[IngestionView]]:
        wanted: ColumnElement[bool] = Ingestion.state.in_(("queued", "running"))
        if self._since is not None:
            wanted = or_(wanted, Ingestion.updated_at > self._since - _MARGIN)
        after = 0
        while True:
            state = await self._read(reading, wanted & (Ingestion.id > after), _BATCH)
            yield state
            if len(state) < _BATCH:
                return
            after = state[-1].id

    async def _read_changes(self, reading: Reading, changed: dict[int, int]) -> list[NamespaceChange]:
        found = await self._read(reading, Ingestion.id.in_(changed), None)
        gone = set(changed.values()) if len(found) < len(changed) else set()
        if gone:
            gone -= {i.doc_id for i in await self._read(reading, Ingestion.doc_id.in_(gone), None)}
        return [*(DocumentRemoved(doc_id, self.namespace_id) for doc_id in sorted(gone)), *found]

    async def _read(
        self, reading: Reading, wanted: ColumnElement[bool], limit: int | None
    ) -> list[IngestionView]:
        async with reading() as (session, principal):
            found = await session.scalars(
                select(Ingestion)
                .where(
                    wanted,
                    Ingestion.namespace_id == self.namespace_id,
                    Ingestion.namespace_id.in_(readable_namespaces(principal)),
                )
                .order_by(Ingestion.id)
                .limit(limit)
            )
            ingestions = [view(ingestion) for ingestion in found]
            if not ingestions:
                # Either nothing is new, or the caller may no longer see it.
                await require_namespace(session, principal, self.namespace_id)
        return ingestions


class OpenNamespace:
    """`NamespaceChanges` as a part of a longer stream, which goes on when the caller loses the namespace."""

    def __init__(self, changes: NamespaceChanges) -> None:
        self._changes = changes
        self._is_lost = False
        self.note, self.note_gap, self.due = changes.note, changes.note_gap, changes.due

    async def read(self, reading: Reading) -> AsyncGenerator[Sequence[NamespaceChange | NamespaceLost]]:
        """Yield the changes; if the namespace is lost, that once. Should it return, its ingestions follow."""
        try:
            async for batch in self._changes.read(reading):
                yield batch
        except NotFoundError:
            if not self._is_lost:
                yield [NamespaceLost(self._changes.namespace_id)]
            self._is_lost = True
        else:
            self._is_lost = False
