"""Granting and revoking access: members of namespaces, and documents shared with users.

Each change locks the row of the resource and then checks the caller's permission, which may have been revoked
while it waited for the lock. A user's row is locked before, in the same order as everywhere.
"""

from typing import Literal

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access.principal import ADMINISTER, READ, Principal
from luma_rag.access.rules import (
    readable_documents,
    readable_namespaces,
    require_document,
    require_namespace,
)
from luma_rag.audit import record, set_actor
from luma_rag.db.models import Document, DocUser, Namespace, NamespaceAuth, User
from luma_rag.errors import ConflictError, NotFoundError
from luma_rag.pagination import Page, Pagination


class Member(msgspec.Struct, frozen=True):
    """A user with a granted level in a namespace."""

    user_id: int
    username: str
    auth_level: int


class SharedWith(msgspec.Struct, frozen=True):
    """A user with whom a document is shared."""

    user_id: int
    username: str
    permission: str


async def members(
    session: AsyncSession, principal: Principal, namespace_id: int, pagination: Pagination
) -> Page[Member]:
    """The members, by name. Level 3."""
    await require_namespace(session, principal, namespace_id, ADMINISTER)
    total = await session.scalar(
        select(func.count()).select_from(NamespaceAuth).where(NamespaceAuth.namespace_id == namespace_id)
    )
    rows = await session.execute(
        select(User.id, User.username, NamespaceAuth.auth_level)
        .join(NamespaceAuth, NamespaceAuth.user_id == User.id)
        .where(NamespaceAuth.namespace_id == namespace_id)
        .order_by(User.username)
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([Member(*row) for row in rows], total or 0)


async def grant_level(
    session: AsyncSession, principal: Principal, namespace_id: int, user_id: int, auth_level: int
) -> Member:
    """Add a member or change a member's level. Level 3.

    Raises:
        ConflictError: the user owns the namespace and already has level 3.
    """
    await _lock_user(session, user_id)
    await _lock_namespace(session, principal, namespace_id)
    namespace = await require_namespace(session, principal, namespace_id, ADMINISTER)
    username = await _username(session, user_id)
    if namespace.user_id == user_id:
        raise ConflictError(f"{username} owns this namespace and already has level 3.")
    changed = await session.scalar(
        insert(NamespaceAuth)
        .values(namespace_id=namespace_id, user_id=user_id, auth_level=auth_level)
        .on_conflict_do_update(
            index_elements=[NamespaceAuth.user_id, NamespaceAuth.namespace_id],
            set_={"auth_level": auth_level},
            where=NamespaceAuth.auth_level != auth_level,
        )
        .returning(NamespaceAuth.id)
    )
    if changed is not None:
        await record(
            session,
            "member.set",
            principal.user_id,
            namespace_id=namespace_id,
            user_id=user_id,
            auth_level=auth_level,
        )
    return Member(user_id, username, auth_level)


async def revoke_level(session: AsyncSession, principal: Principal, namespace_id: int, user_id: int) -> None:
    """Remove a member. Level 3, or the member who leaves."""
    leaving = user_id == principal.user_id and not principal.is_narrowed
    await _lock_namespace(session, principal, namespace_id)
    await require_namespace(session, principal, namespace_id, READ if leaving else ADMINISTER)
    removed = await session.scalar(
        delete(NamespaceAuth)
        .where(NamespaceAuth.namespace_id == namespace_id, NamespaceAuth.user_id == user_id)
        .returning(NamespaceAuth.id)
    )
    if removed is None:
        raise NotFoundError("This user is not a member of the namespace.")
    await record(session, "member.removed", principal.user_id, namespace_id=namespace_id, user_id=user_id)


async def shared_with(
    session: AsyncSession, principal: Principal, doc_id: int, pagination: Pagination
) -> Page[SharedWith]:
    """The users with whom a document is shared, by name. Owner and administrators."""
    await require_document(session, principal, doc_id, "own")
    total = await session.scalar(select(func.count()).select_from(DocUser).where(DocUser.doc_id == doc_id))
    rows = await session.execute(
        select(User.id, User.username, DocUser.permission)
        .join(DocUser, DocUser.user_id == User.id)
        .where(DocUser.doc_id == doc_id)
        .order_by(User.username)
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([SharedWith(*row) for row in rows], total or 0)


async def share(
    session: AsyncSession,
    principal: Principal,
    doc_id: int,
    user_id: int,
    permission: Literal["read", "write"],
) -> SharedWith:
    """Share a document with a user, or change the permission. Owner and administrators.

    If the permission is lowered, the document leaves the namespaces to which only the former one admitted it.

    Raises:
        ConflictError: the user owns the document.
    """
    await _lock_user(session, user_id)
    await _lock_document(session, principal, doc_id)
    document = await require_document(session, principal, doc_id, "own")
    username = await _username(session, user_id)
    if document.user_id == user_id:
        raise ConflictError(f"{username} owns this document and already has full access.")
    await set_actor(session, principal.user_id)
    changed = await session.scalar(
        insert(DocUser)
        .values(doc_id=doc_id, user_id=user_id, permission=permission)
        .on_conflict_do_update(
            index_elements=[DocUser.doc_id, DocUser.user_id],
            set_={"permission": permission},
            where=DocUser.permission != permission,
        )
        .returning(DocUser.id)
    )
    if changed is not None:
        await record(
            session,
            "document.shared",
            principal.user_id,
            doc_id=doc_id,
            user_id=user_id,
            permission=permission,
        )
    return SharedWith(user_id, username, permission)


async def unshare(session: AsyncSession, principal: Principal, doc_id: int, user_id: int) -> None:
    """Stop sharing a document with a user. Owner and administrators.

    The document leaves the namespaces to which only this share admitted it.
    """
    await _lock_document(session, principal, doc_id)
    await require_document(session, principal, doc_id, "own")
    await set_actor(session, principal.user_id)
    removed = await session.scalar(
        delete(DocUser).where(DocUser.doc_id == doc_id, DocUser.user_id == user_id).returning(DocUser.id)
    )
    if removed is None:
        raise NotFoundError("The document is not shared with this user.")
    await record(session, "document.unshared", principal.user_id, doc_id=doc_id, user_id=user_id)


async def drop_of_owner(session: AsyncSession, user_id: int) -> None:
    """Delete a user's grants on resources that they own now."""
    own_namespaces = select(Namespace.id).where(Namespace.user_id == user_id)
    await session.execute(
        delete(NamespaceAuth).where(
            NamespaceAuth.user_id == user_id, NamespaceAuth.namespace_id.in_(own_namespaces)
        )
    )
    own_documents = select(Document.id).where(Document.user_id == user_id)
    await session.execute(
        delete(DocUser).where(DocUser.user_id == user_id, DocUser.doc_id.in_(own_documents))
    )


async def _lock_user(session: AsyncSession, user_id: int) -> None:
    # The insert would take this lock through its foreign key. By then it could wait for a removal of the
    # user, which waits for the namespace or the document.
    key = select(User.id).where(User.id == user_id)
    await session.execute(key.with_for_update(read=True, key_share=True))


async def _lock_namespace(session: AsyncSession, principal: Principal, namespace_id: int) -> None:
    # Only if the caller can see it: others must not be able to block it.
    seen = Namespace.id.in_(readable_namespaces(principal))
    row = select(Namespace.id).where(Namespace.id == namespace_id, seen)
    await session.execute(row.with_for_update(key_share=True))


async def _lock_document(session: AsyncSession, principal: Principal, doc_id: int) -> None:
    row = select(Document.id).where(Document.id == doc_id, Document.id.in_(readable_documents(principal)))
    await session.execute(row.with_for_update(key_share=True))


async def _username(session: AsyncSession, user_id: int) -> str:
    username = await session.scalar(select(User.username).where(User.id == user_id))
    if username is None:
        raise NotFoundError("This user does not exist.")
    return username
