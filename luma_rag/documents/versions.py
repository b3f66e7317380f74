"""New versions of documents: another file under the same id, with the same title, rights, and namespaces.

The file is replaced at once, its text by a worker, as when a document is read again: searches find the text
of the earlier version until one transaction replaces it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import exists, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, readable_documents, require_document
from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.errors import violated_constraint
from luma_rag.db.models import Chunk, Document, Ingestion, Reread
from luma_rag.db.session import Sessions
from luma_rag.documents import quotas, rereading, service, version_rows
from luma_rag.documents.pending_files import lock_file, removing_files, resolve
from luma_rag.documents.service import DocumentView, checked_title
from luma_rag.documents.storage import FileStorage
from luma_rag.documents.uploads import SAME_FILE, Upload, clean_filename, default_title
from luma_rag.errors import ConcurrentChangeError, ConflictError, LumaError
from luma_rag.settings import QuotaSettings


class Replaced(msgspec.Struct, frozen=True):
    """The document after the call. If `is_new` is false, it had the same bytes before."""

    document: DocumentView
    is_new: bool


class _Replacement(msgspec.Struct, frozen=True):
    replaced: Replaced
    is_file_kept: bool
    earlier_file: str | None = None


async def require_right(sessions: Sessions, principal: Principal, doc_id: int) -> None:
    """Require write, before the file is received.

    Raises:
        NotFoundError, ForbiddenError: see `replace`.
    """
    async with sessions.begin() as session:
        await require_document(session, principal, doc_id, "write")


async def replace(
    sessions: Sessions,
    storage: FileStorage,
    principal: Principal,
    doc_id: int,
    upload: Upload,
    *,
    limits: QuotaSettings = quotas.NONE,
    in_transaction: Callable[[AsyncSession], Awaitable[None]] | None = None,
) -> Replaced:
    """Make an upload the new version of a document, in one transaction. Requires write.

    `in_transaction` stores what else belongs to it.

    Raises:
        NotFoundError, ForbiddenError: the caller can't see the document, or may only read it.
        ConflictError: its owner has another document with the same bytes.
        QuotaExceededError: its owner or one of its namespaces has no room for the difference.
    """
    file = upload.pending
    try:
        async with removing_files(sessions, storage) as (session, remove_file):
            await lock_file(session, file.path)
            done = await _replace(session, storage, principal, doc_id, upload, limits)
            if in_transaction is not None:
                await in_transaction(session)
            if done.earlier_file is not None:
                remove_file(done.earlier_file)
    except LumaError:
        file.discard()
        raise
    except BaseException:
        # As after an upload, the commit may have taken place.
        await asyncio.shield(resolve(sessions, [file]))
        raise
    if done.is_file_kept:
        file.keep()
    else:
        file.discard()
    return done.replaced


async def follow_name(
    session: AsyncSession, principal: Principal, doc_id: int, earlier: str, filename: str
) -> None:
    """Rename a document whose file was renamed, if its title came from the earlier name. Requires write."""
    document = await require_document(session, principal, doc_id, "write")
    earlier, filename = clean_filename(earlier), clean_filename(filename)
    if document.title == default_title(earlier):
        document.title = checked_title(default_title(filename))
    await session.flush()
    # A worker may be writing other parts of it.
    renamed = Document.file_metadata.op("||")(literal({"original_filename": filename}, JSONB))
    await session.execute(
        update(Document)
        .where(Document.id == doc_id, Document.file_metadata["original_filename"].as_string() == earlier)
        .values(file_metadata=renamed)
        .execution_options(synchronize_session=False)
    )


async def _replace(
    session: AsyncSession,
    storage: FileStorage,
    principal: Principal,
    doc_id: int,
    upload: Upload,
    limits: QuotaSettings,
) -> _Replacement:
    document = await require_document(session, principal, doc_id, "write")
    stored = upload.stored
    growth = stored.size - document.file_metadata["size"]
    await quotas.require_room_for_growth(session, principal, limits, document, growth)
    locked = await session.scalar(
        select(Document)
        .where(Document.id == doc_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if locked is None:
        raise ConcurrentChangeError("The document was just deleted. Upload the file as a new one.")
    earlier = locked.file_path
    if locked.file_metadata["sha256"] == stored.sha256:
        is_lost = not storage.path(earlier).is_file()
        if is_lost:
            locked.file_path = stored.path
            await session.flush()
        return _Replacement(Replaced(await service.get(session, principal, doc_id), False), is_lost)
    await _require_no_twin(session, principal, locked, stored.sha256)
    number = await version_rows.add(session, locked, stored)
    locked.file_path, locked.type = stored.path, upload.type
    locked.file_metadata = {
        **locked.file_metadata,
        "size": stored.size,
        "sha256": stored.sha256,
        "version": number,
    }
    await _flush(session)
    await _have_read(session, doc_id)
    await record(session, "document.replaced", principal.user_id, doc_id=doc_id, version=number)
    return _Replacement(Replaced(await service.get(session, principal, doc_id), True), True, earlier)


async def _require_no_twin(
    session: AsyncSession, principal: Principal, document: Document, sha256: str
) -> None:
    """The same bytes of one owner are one document. Its title is told only to those who can read it."""
    twin = select(Document.id).where(
        Document.user_id == document.user_id, Document.file_metadata["sha256"].as_string() == sha256
    )
    twin_id = await session.scalar(twin)
    if twin_id is None:
        return
    title = await session.scalar(
        select(Document.title).where(
            Document.id == twin_id, Document.id.in_(readable_documents(principal, "read"))
        )
    )
    named = f"“{title}” (id {twin_id})" if title is not None else "another document of the same owner"
    raise ConflictError(
        f"This is the file of {named} already. Use that document, or delete it before you replace this one."
    )


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) != SAME_FILE:
            raise
        raise ConcurrentChangeError(
            "The same file is being uploaded in another request. Try again."
        ) from None


async def _have_read(session: AsyncSession, doc_id: int) -> None:
    """Queue the document; if a worker is reading the version before, as soon as that ends."""
    is_running = await session.scalar(
        select(exists().where(Ingestion.doc_id == doc_id, Ingestion.state == "running"))
    )
    if is_running or await session.scalar(select(exists().where(Chunk.doc_id == doc_id))):
        request = {"requested_at": utcnow(), "is_queued": not is_running}
        await session.execute(
            upsert(Reread)
            .values(doc_id=doc_id, **request)
            .on_conflict_do_update(index_elements=[Reread.doc_id], set_=request)
        )
    if not is_running:
        await rereading.queue(session, doc_id)
