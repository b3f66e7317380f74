"""Document operations for users."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from sqlalchemy import ColumnElement, delete, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.parsers.formats import FORMATS
from ingest.types import DocumentType, ReadingWarning
from luma_rag.access import (
    Principal,
    document_permission,
    readable_documents,
    readable_namespaces,
    require_document,
)
from luma_rag.audit import Action, record, set_actor
from luma_rag.db.models import Document, Ingestion, NamespaceDoc, Passage, User
from luma_rag.documents import version_rows
from luma_rag.documents.file_names import download_name
from luma_rag.documents.listing import Listing, State, contains, order, state_of
from luma_rag.documents.page_labels import label_of
from luma_rag.documents.reading_warnings import stored_warnings
from luma_rag.documents.storage import FileStorage
from luma_rag.errors import (
    FieldError,
    InvalidInputError,
)
from luma_rag.pagination import Page, Pagination

MAX_TITLE = 255
Scope = Literal["mine", "shared", "public", "all"]


class DocumentView(msgspec.Struct, frozen=True):
    """A document as the caller sees it, with the caller's `permission`. The file's path is not exposed.

    `username` is the owner's, `size` in bytes. `pages` is null until the document has been read, and for
    formats without pages; `warnings` say what could not be read. `version` counts the files it has had.
    """

    id: int
    user_id: int
    title: str
    type: str
    is_public: bool
    file_metadata: dict[str, Any]
    uploaded_at: datetime
    permission: str
    username: str
    size: int
    pages: int | None
    warnings: list[ReadingWarning]
    version: int


class ListedDocument(DocumentView, frozen=True):
    """A document in a list, with the state of its latest ingestion; `unplaced` if it is in no namespace."""

    state: State


class PassageView(msgspec.Struct, frozen=True):
    """Parsed text, in order; `page` is 1-based, null for documents without pages.

    `label` is the number printed on the page; null if it is `page`, or unknown.
    """

    ordinal: int
    page: int | None
    label: str | None
    heading: str | None
    text: str


class DocumentFile(msgspec.Struct, frozen=True):
    """The original bytes of a document, with file name and media type."""

    path: Path
    filename: str
    type: str


async def list_readable(
    session: AsyncSession,
    principal: Principal,
    scope: Scope,
    pagination: Pagination,
    listing: Listing = Listing(),  # noqa: B008 - immutable
) -> Page[ListedDocument]:
    """The documents that the caller can read, by default newest first.

    `mine` are the caller's own, `public` those open to everyone, `shared` those shared directly or through a
    namespace. The state of the caller's own documents includes namespaces that they can't read.
    """
    mine = Document.user_id == principal.user_id
    public = Document.is_public.is_(true())
    narrower: dict[Scope, ColumnElement[bool]] = {
        "mine": mine,
        "public": public,
        "shared": ~mine & ~public,
        "all": true(),
    }
    state = _state(principal)
    wanted = Document.id.in_(readable_documents(principal)) & narrower[scope] & contains(listing.containing)
    if listing.state is not None:
        wanted &= state == listing.state
    total = await session.scalar(select(func.count()).select_from(Document).where(wanted))
    rows = await session.execute(
        select(Document, document_permission(principal), User.username, state)
        .join(User, User.id == Document.user_id)
        .where(wanted)
        .order_by(*order(listing.sort, Document.uploaded_at))
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    items = [
        ListedDocument(**msgspec.structs.asdict(view(document, permission, username)), state=found)
        for document, permission, username, found in rows
    ]
    return Page(items, total or 0)


def _state(principal: Principal) -> ColumnElement[Any]:
    readable = readable_namespaces(principal)
    visible = or_(Document.user_id == principal.user_id, Ingestion.namespace_id.in_(readable))
    latest = (
        select(Ingestion.state)
        .where(Ingestion.doc_id == Document.id, visible)
        .order_by(Ingestion.id.desc())
        .limit(1)
        .correlate(Document)
        .scalar_subquery()
    )
    held = exists().where(NamespaceDoc.doc_id == Document.id, NamespaceDoc.namespace_id.in_(readable))
    return state_of(latest, is_held=held)


async def get(session: AsyncSession, principal: Principal, doc_id: int) -> DocumentView:
    """One document."""
    document = await require_document(session, principal, doc_id)
    row = await session.execute(
        select(document_permission(principal), User.username)
        .join(Document, Document.user_id == User.id)
        .where(Document.id == doc_id)
    )
    return view(document, *row.one())


async def change(
    session: AsyncSession,
    principal: Principal,
    doc_id: int,
    *,
    title: str | msgspec.UnsetType,
    is_public: bool | msgspec.UnsetType,
) -> DocumentView:
    """Rename (requires write) or change visibility (owner and administrators). UNSET leaves a field as is.

    A document that becomes private leaves the namespaces to which it was added only because it was public.
    """
    needed: Literal["write", "own"] = "write" if is_public is msgspec.UNSET else "own"
    document = await require_document(session, principal, doc_id, needed)
    if title is not msgspec.UNSET:
        document.title = checked_title(title)
    if is_public is not msgspec.UNSET and is_public != document.is_public:
        await set_actor(session, principal.user_id)
        document.is_public = is_public
        action: Action = "document.published" if is_public else "document.hidden"
        await record(session, action, principal.user_id, doc_id=doc_id)
    await session.flush()
    return await get(session, principal, doc_id)


async def remove(session: AsyncSession, principal: Principal, doc_id: int) -> str:
    """Delete a document with all its rows. Returns the stored file, to remove after the commit."""
    document = await require_document(session, principal, doc_id, "own")
    path = document.file_path
    await session.execute(delete(Document).where(Document.id == doc_id))
    await record(session, "document.deleted", principal.user_id, doc_id=doc_id)
    return path


async def file(
    session: AsyncSession, principal: Principal, storage: FileStorage, doc_id: int
) -> DocumentFile:
    """The original bytes, with a file name that ends as its type does, whatever it was uploaded as."""
    document = await require_document(session, principal, doc_id)
    endings = FORMATS[cast(DocumentType, document.type)].suffixes
    name = download_name(document.file_metadata.get("original_filename") or document.title, *endings)
    return DocumentFile(storage.path(document.file_path), name, document.type)


async def passages(
    session: AsyncSession, principal: Principal, doc_id: int, page: int | None, pagination: Pagination
) -> Page[PassageView]:
    """The parsed text in order, optionally of one page; empty until the document has been parsed."""
    document = await require_document(session, principal, doc_id)
    labels = document.file_metadata.get("page_labels")
    wanted = (Passage.doc_id == doc_id) & (Passage.page == page if page is not None else true())
    total = await session.scalar(select(func.count()).select_from(Passage).where(wanted))
    rows = await session.execute(
        select(Passage.ordinal, Passage.page, Passage.heading, Passage.text)
        .where(wanted)
        .order_by(Passage.ordinal)
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    items = [
        PassageView(ordinal, page, label_of(page, labels), heading, text)
        for ordinal, page, heading, text in rows
    ]
    return Page(items, total or 0)


def checked_title(title: str) -> str:
    """A title on one line.

    Raises:
        InvalidInputError: it is empty or too long.
    """
    title = " ".join(title.split())
    if not 1 <= len(title) <= MAX_TITLE or not title.isprintable():
        message = f"must have 1 to {MAX_TITLE} printable characters"
        raise InvalidInputError(f"The title {message}.", errors=[FieldError("title", message)])
    return title


def view(document: Document, permission: str | None, username: str) -> DocumentView:
    """A document of `username` with the caller's permission on it."""
    return DocumentView(
        document.id,
        document.user_id,
        document.title,
        document.type,
        document.is_public,
        document.file_metadata,
        document.uploaded_at,
        permission or "read",
        username,
        document.file_metadata["size"],
        document.file_metadata.get("pages"),
        stored_warnings(document.file_metadata.get("warnings")),
        version_rows.number_of(document),
    )
