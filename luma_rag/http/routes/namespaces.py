"""Namespaces, their members, their documents, and search."""

from functools import partial
from typing import Any

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from luma_rag import namespaces
from luma_rag.access import grants
from luma_rag.access.grants import Member
from luma_rag.documents import namespace_documents, namespace_listing
from luma_rag.documents.ingestion import IngestionView
from luma_rag.documents.listing import Listing
from luma_rag.documents.namespace_listing import DocumentSummary, NamespaceDocument
from luma_rag.http.authentication import still_signed_in
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.events import EVENT_STREAM, EventStream, change_stream, last_event
from luma_rag.http.input import DocumentReference, Membership, NamespaceChange, NewNamespace, Search
from luma_rag.http.openapi import EventsOperation, problems
from luma_rag.http.parameters import GetOrCreate, Id, OfDocumentText, OfStateHere, SortedBy
from luma_rag.http.rate_limit import limited
from luma_rag.http.token_level import ASKING
from luma_rag.namespaces import NamespaceView
from luma_rag.pagination import Page
from luma_rag.retrieval.search import SearchResult


@get("/")
async def list_namespaces(
    session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[NamespaceView]:
    """List the namespaces that the caller can read, by name."""
    return await namespaces.list_readable(session, principal, pagination)


@post(
    "/",
    responses={
        200: ResponseSpec(
            NamespaceView,
            description="The namespace exists; `get_or_create` returns it.",
            generate_examples=False,
        ),
        **problems(409),
    },
)
async def create_namespace(
    data: JSONBody[NewNamespace], session: Session, principal: Caller, get_or_create: GetOrCreate = False
) -> Response[NamespaceView]:
    """Create a namespace. Its name is unique among those of its owner."""
    if not get_or_create:
        return Response(
            await namespaces.create(session, principal, data.name, data.description, is_public=data.is_public)
        )
    namespace, is_new = await namespaces.get_or_create(
        session, principal, data.name, data.description, is_public=data.is_public
    )
    return Response(namespace, status_code=HTTP_201_CREATED if is_new else HTTP_200_OK)


@get("/{namespace_id:int}")
async def get_namespace(namespace_id: Id, session: Session, principal: Caller) -> NamespaceView:
    """Get a namespace. Level 1."""
    return await namespaces.get(session, principal, namespace_id)


@patch("/{namespace_id:int}", responses=problems(409))
async def change_namespace(
    namespace_id: Id, data: JSONBody[NamespaceChange], session: Session, principal: Caller
) -> NamespaceView:
    """Change the name, description or visibility of a namespace. Level 3."""
    return await namespaces.change(
        session,
        principal,
        namespace_id,
        name=data.name,
        description=data.description,
        is_public=data.is_public,
    )


@delete("/{namespace_id:int}")
async def remove_namespace(namespace_id: Id, session: Session, principal: Caller) -> None:
    """Delete a namespace with its vectors, members, chats and messages. Its documents stay. Level 3."""
    await namespaces.remove(session, principal, namespace_id)


@get("/{namespace_id:int}/members")
async def members(
    namespace_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[Member]:
    """List the members, by name. Level 3."""
    return await grants.members(session, principal, namespace_id, pagination)


@put("/{namespace_id:int}/members/{user_id:int}", responses=problems(409))
async def set_member(
    namespace_id: Id, user_id: Id, data: JSONBody[Membership], session: Session, principal: Caller
) -> Member:
    """Add a member or change a member's level. Level 3."""
    return await grants.grant_level(session, principal, namespace_id, user_id, data.auth_level)


@delete("/{namespace_id:int}/members/{user_id:int}")
async def remove_member(namespace_id: Id, user_id: Id, session: Session, principal: Caller) -> None:
    """Remove a member (level 3), or leave."""
    await grants.revoke_level(session, principal, namespace_id, user_id)


@get("/{namespace_id:int}/documents")
async def documents_of_namespace(
    namespace_id: Id,
    session: Session,
    principal: Caller,
    pagination: PaginationDependency,
    containing: OfDocumentText = None,
    in_state: OfStateHere = None,
    sort: SortedBy = "-added",
) -> Page[NamespaceDocument]:
    """List the documents and running ingestions, by default newest first. Level 1."""
    listing = Listing(containing, in_state, sort)
    return await namespace_listing.documents_of(session, principal, namespace_id, pagination, listing)


@get("/{namespace_id:int}/documents/summary")
async def summary_of_documents(namespace_id: Id, session: Session, principal: Caller) -> DocumentSummary:
    """Count the documents by state, and add up their pages and bytes. Level 1."""
    return await namespace_listing.summary(session, principal, namespace_id)


@post(
    "/{namespace_id:int}/documents",
    status_code=HTTP_202_ACCEPTED,
    opt=limited("uploads"),
    responses=problems(409),
)
async def add_document(
    namespace_id: Id,
    data: JSONBody[DocumentReference],
    session: Session,
    principal: Caller,
    runtime: RuntimeDependency,
) -> IngestionView:
    """Add an uploaded document. Its embeddings are reused. Level 2."""
    limits = runtime.settings.quotas
    return await namespace_documents.add(session, principal, namespace_id, data.doc_id, limits=limits)


@delete("/{namespace_id:int}/documents/{doc_id:int}", opt=limited("uploads"))
async def remove_document(namespace_id: Id, doc_id: Id, session: Session, principal: Caller) -> None:
    """Remove a document. Its vectors in this namespace are deleted when the call returns. Level 2."""
    await namespace_documents.remove(session, principal, namespace_id, doc_id)


@get(
    "/{namespace_id:int}/events",
    media_type=EVENT_STREAM,
    operation_class=EventsOperation,
    responses=problems(429),
)
async def follow(
    namespace_id: Id, request: Request[Any, Any, Any], runtime: RuntimeDependency
) -> EventStream:
    """Stream the changes of ingestions in the namespace until the client disconnects. Level 1.

    The stream starts with the unfinished ingestions. A client that reconnects with `Last-Event-ID` also gets
    the ingestions finished since; it should list the documents again to notice removals.
    """
    changes = runtime.change_stream.subscribe(
        partial(still_signed_in, request), namespace_id, last_event(request.headers.get("last-event-id"))
    )
    first = await anext(changes)
    return EventStream(change_stream(first, changes))


@post("/{namespace_id:int}/search", status_code=HTTP_200_OK, opt=limited("searches") | ASKING)
async def search(
    namespace_id: Id, data: JSONBody[Search], principal: Caller, runtime: RuntimeDependency
) -> SearchResult:
    """Find the most relevant passages, without neighbors and duplicates of better ones. Level 1."""
    return await runtime.retriever.search(
        principal,
        namespace_id,
        data.query,
        k=data.k,
        mode=data.mode,
        rerank=data.rerank,
        doc_ids=data.doc_ids,
        per_document=data.per_document,
    )


router = Router(
    "/api/namespaces",
    route_handlers=[
        list_namespaces,
        create_namespace,
        get_namespace,
        change_namespace,
        remove_namespace,
        members,
        set_member,
        remove_member,
        documents_of_namespace,
        summary_of_documents,
        add_document,
        remove_document,
        follow,
        search,
    ],
    tags=["namespaces"],
)
