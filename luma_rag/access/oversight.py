"""Records reading by administrators that only their role permits."""

from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access.principal import Principal
from luma_rag.access.rules import own_chats, readable_documents, readable_namespaces
from luma_rag.audit import record
from luma_rag.db.models import Chat, Document, Namespace
from luma_rag.db.session import Sessions
from luma_rag.errors import RateLimitedError
from luma_rag.rate_limits import Limit, Quota, acquire

# One event per hour suffices; one per page would bury it.
_EVENTS = Limit(count=1, seconds=3600)


async def record_reading(
    sessions: Sessions,
    principal: Principal,
    *,
    doc_id: int | None = None,
    namespace_id: int | None = None,
    chat_id: int | None = None,
) -> None:
    """Record that an administrator reads a document or a namespace that they reach only by their role.

    With `chat_id` it is the namespace of one of their chats. It is recorded once an hour for each
    administrator and object. For other callers there is no query.
    """
    # Not `is_admin`: by the role, a restricted token reads what it is restricted to.
    if principal.role != "admin":
        return
    try:
        async with sessions.begin() as session:
            if chat_id is not None:
                asked = select(Chat.namespace_id).where(Chat.id == chat_id, Chat.id.in_(own_chats(principal)))
                namespace_id = await session.scalar(asked)
            if doc_id is not None and await _needs_role_for_document(session, principal, doc_id):
                await acquire(session, Quota(f"document {doc_id} read by {principal.user_id}", _EVENTS))
                await record(session, "document.read", principal.user_id, doc_id=doc_id)
            if namespace_id is not None and await _needs_role_for_namespace(session, principal, namespace_id):
                await acquire(
                    session, Quota(f"namespace {namespace_id} read by {principal.user_id}", _EVENTS)
                )
                await record(session, "namespace.read", principal.user_id, namespace_id=namespace_id)
    except RateLimitedError:
        return


async def _needs_role_for_document(session: AsyncSession, principal: Principal, doc_id: int) -> bool:
    found = select(Document.id).where(
        Document.id == doc_id,
        Document.id.in_(readable_documents(principal)),
        Document.id.not_in(readable_documents(_without_role(principal))),
    )
    return await session.scalar(found) is not None


async def _needs_role_for_namespace(session: AsyncSession, principal: Principal, namespace_id: int) -> bool:
    found = select(Namespace.id).where(
        Namespace.id == namespace_id,
        Namespace.id.in_(readable_namespaces(principal)),
        Namespace.id.not_in(readable_namespaces(_without_role(principal))),
    )
    return await session.scalar(found) is not None


def _without_role(principal: Principal) -> Principal:
    return structs.replace(principal, role="user")
