"""What users do with documents."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, delete, func, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.errors import PermanentError
from ingest.parsers import detect_type
from luma_rag.access import (
    Principal,
    document_permission,
    readable_documents,
    readable_namespaces,
    require_document,
    require_namespace,
)
from luma_rag.access.principal import WRITE
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Ingestion, NamespaceDoc, Passage
from luma_rag.documents import ingestion, vectors
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.storage import FileStorage, StoredFile
from luma_rag.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnsupportedTypeError,
)
from luma_rag.paging import Items, Paging

MAX_TITLE = 255
Scope = Literal["mine", "shared", "public", "all"]


class DocumentView(msgspec.Struct, frozen=True):
    """A document as the caller sees it; `permission` is theirs. The path of the file stays on the server."""

    id: int
    user_id: int
    title: str
    type: str
    is_public: bool
    file_metadata: dict[str, Any]
    uploaded_at: datetime
    permission: str


class UploadedDocument(DocumentView, frozen=True):
    """A document just uploaded, with the work that was queued for it."""

    ingestions: list[IngestionView]


class NamespaceDocument(DocumentView, frozen=True):
    """A document in a namespace: its number of vectors there, and how the latest ingestion stands."""

    vec_count: int
    ingestion: IngestionView | None


class PassageView(msgspec.Struct, frozen=True):
    """Parsed text, in order; `page` counts from 1 and is null for a docx."""

    ordinal: int
    page: int | None
    heading: str | None
    text: str


class DocumentFile(msgspec.Struct, frozen=True):
    """The original bytes of a document, and what to call them."""

    path: Path
    filename: str
    type: str


async def store_file(storage: FileStorage, pieces: AsyncIterator[bytes]) -> tuple[StoredFile, str]:
    """Put an upload into the storage and tell its type from its content.

    Raises:
        UnsupportedTypeError: it is neither PDF nor DOCX; nothing is kept.
        TooLargeError, InvalidInputError, UnavailableError: see `FileStorage.write`.
    """
    stored = await storage.write(pieces)
    try:
        return stored, detect_type(storage.path(stored.path))
    except PermanentError as error:
        storage.remove(stored.path)
        raise UnsupportedTypeError(str(error)) from None


async def add(
    session: AsyncSession,
    principal: Principal,
    stored: StoredFile,
    kind: str,
    filename: str,
    *,
    title: str | None,
    is_public: bool,
    namespace_ids: Sequence[int],
) -> tuple[UploadedDocument, bool]:
    """Make a document of a stored file and queue it for the namespaces; tells also whether it is new.

    The same bytes from the same user are the same document: it is then queued where it is not yet, and the
    new file is not needed.

    Raises:
        ForbiddenError: a read-only token, or level below 2 in a namespace.
        NotFoundError: a namespace is unknown to the caller.
    """
    if principal.max_level < WRITE:
        raise ForbiddenError("This token may only read; uploading needs one with level 2.")
    if principal.namespace_ids is not None and not namespace_ids:
        raise ForbiddenError("This token reaches only some namespaces: name one of them as namespace_id.")
    for namespace_id in namespace_ids:
        await require_namespace(session, principal, namespace_id, WRITE)
    filename = clean_filename(filename)
    document = await _same_file(session, principal, stored)
    is_new = document is None
    if document is None:
        document = Document(
            user_id=principal.user_id,
            title=_checked_title(title if title is not None else PurePath(filename).stem or filename),
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
        except IntegrityError:
            raise ConflictError(
                "You have this very file already, or are uploading it right now. Look at your documents."
            ) from None
    held = set(
        await session.scalars(select(NamespaceDoc.namespace_id).where(NamespaceDoc.doc_id == document.id))
    )
    ingestions = [
        await ingestion.enqueue(session, document.id, namespace_id)
        for namespace_id in dict.fromkeys(namespace_ids)
        if namespace_id not in held
    ]
    own = _view(document, "write")
    return UploadedDocument(**msgspec.structs.asdict(own), ingestions=ingestions), is_new


async def list_readable(
    session: AsyncSession, principal: Principal, scope: Scope, paging: Paging
) -> Items[DocumentView]:
    """Those that the caller can read, newest first.

    `mine` are the caller's own, `public` those open to everybody, `shared` what others gave: directly or
    through a namespace.
    """
    mine = Document.user_id == principal.user_id
    public = Document.is_public.is_(true())
    narrower: dict[Scope, ColumnElement[bool]] = {
        "mine": mine,
        "public": public,
        "shared": ~mine & ~public,
        "all": true(),
    }
    wanted = Document.id.in_(readable_documents(principal)) & narrower[scope]
    total = await session.scalar(select(func.count()).select_from(Document).where(wanted))
    rows = await session.execute(
        select(Document, document_permission(principal))
        .where(wanted)
        .order_by(Document.id.desc())
        .limit(paging.limit)
        .offset(paging.offset)
    )
    return Items([_view(document, permission or "read") for document, permission in rows], total or 0)


async def get(session: AsyncSession, principal: Principal, doc_id: int) -> DocumentView:
    """One document."""
    document = await require_document(session, principal, doc_id)
    permission = await session.scalar(
        select(document_permission(principal)).select_from(Document).where(Document.id == doc_id)
    )
    return _view(document, permission or "read")


async def change(
    session: AsyncSession,
    principal: Principal,
    doc_id: int,
    *,
    title: str | msgspec.UnsetType,
    is_public: bool | msgspec.UnsetType,
) -> DocumentView:
    """Rename (needs write) or change visibility (owner and admins); what is UNSET stays."""
    needed: Literal["write", "own"] = "write" if is_public is msgspec.UNSET else "own"
    document = await require_document(session, principal, doc_id, needed)
    if title is not msgspec.UNSET:
        document.title = _checked_title(title)
    if is_public is not msgspec.UNSET:
        document.is_public = is_public
    await session.flush()
    return await get(session, principal, doc_id)


async def remove(session: AsyncSession, principal: Principal, doc_id: int) -> str:
    """Delete a document with all its rows; returns the stored file, to be removed after the commit."""
    document = await require_document(session, principal, doc_id, "own")
    path = document.file_path
    await session.execute(delete(Document).where(Document.id == doc_id))
    return path


async def file(
    session: AsyncSession, principal: Principal, storage: FileStorage, doc_id: int
) -> DocumentFile:
    """The original bytes."""
    document = await require_document(session, principal, doc_id)
    name = document.file_metadata.get("original_filename") or f"{document.title}.{document.type}"
    return DocumentFile(storage.path(document.file_path), name, document.type)


async def passages(
    session: AsyncSession, principal: Principal, doc_id: int, page: int | None, paging: Paging
) -> Items[PassageView]:
    """The parsed text in order, of one page if wanted; none before the document was read."""
    await require_document(session, principal, doc_id)
    wanted = (Passage.doc_id == doc_id) & (Passage.page == page if page is not None else true())
    total = await session.scalar(select(func.count()).select_from(Passage).where(wanted))
    rows = await session.execute(
        select(Passage.ordinal, Passage.page, Passage.heading, Passage.text)
        .where(wanted)
        .order_by(Passage.ordinal)
        .limit(paging.limit)
        .offset(paging.offset)
    )
    return Items([PassageView(*row) for row in rows], total or 0)


async def in_namespace(
    session: AsyncSession, principal: Principal, namespace_id: int, paging: Paging
) -> Items[NamespaceDocument]:
    """What the namespace holds and what is on its way there or failed, newest first. Level 1."""
    await require_namespace(session, principal, namespace_id)
    vec_count = (
        select(func.cardinality(NamespaceDoc.vec_id))
        .where(NamespaceDoc.doc_id == Document.id, NamespaceDoc.namespace_id == namespace_id)
        .scalar_subquery()
    )
    latest = (
        select(func.max(Ingestion.id))
        .where(Ingestion.doc_id == Document.id, Ingestion.namespace_id == namespace_id)
        .correlate(Document)
        .scalar_subquery()
    )
    held = select(NamespaceDoc.doc_id).where(NamespaceDoc.namespace_id == namespace_id)
    coming = select(Ingestion.doc_id).where(Ingestion.namespace_id == namespace_id)
    wanted = Document.id.in_(held.union(coming)) & (
        select(func.count())
        .where(readable_namespaces(principal).subquery().c.id == namespace_id)
        .scalar_subquery()
        > 0
    )
    total = await session.scalar(select(func.count()).select_from(Document).where(wanted))
    rows = await session.execute(
        select(Document, document_permission(principal), vec_count, Ingestion)
        .outerjoin(Ingestion, Ingestion.id == latest)
        .where(wanted)
        .order_by(Document.id.desc())
        .limit(paging.limit)
        .offset(paging.offset)
    )
    return Items(
        [
            NamespaceDocument(
                **msgspec.structs.asdict(_view(document, permission or "read")),
                vec_count=count or 0,
                ingestion=ingestion.view(work) if work is not None else None,
            )
            for document, permission, count, work in rows
        ],
        total or 0,
    )


async def add_to_namespace(
    session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int
) -> IngestionView:
    """Queue an uploaded document for a further namespace, where its stored embeddings are reused.

    Raises:
        ForbiddenError: level below 2 there, or the document is only readable and not public.
        ConflictError: the namespace holds it already.
    """
    await require_namespace(session, principal, namespace_id, WRITE)
    document = await require_document(session, principal, doc_id)
    if not document.is_public:
        await require_document(session, principal, doc_id, "write")
    held = await session.scalar(
        select(NamespaceDoc.id).where(
            NamespaceDoc.namespace_id == namespace_id, NamespaceDoc.doc_id == doc_id
        )
    )
    if held is not None:
        raise ConflictError("The namespace holds this document already.")
    return await ingestion.enqueue(session, doc_id, namespace_id)


async def remove_from_namespace(
    session: AsyncSession, principal: Principal, namespace_id: int, doc_id: int
) -> None:
    """Take a document out of a namespace, or stop bringing it there. Level 2."""
    await require_namespace(session, principal, namespace_id, WRITE)
    # The row is locked so that a worker that is just storing the document finishes before or finds no work.
    await session.scalar(select(Document.id).where(Document.id == doc_id).with_for_update())
    was_coming = await ingestion.cancel(session, doc_id, namespace_id)
    was_held = await vectors.unlink(session, doc_id, namespace_id)
    if not was_coming and not was_held:
        raise NotFoundError(f"The namespace holds no document {doc_id}.")


def clean_filename(filename: str) -> str:
    """The last part of a name from any system, printable and at most 255 characters long."""
    name = PureWindowsPath(PurePath(filename).name).name
    printable = "".join(character for character in name if character.isprintable()).strip()
    return printable[-MAX_TITLE:] or "document"


async def _same_file(session: AsyncSession, principal: Principal, stored: StoredFile) -> Document | None:
    return await session.scalar(
        select(Document).where(
            Document.user_id == principal.user_id,
            Document.file_metadata["sha256"].as_string() == stored.sha256,
            Document.id.in_(readable_documents(principal, "write")),
        )
    )


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if not 1 <= len(title) <= MAX_TITLE or not title.isprintable():
        message = f"must have 1 to {MAX_TITLE} printable characters"
        raise InvalidInputError(f"The title {message}.", errors=[FieldError("title", message)])
    return title


def _view(document: Document, permission: str) -> DocumentView:
    return DocumentView(
        document.id,
        document.user_id,
        document.title,
        document.type,
        document.is_public,
        document.file_metadata,
        document.uploaded_at,
        permission,
    )
