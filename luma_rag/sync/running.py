"""One run over a source, in many transactions: the next run continues one that was killed."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.errors import PermanentError
from ingest.parsers import detect_type
from luma_rag.access import Principal
from luma_rag.documents import ingestion, namespace_documents, uploads, versions
from luma_rag.documents.pending_files import removing_files
from luma_rag.documents.uploads import Added, Upload
from luma_rag.errors import ConflictError, LumaError, UnsupportedTypeError
from luma_rag.store import Store
from luma_rag.sync import items, leaving
from luma_rag.sync.items import Unfinished
from luma_rag.sync.plan import Item, Plan, Sorted, plan, sort, to_hash
from luma_rag.sync.sources import Entry, Left, Source

Action = Literal["new", "changed", "moved", "unchanged", "removed", "gone", "failed", "skipped"]
"""What has become of a file; `gone` if its document was kept."""


class Outcome(msgspec.Struct):
    """What was done with a file. `came_from` is the earlier path of one that has moved.

    `reason` says why it failed or was skipped. `waits` if its document is to be read.
    """

    path: str
    action: Action
    doc_id: int | None = None
    came_from: str | None = None
    reason: str | None = None
    waits: bool = False


class Preview(msgspec.Struct, frozen=True):
    """What a run would do: a plan, and the outcomes that are certain already."""

    plan: Plan
    outcomes: list[Outcome]
    retried: list[Item]

    @property
    def planned(self) -> list[Outcome]:
        """The outcomes of the plan, if nothing fails."""
        return [
            *(Outcome(entry.path, "moved", item.doc_id, item.path) for entry, item in self.plan.moved),
            *(Outcome(entry.path, "changed", item.doc_id) for entry, item in self.plan.changed),
            *(Outcome(entry.path, "new") for entry in self.plan.new),
            *(Outcome(item.path, "unchanged", item.doc_id, waits=True) for item in self.retried),
        ]


class Synchronizer:
    """Keeps a namespace in step with a source, on behalf of a user."""

    def __init__(self, store: Store, principal: Principal, source: Source, namespace_id: int) -> None:
        self._store = store
        self._principal = principal
        self._source = source
        self._namespace_id = namespace_id
        # While a source is watched, what failed is not tried again before it changes.
        self._failed: dict[str, tuple[Entry, str]] = {}
        self._tried: set[int] = set()

    async def look(
        self, known: Mapping[str, Item], unfinished: Mapping[int, Unfinished], *, deletes: bool
    ) -> Preview:
        """Compare the source with what was read of it. Files that may have changed are opened.

        Raises:
            ConflictError: documents were to be deleted because the source is empty.
            LumaError: the source can't be listed.
        """
        listing = await asyncio.to_thread(self._source.list)
        if deletes and known and not listing.entries:
            raise ConflictError(
                f"No file is left in {self._source.location}, where {len(known)} were. Is it the right one, "
                "and mounted? To keep the documents, leave out --delete. To delete them, delete the "
                "namespace."
            )
        found = sort(listing.entries, known, listing.failed)
        outcomes = [Outcome(left.path, "skipped", reason=left.reason) for left in listing.skipped]
        outcomes += [Outcome(left.path, "failed", reason=left.reason) for left in listing.failed]
        retried = []
        for item in found.unchanged:
            coming = unfinished.get(item.doc_id) if item.doc_id is not None else None
            if item.skipped is not None:
                outcomes.append(Outcome(item.path, "skipped", reason=item.skipped))
            elif coming is None or coming.state != "failed":
                outcomes.append(Outcome(item.path, "unchanged", item.doc_id, waits=coming is not None))
            elif item.doc_id in self._tried:
                outcomes.append(Outcome(item.path, "failed", item.doc_id, reason=coming.error))
            else:
                retried.append(item)
        failed = [left for entry in found.to_open if (left := self._failed_before(entry)) is not None]
        found = _without(found, failed)
        hashes, unreadable = await self._hash_all(to_hash(found, known))
        found = _without(found, unreadable)
        outcomes += [Outcome(left.path, "failed", reason=left.reason) for left in [*failed, *unreadable]]
        planned = plan(found, known, hashes)
        outcomes += [Outcome(entry.path, "unchanged", item.doc_id) for entry, item in planned.touched]
        return Preview(planned, outcomes, retried)

    async def foresee(self, preview: Preview) -> list[Outcome]:
        """The outcomes of the plan; of new files here, also whether their type is known."""
        outcomes = preview.planned
        for outcome in outcomes:
            local = self._source.local(outcome.path)
            if outcome.action == "new" and local is not None:
                try:
                    await asyncio.to_thread(detect_type, local)
                except PermanentError as error:
                    outcome.action, outcome.reason = "skipped", str(error)
                except OSError as error:
                    outcome.action, outcome.reason = "failed", _reason(error)
        return outcomes

    async def run(self, source_id: int, preview: Preview, *, deletes: bool) -> AsyncGenerator[Outcome]:
        """Do what is planned. A file that can't be stored does not stop the others."""
        async for outcome in self._do(source_id, preview, deletes=deletes):
            if outcome.waits and outcome.doc_id is not None:
                self._tried.add(outcome.doc_id)
            yield outcome

    async def _do(self, source_id: int, preview: Preview, *, deletes: bool) -> AsyncGenerator[Outcome]:
        planned = preview.plan
        async with self._store.sessions.begin() as session:
            aside = [await items.set_aside(session, source_id, item) for item in planned.displaced]
            await items.put_all(session, source_id, planned.touched)
            await items.put_all(session, source_id, planned.moved, is_moved=True)
            for entry, item in planned.moved:
                if item.doc_id is not None:
                    names = PurePosixPath(item.path).name, PurePosixPath(entry.path).name
                    await versions.follow_name(session, self._principal, item.doc_id, *names)
        for entry, item in planned.moved:
            yield Outcome(entry.path, "moved", item.doc_id, item.path)
        for item in [*planned.set_aside, *aside]:
            await self._leave(source_id, item)
        for item in preview.retried:
            yield await self._retry(item)
        for entry, item in planned.changed:
            yield await self._guarded(source_id, entry, item)
        for entry in planned.new:
            yield await self._guarded(source_id, entry, None)
        for item in planned.gone:
            if deletes:
                await self._leave(source_id, item)
            yield Outcome(item.path, "removed" if deletes else "gone", item.doc_id)

    async def _guarded(self, source_id: int, entry: Entry, item: Item | None) -> Outcome:
        try:
            if item is None:
                return await self._add(source_id, entry)
            return await self._change(source_id, entry, item)
        except (UnsupportedTypeError, PermanentError) as error:
            if item is not None:
                self._failed[entry.path] = entry, str(error)
                return Outcome(entry.path, "failed", item.doc_id, reason=str(error))
            async with self._store.sessions.begin() as session:
                await items.put(session, source_id, entry, skipped=str(error))
            return Outcome(entry.path, "skipped", reason=str(error))
        except (LumaError, OSError) as error:
            self._failed[entry.path] = entry, _reason(error)
            return Outcome(entry.path, "failed", reason=_reason(error))

    def _failed_before(self, entry: Entry) -> Left | None:
        former, reason = self._failed.get(entry.path, (None, ""))
        return Left(entry.path, reason) if former == entry else None

    async def _add(self, source_id: int, entry: Entry, instead_of: Item | None = None) -> Outcome:
        """Store a file as a document, or use the one that the user has already."""
        upload = await self._receive(entry)
        aside: list[Item] = []

        async def remember(session: AsyncSession, added: Added) -> None:
            doc_id = added.document.id
            is_made = added.is_new or await items.is_made(session, doc_id)
            sha256 = upload.stored.sha256
            if instead_of is not None:
                aside.append(await items.set_aside(session, source_id, instead_of))
            await items.put(session, source_id, entry, sha256=sha256, doc_id=doc_id, is_made=is_made)

        with upload.pending:
            added = await uploads.store(
                self._store.sessions,
                self._store.storage,
                self._principal,
                upload,
                PurePosixPath(entry.path).name,
                namespace_ids=[self._namespace_id],
                is_batch=True,
                in_transaction=remember,
            )
        for item in aside:
            await self._leave(source_id, item)
        waits = bool(added.document.ingestions)
        action: Action = "new" if added.is_new or waits else "unchanged"
        return Outcome(entry.path, action, added.document.id, waits=waits)

    async def _change(self, source_id: int, entry: Entry, item: Item) -> Outcome:
        """Make a file the new version of its document, unless the document is another file's as well."""
        doc_id = item.doc_id
        if doc_id is None:
            raise ValueError("a changed file has a document")
        async with self._store.sessions.begin() as session:
            is_shared = await items.is_shared(session, source_id, item.path, doc_id)
        if not is_shared:
            upload = await self._receive(entry)

            async def remember(session: AsyncSession) -> None:
                sha256 = upload.stored.sha256
                await items.put(session, source_id, entry, sha256=sha256, doc_id=doc_id, is_made=item.is_made)
                await ingestion.make_batch(session, doc_id)

            with upload.pending:
                try:
                    replaced = await versions.replace(
                        self._store.sessions,
                        self._store.storage,
                        self._principal,
                        doc_id,
                        upload,
                        in_transaction=remember,
                    )
                except ConflictError:
                    # The user has another document with these bytes, which then is the file's.
                    pass
                else:
                    action: Action = "changed" if replaced.is_new else "unchanged"
                    return Outcome(entry.path, action, doc_id, waits=replaced.is_new)
        added = await self._add(source_id, entry, instead_of=item)
        return Outcome(entry.path, "changed", added.doc_id, waits=added.waits)

    async def _receive(self, entry: Entry) -> Upload:
        local = self._source.local(entry.path)
        if local is not None:
            # Before it is copied: a folder may hold large files that are not read.
            await asyncio.to_thread(detect_type, local)
        name = PurePosixPath(entry.path).name
        return await uploads.receive(self._store.storage, _pieces(self._source, entry.path), name)

    async def _retry(self, item: Item) -> Outcome:
        """Have a document read again that could not be read before."""
        if item.doc_id is None:
            raise ValueError("a file that was read has a document")
        async with self._store.sessions.begin() as session:
            await namespace_documents.enqueue(
                session, self._principal, self._namespace_id, item.doc_id, is_batch=True
            )
        return Outcome(item.path, "unchanged", item.doc_id, waits=True)

    async def _leave(self, source_id: int, item: Item) -> None:
        """Forget an item, and take out its document, which has no file any more."""
        async with removing_files(self._store.sessions, self._store.storage) as (session, remove_file):
            await items.remove(session, source_id, item.path)
            if item.doc_id is not None:
                path = await leaving.leave(
                    session, self._principal, self._namespace_id, item.doc_id, is_made=item.is_made
                )
                if path is not None:
                    remove_file(path)

    async def _hash_all(self, entries: Iterable[Entry]) -> tuple[dict[str, str], list[Left]]:
        hashes, failed = {}, []
        for entry in entries:
            try:
                # One by one: a thread can't be interrupted.
                hashes[entry.path] = await asyncio.to_thread(self._hash, entry.path)
            except (LumaError, OSError) as error:
                failed.append(Left(entry.path, _reason(error)))
        return hashes, failed

    def _hash(self, path: str) -> str:
        digest = hashlib.sha256()
        for piece in self._source.pieces(path):
            digest.update(piece)
        return digest.hexdigest()


async def _pieces(source: Source, path: str) -> AsyncIterator[bytes]:
    reading_on = source.pieces(path)
    while (piece := await asyncio.to_thread(next, reading_on, None)) is not None:
        yield piece


def _without(found: Sorted, left: Iterable[Left]) -> Sorted:
    paths = {one.path for one in left}
    return msgspec.structs.replace(
        found, to_open=[entry for entry in found.to_open if entry.path not in paths]
    )


def _reason(error: LumaError | OSError) -> str:
    if isinstance(error, LumaError):
        return error.detail
    return error.strerror or "It can't be read."
