"""The rules, as SQL expressions and as selects of permitted ids.

Level in a namespace: 3 for administrators and the owner, else the granted level, else 1 if public. Permission
on a document: `own` for administrators and the owner, else the granted permission, else `read` if it is
public or in a readable namespace. A restricted token lowers every level to its maximum and can access only
its namespaces.

The caller enters a statement as bind parameters. Its SQL is therefore the same for all callers of a form, and
is built, compiled and planned once.
"""

from typing import Any, Literal

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    and_,
    any_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access.principal import ADMINISTER, READ, WRITE, Caller, CallerForm, Principal
from luma_rag.db.models import Chat, Document, DocUser, Namespace, NamespaceAuth, NamespaceDoc
from luma_rag.errors import ForbiddenError, NotFoundError

Permission = Literal["read", "write", "own"]
_CAN = {READ: "read", WRITE: "change the documents of", ADMINISTER: "manage"}
_LEVEL_OF_PERMISSION: dict[Permission, int] = {"read": READ, "write": WRITE, "own": ADMINISTER}


def namespace_level(principal: Caller) -> ColumnElement[int]:
    """The caller's effective level in the `Namespace` of the enclosing statement; 0 is none."""
    return func.least(
        case((_in_scope(principal), principal.max_level), else_=0), _level_of_user(principal), type_=Integer
    )


def readable_namespaces(principal: Caller) -> Select[int]:
    """Ids of the namespaces in which the caller has at least level 1."""
    return select(Namespace.id).where(_in_scope(principal), _reaches(principal))


def document_permission(principal: Caller) -> ColumnElement[str | None]:
    """The caller's permission on the `Document` of the enclosing statement; NULL is none.

    The API has `read` and `write`; owners and administrators have `write`.
    """
    return case(
        (_holds(principal, "write"), "write"),
        (_holds(principal, "read"), "read"),
        else_=None,
    )


def readable_documents(principal: Caller, permission: Permission = "read") -> Select[int]:
    """Ids of the documents on which the caller has at least `permission`."""
    return select(Document.id).where(_holds(principal, permission))


def own_chats(principal: Caller) -> Select[int]:
    """Ids of the caller's chats. Nobody else can read them, not even administrators."""
    mine = select(Chat.id).where(Chat.user_id == _user_id(principal))
    if _is_scoped(principal):
        mine = mine.where(Chat.namespace_id == any_(_namespace_ids(principal)))
    return mine


async def require_namespace(
    session: AsyncSession, principal: Principal, namespace_id: int, level: int = READ
) -> Namespace:
    """The namespace, if the caller has `level` there.

    Raises:
        NotFoundError: it does not exist or the caller can't see it.
        ForbiddenError: the caller's level is lower.
    """
    row = (
        await session.execute(
            select(Namespace, namespace_level(principal)).where(
                Namespace.id == namespace_id, Namespace.id.in_(readable_namespaces(principal))
            )
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError("This namespace does not exist, or you have no access to it.")
    namespace, actual = row
    if actual < level:
        raise ForbiddenError(
            f"You can {_CAN[actual]} this namespace, but not {_CAN[level]} it. Ask its owner, or somebody "
            "who manages it."
        )
    return namespace


async def require_document(
    session: AsyncSession, principal: Principal, doc_id: int, permission: Permission = "read"
) -> Document:
    """The document, if the caller has `permission` on it.

    Raises:
        NotFoundError: it does not exist or may not be seen.
        ForbiddenError: it may be seen, but not this.
    """
    row = (
        await session.execute(
            select(Document, _holds(principal, permission)).where(
                Document.id == doc_id, Document.id.in_(readable_documents(principal))
            )
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError("This document does not exist, or you have no access to it.")
    document, permitted = row
    if not permitted:
        who = "the owner and administrators" if permission == "own" else "users with write permission"
        raise ForbiddenError(f"Only {who} can change this document.")
    return document


async def require_chat(session: AsyncSession, principal: Principal, chat_id: int) -> Chat:
    """The caller's own chat.

    Raises:
        NotFoundError: it does not exist or belongs to another user.
    """
    chat = await session.scalar(select(Chat).where(Chat.id == chat_id, Chat.id.in_(own_chats(principal))))
    if chat is None:
        raise NotFoundError("This chat does not exist.")
    return chat


def _is_scoped(principal: Caller) -> bool:
    return principal.is_scoped if isinstance(principal, CallerForm) else principal.namespace_ids is not None


def _user_id(principal: Caller) -> ColumnElement[int]:
    return _parameter(principal, "caller_id", Integer)


def _namespace_ids(principal: Caller) -> ColumnElement[Any]:
    return _parameter(principal, "caller_namespace_ids", ARRAY(Integer))


def _parameter(principal: Caller, name: str, type_: Any) -> ColumnElement[Any]:
    """A bind parameter of `Principal.parameters`. For a form, its value is given at each execution."""
    if isinstance(principal, CallerForm):
        return bindparam(name, type_=type_)
    return bindparam(name, principal.parameters[name], type_=type_)


def _in_scope(principal: Caller) -> ColumnElement[bool]:
    if not _is_scoped(principal):
        return true()
    return Namespace.id == any_(_namespace_ids(principal))


def _granted_level(principal: Caller) -> ColumnElement[int]:
    granted = select(NamespaceAuth.auth_level).where(
        NamespaceAuth.namespace_id == Namespace.id, NamespaceAuth.user_id == _user_id(principal)
    )
    return granted.correlate(Namespace).scalar_subquery()


def _level_of_user(principal: Caller) -> ColumnElement[int]:
    if principal.role == "admin":
        return literal(ADMINISTER, Integer)
    return func.greatest(
        case((Namespace.user_id == _user_id(principal), ADMINISTER), else_=0),
        func.coalesce(_granted_level(principal), 0),
        case((Namespace.is_public, READ), else_=0),
        type_=Integer,
    )


def _reaches(principal: Caller) -> ColumnElement[bool]:
    """At least level 1. Equivalent to comparing levels, but each condition can use an index."""
    if principal.role == "admin":
        return true()
    # Every granted level is at least 1.
    members = select(NamespaceAuth.namespace_id).where(NamespaceAuth.user_id == _user_id(principal))
    return or_(
        Namespace.user_id == _user_id(principal), Namespace.id.in_(members), Namespace.is_public.is_(true())
    )


def _holds(principal: Caller, permission: Permission) -> ColumnElement[bool]:
    if principal.max_level < _LEVEL_OF_PERMISSION[permission]:
        return false()
    in_namespaces = exists().where(
        NamespaceDoc.doc_id == Document.id, NamespaceDoc.namespace_id.in_(readable_namespaces(principal))
    )
    ways: list[ColumnElement[bool]] = []
    if principal.role == "admin":
        ways.append(true())
    ways.append(Document.user_id == _user_id(principal))
    if permission != "own":
        enough = ("write",) if permission == "write" else ("read", "write")
        ways.append(
            exists().where(
                DocUser.doc_id == Document.id,
                DocUser.user_id == _user_id(principal),
                DocUser.permission.in_(enough),
            )
        )
    if permission == "read":
        ways += [Document.is_public.is_(true()), in_namespaces]
    # A token for some namespaces can access only the documents in them.
    within = in_namespaces if _is_scoped(principal) else true()
    return and_(within, or_(*ways))
