"""Namespaces: sets of documents that are searched together."""

from datetime import datetime

import msgspec
from sqlalchemy import ARRAY, Integer, Select, bindparam, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, namespace_level, readable_namespaces, require_namespace
from luma_rag.access.principal import ADMINISTER
from luma_rag.audit import Action, record
from luma_rag.db.models import Namespace, NamespaceDoc
from luma_rag.errors import ForbiddenError, NotFoundError
from luma_rag.pagination import Page, Pagination


class NamespaceView(msgspec.Struct, frozen=True):
    """A namespace for the caller. `auth_level` is their effective level, `chunks` counts its vectors."""

    id: int
    name: str
    description: str | None
    is_public: bool
    user_id: int
    created_at: datetime
    auth_level: int
    documents: int
    chunks: int


async def list_readable(
    session: AsyncSession, principal: Principal, pagination: Pagination
) -> Page[NamespaceView]:
    """The namespaces that the caller can read, by name, then id."""
    readable = Namespace.id.in_(readable_namespaces(principal))
    total = await session.scalar(select(func.count()).select_from(Namespace).where(readable))
    rows = await session.execute(
        _views(principal)
        .where(readable)
        .order_by(func.lower(Namespace.name), Namespace.id)
        .limit(pagination.limit)
        .offset(pagination.offset)
    )
    return Page([NamespaceView(*row) for row in rows], total or 0)


class NamespaceName(msgspec.Struct, frozen=True):
    """The name of a namespace."""

    id: int
    name: str
    created_at: datetime


async def names(session: AsyncSession, principal: Principal) -> list[NamespaceName]:
    """The names of all namespaces that the caller can read, by id."""
    rows = await session.execute(
        select(Namespace.id, Namespace.name, Namespace.created_at)
        .where(Namespace.id.in_(readable_namespaces(principal)))
        .order_by(Namespace.id)
    )
    return [NamespaceName(*row) for row in rows]


async def get(session: AsyncSession, principal: Principal, namespace_id: int) -> NamespaceView:
    """One namespace. Level 1."""
    await require_namespace(session, principal, namespace_id)
    row = (await session.execute(_views(principal).where(Namespace.id == namespace_id))).one()
    return NamespaceView(*row)


async def create(
    session: AsyncSession, principal: Principal, name: str, description: str | None, *, is_public: bool
) -> NamespaceView:
    """Create a namespace that the caller owns.

    Raises:
        ForbiddenError: the caller has a restricted token, which could not access the namespace.
    """
    if principal.is_narrowed:
        raise ForbiddenError("A restricted token can't create namespaces.")
    namespace = Namespace(user_id=principal.user_id, name=name, description=description, is_public=is_public)
    session.add(namespace)
    await session.flush()
    await record(
        session, "namespace.created", principal.user_id, namespace_id=namespace.id, is_public=is_public
    )
    return await get(session, principal, namespace.id)


async def change(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    *,
    name: str | msgspec.UnsetType,
    description: str | msgspec.UnsetType | None,
    is_public: bool | msgspec.UnsetType,
) -> NamespaceView:
    """Change a namespace. UNSET fields stay unchanged. Level 3."""
    namespace = await require_namespace(session, principal, namespace_id, ADMINISTER)
    if name is not msgspec.UNSET:
        namespace.name = name
    if description is not msgspec.UNSET:
        namespace.description = description
    if is_public is not msgspec.UNSET and is_public != namespace.is_public:
        namespace.is_public = is_public
        action: Action = "namespace.published" if is_public else "namespace.hidden"
        await record(session, action, principal.user_id, namespace_id=namespace_id)
    await session.flush()
    return await get(session, principal, namespace_id)


async def remove(session: AsyncSession, principal: Principal, namespace_id: int) -> None:
    """Delete a namespace with its vectors, members, chats and messages. Documents stay. Level 3."""
    await require_namespace(session, principal, namespace_id, ADMINISTER)
    await session.execute(delete(Namespace).where(Namespace.id == namespace_id))
    await _forget(session, [namespace_id])
    await record(session, "namespace.deleted", principal.user_id, namespace_id=namespace_id)


async def remove_all(session: AsyncSession, user_id: int) -> list[int]:
    """Delete all namespaces of a user, as `remove` does. Returns their ids."""
    gone = await session.scalars(
        delete(Namespace).where(Namespace.user_id == user_id).returning(Namespace.id)
    )
    namespace_ids = sorted(gone)
    await _forget(session, namespace_ids)
    return namespace_ids


async def transfer(session: AsyncSession, user_id: int, to: int) -> list[int]:
    """Transfer all namespaces of a user to another one. Returns their ids. Members and chats stay."""
    moved = await session.scalars(
        update(Namespace).where(Namespace.user_id == user_id).values(user_id=to).returning(Namespace.id)
    )
    return sorted(moved)


async def by_name(session: AsyncSession, principal: Principal, name: str) -> NamespaceView:
    """The readable namespace with this name or id.

    Raises:
        NotFoundError: there is none, or several; the message lists the ids.
    """
    matches = Namespace.name == name
    if name.isdecimal() and len(name) < 10:
        matches |= Namespace.id == int(name)
    rows = await session.execute(
        _views(principal).where(matches, Namespace.id.in_(readable_namespaces(principal)))
    )
    found = [NamespaceView(*row) for row in rows]
    if not found:
        raise NotFoundError(f"Namespace {name} not found, or you have no access to it.")
    if len(found) > 1:
        ids = ", ".join(str(namespace.id) for namespace in found)
        raise NotFoundError(f"Several namespaces have the name {name}. Use an id: {ids}.")
    return found[0]


async def _forget(session: AsyncSession, namespace_ids: list[int]) -> None:
    # A token without remaining namespaces keeps an empty list, which allows nothing. NULL would allow all.
    await session.execute(
        text(
            "UPDATE api_token SET namespace_ids = "
            "ARRAY(SELECT id FROM unnest(namespace_ids) id WHERE id <> ALL(:gone)) "
            "WHERE namespace_ids && :gone"
        ).bindparams(bindparam("gone", namespace_ids, type_=ARRAY(Integer)))
    )


def _views(principal: Principal) -> Select[int, str, str | None, bool, int, datetime, int, int, int]:
    in_namespace = NamespaceDoc.namespace_id == Namespace.id
    return select(
        Namespace.id,
        Namespace.name,
        Namespace.description,
        Namespace.is_public,
        Namespace.user_id,
        Namespace.created_at,
        namespace_level(principal),
        select(func.count()).select_from(NamespaceDoc).where(in_namespace).scalar_subquery(),
        # Counting vec_id reads one row per document, counting vectors one per chunk.
        select(func.coalesce(func.sum(func.cardinality(NamespaceDoc.vec_id)), 0))
        .where(in_namespace)
        .scalar_subquery(),
    )
