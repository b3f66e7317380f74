"""Uploads: store the file, create the document, and enqueue it for namespaces."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import PurePath, PureWindowsPath

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.errors import PermanentError
from ingest.parsers import detect_type
from luma_rag.access import Principal, readable_namespaces, require_namespace
from luma_rag.access.principal import WRITE
from luma_rag.audit import record
from luma_rag.db.base import utcnow
from luma_rag.db.errors import violated_constraint
from luma_rag.db.models import Document, Namespace, NamespaceDoc, Placement, User
from luma_rag.db.session import Sessions
from luma_rag.documents import namespace_documents, quotas
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.pending_files import lock_file, resolve
from luma_rag.documents.service import MAX_TITLE, DocumentView, checked_title, view
from luma_rag.documents.storage import FileStorage, PendingFile, StoredFile
from luma_rag.errors import ConcurrentChangeError, ForbiddenError, LumaError, UnsupportedTypeError
from luma_rag.settings import QuotaSettings

SAME_FILE = "ux_document_user_id_sha256"


class HoldingNamespace(msgspec.Struct, frozen=True):
    """A namespace with a document."""

    id: int
    name: str


class UploadedDocument(DocumentView, frozen=True):
    """An uploaded document and the ingestions queued for it.

    `already_in` are the namespaces that the same file was in before, as far as the caller can read them.
    """

    ingestions: list[IngestionView]
    already_in: list[HoldingNamespace]


class Upload(msgspec.Struct, frozen=True):
    """A complete file that no document has yet. `type` is detected from the content."""

    pending: PendingFile
    stored: StoredFile
    type: str


InTransaction = Callable[[AsyncSession, "Added"], Awaitable[None]]
"""What else is stored in the transaction of an upload."""


class Added(msgspec.Struct, frozen=True):
    """The outcome of an upload: `is_new` is false if the document already existed.

    If `is_file_kept` is false, the stored file is not needed.
    """

    document: UploadedDocument
    is_new: bool
    is_file_kept: bool


async def receive(storage: FileStorage, pieces: AsyncIterator[bytes], filename: str) -> Upload:
    """Write an upload to disk and detect its type from its content. The caller owns the pending file.

    Its name only helps to tell one kind of text from another.

    Raises:
        UnsupportedTypeError: it is of a type that is not read; nothing is stored.
        TooLargeError, InvalidInputError, UnavailableError: see `FileStorage.write`.
    """
    pending, stored = await storage.write(pieces)
    try:
        return Upload(pending, stored, detect_type(storage.path(stored.path), filename))
    except PermanentError as error:
        pending.discard()
        raise UnsupportedTypeError(str(error)) from None


async def store(
    sessions: Sessions,
    storage: FileStorage,
    principal: Principal,
    upload: Upload,
    filename: str,
    *,
    title: str | None = None,
    is_public: bool = False,
    namespace_ids: Sequence[int],
    limits: QuotaSettings = quotas.NONE,
    is_batch: bool = False,
    in_transaction: InTransaction | None = None,
) -> Added:
    """Create the document of an upload in one transaction; the file stays exactly if that commits.

    Raises:
        LumaError: see `add`.
    """
    file = upload.pending
    try:
        async with sessions.begin() as session:
            await lock_file(session, file.path)
            added = await add(
                session,
                storage,
                principal,
                upload.stored,
                upload.type,
                filename,
                title=title,
                is_public=is_public,
                namespace_ids=namespace_ids,
                limits=limits,
                is_batch=is_batch,
            )
            if in_transaction is not None:
                await in_transaction(session, added)
    except LumaError:
        # Raised before the commit, so nothing is in doubt.
        file.discard()
        raise
    except BaseException:
        # A lost connection or a cancellation does not tell whether the commit took place.
        await asyncio.shield(resolve(sessions, [file]))
        raise
    if added.is_file_kept:
        file.keep()
    else:
        file.discard()
    return added


async def add(
    session: AsyncSession,
    storage: FileStorage,
    principal: Principal,
    stored: StoredFile,
    kind: str,
    filename: str,
    *,
    title: str | None,
    is_public: bool,
    namespace_ids: Sequence[int],
    limits: QuotaSettings = quotas.NONE,
    is_batch: bool = False,
) -> Added:
    """Create a document from a stored file and enqueue it for the namespaces, after others if `is_batch`.

    The same bytes from the same user are the same document. It is then enqueued only where it is missing, and
    the new file is used only if the previous one is lost.

    Raises:
        ForbiddenError: the token is read-only, or the caller has less than level 2 in a namespace.
        NotFoundError: the caller can't see a namespace.
        QuotaExceededError: the caller or a namespace has no room for it.
    """
    if principal.max_level < WRITE:
        raise ForbiddenError("This token is read-only. Uploading requires level 2.")
    if principal.namespace_ids is not None and not namespace_ids:
        raise ForbiddenError("This token is restricted to some namespaces. Set namespace_id to one of them.")
    for namespace_id in namespace_ids:
        await require_namespace(session, principal, namespace_id, WRITE)
    filename = clean_filename(filename)
    document = await _same_file(session, principal, stored)
    is_new = document is None
    is_file_kept = document is None or await _replaces_lost(session, storage, document, stored)
    if document is None:
        await quotas.require_room_of_user(session, limits, principal.user_id, stored.size)
    known_id = document.id if document is not None else None
    await quotas.require_room_in_namespaces(session, limits, namespace_ids, known_id, stored.size)
    if document is None:
        document = await _create(session, principal, stored, kind, filename, title, is_public=is_public)
    already_in = [] if is_new else await _readable_namespaces(session, principal, document.id)
    placed = set(
        await session.scalars(select(NamespaceDoc.namespace_id).where(NamespaceDoc.doc_id == document.id))
    )
    ingestions = [
        await namespace_documents.enqueue(session, principal, namespace_id, document.id, is_batch=is_batch)
        for namespace_id in dict.fromkeys(namespace_ids)
        if namespace_id not in placed
    ]
    username = await session.scalar(select(User.username).where(User.id == principal.user_id))
    own = view(document, "write", username or "")
    uploaded = UploadedDocument(**msgspec.structs.asdict(own), ingestions=ingestions, already_in=already_in)
    return Added(uploaded, is_new, is_file_kept)


async def _create(
    session: AsyncSession,
    principal: Principal,
    stored: StoredFile,
    kind: str,
    filename: str,
    title: str | None,
    *,
    is_public: bool,
) -> Document:
    document = Document(
        user_id=principal.user_id,
        title=checked_title(title if title is not None else default_title(filename)),
        file_path=stored.path,
        file_metadata={
            "original_filename": filename,
            "size": stored.size,
            "sha256": stored.sha256,
        },
        type=kind,
        is_public=is_public,
        uploaded_at=utcnow(),
    )
    session.add(document)
    try:
        await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) != SAME_FILE:
            raise
        raise ConcurrentChangeError(
            "The same file is being uploaded in another request. Reload your documents."
        ) from None
    await record(
        session, "document.uploaded", principal.user_id, doc_id=document.id, is_public=document.is_public
    )
    return document


def clean_filename(filename: str) -> str:
    """The last component of a path from any system, printable and at most 255 characters long."""
    name = PureWindowsPath(PurePath(filename).name).name
    printable = "".join(character for character in name if character.isprintable()).strip()
    return printable[-MAX_TITLE:] or "document"


def default_title(filename: str) -> str:
    """The title of a document that is given none."""
    return PurePath(filename).stem or filename


async def _same_file(session: AsyncSession, principal: Principal, stored: StoredFile) -> Document | None:
    return await session.scalar(
        select(Document).where(
            # No further right is required: the caller owns the file and has its bytes.
            Document.user_id == principal.user_id,
            Document.file_metadata["sha256"].as_string() == stored.sha256,
        )
    )


async def _readable_namespaces(
    session: AsyncSession, principal: Principal, doc_id: int
) -> list[HoldingNamespace]:
    rows = await session.execute(
        select(Namespace.id, Namespace.name)
        .join(Placement, Placement.namespace_id == Namespace.id)
        .where(Placement.doc_id == doc_id, Namespace.id.in_(readable_namespaces(principal)))
        .order_by(func.lower(Namespace.name), Namespace.id)
    )
    return [HoldingNamespace(*row) for row in rows]


async def _replaces_lost(
    session: AsyncSession, storage: FileStorage, document: Document, stored: StoredFile
) -> bool:
    """Use a stored file as the document's file if that is missing. Returns whether it was."""
    if storage.path(document.file_path).is_file():
        return False
    # Lock and check again. Of two concurrent uploads, one would otherwise leave an orphaned file.
    locked = select(Document.file_path).where(Document.id == document.id).with_for_update(key_share=True)
    path = await session.scalar(locked)
    if path is None:
        raise ConcurrentChangeError("The document was just deleted. Upload the file again.")
    if storage.path(path).is_file():
        return False
    document.file_path = stored.path
    await session.flush()
    return True
