"""Documents, their permissions and ingestions."""

from typing import Any

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.response import File
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED
from msgspec import UNSET

from luma_rag.access import Principal, grants
from luma_rag.access.grants import SharedWith
from luma_rag.documents import ingestion, namespace_documents, quotas, uploads, versions
from luma_rag.documents import outline as outlines
from luma_rag.documents import service as documents
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.listing import Listing
from luma_rag.documents.namespace_documents import DocumentNamespace
from luma_rag.documents.outline import Outline
from luma_rag.documents.pending_files import removing_files
from luma_rag.documents.service import DocumentView, ListedDocument, PassageView
from luma_rag.documents.uploads import UploadedDocument
from luma_rag.errors import NotFoundError
from luma_rag.http.authentication import principal_now
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.input import DocumentChange, Sharing
from luma_rag.http.openapi import MEDIA_TYPES, FileOperation, ReplaceOperation, UploadOperation, problems
from luma_rag.http.parameters import Id, InScope, OfDocumentText, OfPage, OfState, SortedBy
from luma_rag.http.rate_limit import limited
from luma_rag.http.upload import FileFields, UploadFields, read_upload
from luma_rag.pagination import Page
from luma_rag.settings import QuotaSettings

# For the parts of an upload other than the file.
FORM_BYTES = 2**20
# The browser's viewer shows a PDF in its own frame; anything else that the file requests is blocked.
_FILE_POLICY = "default-src 'none'; object-src 'self'; frame-ancestors 'self'"
# The viewer of PDFs doesn't work in a sandbox. Nothing else is shown.
_DOWNLOAD_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


async def upload(
    request: Request[Principal, float, Any], runtime: RuntimeDependency
) -> Response[UploadedDocument]:
    """Upload a document and enqueue it for the given namespaces. 200: already uploaded by the caller."""
    limits = runtime.settings.quotas
    _require_room(request, limits)
    received = await read_upload(request, runtime.storage, UploadFields)
    with received.upload.pending:
        added = await uploads.store(
            runtime.sessions,
            runtime.storage,
            await principal_now(request),
            received.upload,
            received.filename,
            title=None if received.fields.title is UNSET else received.fields.title,
            is_public=received.fields.is_public,
            namespace_ids=received.fields.namespace_id,
            limits=limits,
        )
    return Response(added.document, status_code=HTTP_201_CREATED if added.is_new else HTTP_200_OK)


async def replace_file(
    doc_id: Id, request: Request[Principal, float, Any], runtime: RuntimeDependency
) -> Response[DocumentView]:
    """Replace the file of a document by a new version, which is read in the background. Write permission.

    Id, title, rights and namespaces stay. Until the new version has been read, searches find the text of the
    earlier one, also if it can't be read. 200: the file is the same.
    """
    limits = runtime.settings.quotas
    await versions.require_right(runtime.sessions, await principal_now(request), doc_id)
    _require_room(request, limits)
    received = await read_upload(request, runtime.storage, FileFields)
    with received.upload.pending:
        replaced = await versions.replace(
            runtime.sessions,
            runtime.storage,
            await principal_now(request),
            doc_id,
            received.upload,
            limits=limits,
        )
    status = HTTP_202_ACCEPTED if replaced.is_new else HTTP_200_OK
    return Response(replaced.document, status_code=status)


def _require_room(request: Request[Any, Any, Any], limits: QuotaSettings) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        quotas.require_room_for_body(limits, int(declared), FORM_BYTES)


@get("/")
async def list_documents(
    session: Session,
    principal: Caller,
    pagination: PaginationDependency,
    which: InScope = "all",
    containing: OfDocumentText = None,
    in_state: OfState = None,
    sort: SortedBy = "-added",
) -> Page[ListedDocument]:
    """List the documents that the caller can read, by default newest first."""
    listing = Listing(containing, in_state, sort)
    return await documents.list_readable(session, principal, which, pagination, listing)


@get("/{doc_id:int}")
async def get_document(doc_id: Id, session: Session, principal: Caller) -> DocumentView:
    """Get a document."""
    return await documents.get(session, principal, doc_id)


@patch("/{doc_id:int}")
async def change_document(
    doc_id: Id, data: JSONBody[DocumentChange], session: Session, principal: Caller
) -> DocumentView:
    """Rename a document or change its visibility."""
    return await documents.change(session, principal, doc_id, title=data.title, is_public=data.is_public)


@delete("/{doc_id:int}")
async def remove_document(doc_id: Id, principal: Caller, runtime: RuntimeDependency) -> None:
    """Delete a document with its vectors and its file."""
    async with removing_files(runtime.sessions, runtime.storage) as (session, remove_file):
        remove_file(await documents.remove(session, principal, doc_id))


@get("/{doc_id:int}/file", operation_class=FileOperation)
async def file(doc_id: Id, session: Session, principal: Caller, runtime: RuntimeDependency) -> File:
    """Get the original file. A PDF opens in the browser."""
    found = await documents.file(session, principal, runtime.storage, doc_id)
    if not found.path.is_file():
        raise NotFoundError("The stored file is missing. Its owner can restore it by uploading it again.")
    is_pdf = found.type == "pdf"
    return File(
        found.path,
        filename=found.filename,
        media_type=MEDIA_TYPES[found.type],
        content_disposition_type="inline" if is_pdf else "attachment",
        headers={
            "Content-Security-Policy": _FILE_POLICY if is_pdf else _DOWNLOAD_POLICY,
            "Cache-Control": "private, no-cache",
        },
    )


@get("/{doc_id:int}/passages")
async def passages(
    doc_id: Id, session: Session, principal: Caller, pagination: PaginationDependency, page: OfPage = None
) -> Page[PassageView]:
    """List the passages of the parsed text in order."""
    return await documents.passages(session, principal, doc_id, page, pagination)


@get("/{doc_id:int}/outline")
async def outline(doc_id: Id, session: Session, principal: Caller) -> Outline:
    """Get the headings of the document as a tree, with a page that has none as an item of its own."""
    return await outlines.outline(session, principal, doc_id)


@get("/{doc_id:int}/permissions")
async def permissions(
    doc_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[SharedWith]:
    """List the users with whom the document is shared. Owner and administrators."""
    return await grants.shared_with(session, principal, doc_id, pagination)


@put("/{doc_id:int}/permissions/{user_id:int}", responses=problems(409))
async def share(
    doc_id: Id, user_id: Id, data: JSONBody[Sharing], session: Session, principal: Caller
) -> SharedWith:
    """Share the document with a user. Owner and administrators."""
    return await grants.share(session, principal, doc_id, user_id, data.permission)


@delete("/{doc_id:int}/permissions/{user_id:int}")
async def unshare(doc_id: Id, user_id: Id, session: Session, principal: Caller) -> None:
    """Stop sharing the document with a user. Owner and administrators."""
    await grants.unshare(session, principal, doc_id, user_id)


@get("/{doc_id:int}/namespaces")
async def namespaces_of_document(
    doc_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[DocumentNamespace]:
    """List the namespaces of the document and who added it, by id. Owner and administrators.

    It includes namespaces that the caller can't read.
    """
    return await namespace_documents.namespaces_of(session, principal, doc_id, pagination)


@delete("/{doc_id:int}/namespaces/{namespace_id:int}")
async def withdraw(doc_id: Id, namespace_id: Id, session: Session, principal: Caller) -> None:
    """Remove the document from a namespace, even one that the caller can't read. Owner and administrators."""
    await namespace_documents.withdraw(session, principal, namespace_id, doc_id)


@get("/{ingestion_id:int}")
async def get_ingestion(ingestion_id: Id, session: Session, principal: Caller) -> IngestionView:
    """Get the state and progress of an ingestion. Level 1 in its namespace."""
    return await ingestion.get(session, principal, ingestion_id)


@post("/{ingestion_id:int}/retry", status_code=HTTP_202_ACCEPTED, responses=problems(409))
async def retry_ingestion(ingestion_id: Id, session: Session, principal: Caller) -> IngestionView:
    """Enqueue a failed ingestion again. Level 2."""
    return await ingestion.retry(session, principal, ingestion_id)


def router(max_upload_bytes: int) -> Router:
    """The routes of documents. Only the upload accepts large bodies."""
    take_upload = post(
        "/",
        operation_class=UploadOperation,
        opt=limited("uploads"),
        request_max_body_size=max_upload_bytes + FORM_BYTES,
        responses={
            200: ResponseSpec(
                UploadedDocument,
                description="The caller had uploaded the same file before.",
                generate_examples=False,
            ),
            **problems(404, 409),
        },
    )
    take_version = put(
        "/{doc_id:int}/file",
        status_code=HTTP_202_ACCEPTED,
        operation_class=ReplaceOperation,
        opt=limited("uploads"),
        request_max_body_size=max_upload_bytes + FORM_BYTES,
        responses={
            200: ResponseSpec(
                DocumentView, description="The document has this file already.", generate_examples=False
            ),
            **problems(409),
        },
    )
    return Router(
        "/api/documents",
        route_handlers=[
            take_upload(upload),
            take_version(replace_file),
            list_documents,
            get_document,
            change_document,
            remove_document,
            file,
            passages,
            outline,
            permissions,
            share,
            unshare,
            namespaces_of_document,
            withdraw,
        ],
        tags=["documents"],
    )


ingestions = Router("/api/ingestions", route_handlers=[get_ingestion, retry_ingestion], tags=["documents"])
