"""Namespaces: sets of documents that are searched together."""

import itertools
from datetime import datetime

import msgspec
from sqlalchemy import ARRAY, Integer, Select, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, namespace_level, readable_namespaces, require_namespace
from luma_rag.access.principal import ADMINISTER
from luma_rag.audit import Action, record
from luma_rag.db.errors import violated_constraint
from luma_rag.db.models import Namespace, NamespaceDoc
from luma_rag.errors import ConflictError, ForbiddenError, NotFoundError
from luma_rag.pagination import Page, Pagination

MAX_NAME = 255


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
    """Create a namespace that belongs to the caller.

    Raises:
        ConflictError: the caller owns a namespace with this name.
        ForbiddenError: the caller has a restricted token, which could not access the namespace.
    """
    namespace_id = await _insert(session, principal, name, description, is_public=is_public)
    if namespace_id is None:
        raise _name_taken(name)
    return await get(session, principal, namespace_id)


async def get_or_create(
    session: AsyncSession,
    principal: Principal,
    name: str,
    description: str | None = None,
    *,
    is_public: bool = False,
) -> tuple[NamespaceView, bool]:
    """The caller's own namespace of this name, and whether it was created by this call.

    An existing namespace keeps its description and visibility. Concurrent calls get the same namespace.

    Raises:
        ConflictError: another request deleted the namespace during this call.
        ForbiddenError: a restricted token can access none of this name, and can't create one.
    """
    own = select(Namespace.id).where(
        Namespace.user_id == principal.user_id,
        Namespace.name == name,
        Namespace.id.in_(readable_namespaces(principal)),
    )
    existing_id = await session.scalar(own)
    if existing_id is None:
        created_id = await _insert(session, principal, name, description, is_public=is_public)
        if created_id is not None:
            return await get(session, principal, created_id), True
        existing_id = await session.scalar(own)
    if existing_id is None:
        raise ConflictError(f"The namespace “{name}” was deleted at the same moment. Try again.")
    return await get(session, principal, existing_id), False


async def _insert(
    session: AsyncSession, principal: Principal, name: str, description: str | None, *, is_public: bool
) -> int | None:
    """The id of a new namespace, or None if the caller owns one with this name."""
    if principal.is_narrowed:
        raise ForbiddenError("A restricted token can't create namespaces.")
    namespace_id = await session.scalar(
        insert(Namespace)
        .values(user_id=principal.user_id, name=name, description=description, is_public=is_public)
        .on_conflict_do_nothing(index_elements=[Namespace.user_id, Namespace.name])
        .returning(Namespace.id)
    )
    if namespace_id is not None:
        await record(
            session, "namespace.created", principal.user_id, namespace_id=namespace_id, is_public=is_public
        )
    return namespace_id


async def change(
    session: AsyncSession,
    principal: Principal,
    namespace_id: int,
    *,
    name: str | msgspec.UnsetType,
    description: str | msgspec.UnsetType | None,
    is_public: bool | msgspec.UnsetType,
) -> NamespaceView:
    """Rename, describe, publish or hide a namespace; UNSET fields stay unchanged. Level 3.

    Raises:
        ConflictError: its owner has another namespace with the new name.
    """
    namespace = await require_namespace(session, principal, namespace_id, ADMINISTER)
    owner_id = namespace.user_id
    if name is not msgspec.UNSET:
        namespace.name = name
    # After a failed flush the attributes can't be read.
    namespace_name = namespace.name
    if description is not msgspec.UNSET:
        namespace.description = description
    if is_public is not msgspec.UNSET and is_public != namespace.is_public:
        namespace.is_public = is_public
        action: Action = "namespace.published" if is_public else "namespace.hidden"
        await record(session, action, principal.user_id, namespace_id=namespace_id)
    try:
        await session.flush()
    except IntegrityError as error:
        if violated_constraint(error) != "uq_namespace_user_id_name":
            raise
        raise _name_taken(namespace_name, owned=owner_id == principal.user_id) from None
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
    """Transfer all namespaces of a user to another one. Returns their ids. Members and chats stay.

    A name that the new owner uses already gets a number.
    """
    used = set(await session.scalars(select(Namespace.name).where(Namespace.user_id == to)))
    rows = await session.execute(
        select(Namespace.id, Namespace.name).where(Namespace.user_id == user_id).order_by(Namespace.id)
    )
    names_by_id = dict(iter(rows))
    taken = used | set(names_by_id.values())
    for namespace_id, name in names_by_id.items():
        free = _free_name(name, taken) if name in used else name
        taken.add(free)
        await session.execute(
            update(Namespace).where(Namespace.id == namespace_id).values(user_id=to, name=free)
        )
    return sorted(names_by_id)


def _free_name(name: str, taken: set[str]) -> str:
    for number in itertools.count(2):
        suffix = f" ({number})"
        candidate = name[: MAX_NAME - len(suffix)] + suffix
        if candidate not in taken:
            return candidate
    raise AssertionError  # pragma: no cover - the loop has no end


def _name_taken(name: str, *, owned: bool = True) -> ConflictError:
    owner = "You already have" if owned else "Its owner already has"
    return ConflictError(f"{owner} a namespace named “{name}”.")


async def by_name(session: AsyncSession, principal: Principal, name: str) -> NamespaceView:
    """The readable namespace with this name, or with this id. The caller's own namespaces come first.

    Raises:
        ConflictError: several namespaces of other owners have this name; the message lists the ids.
        NotFoundError: there is none.
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
    own = [view for view in found if view.name == name and view.user_id == principal.user_id]
    if own:
        return own[0]
    if len(found) > 1:
        ids = ", ".join(str(view.id) for view in found)
        raise ConflictError(f"Several namespaces have the name {name}. Use an id: {ids}.")
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
