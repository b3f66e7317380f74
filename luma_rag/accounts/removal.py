"""Removal of an account, with a transfer or removal of everything it owns."""

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag import namespaces
from luma_rag.access import grants, placements
from luma_rag.accounts.account_status import is_enabled, keep_an_admin, lock_accounts
from luma_rag.accounts.users import find
from luma_rag.audit import record, set_actor
from luma_rag.db.models import Chat, Document, Namespace, NamespaceDoc, User
from luma_rag.documents import ownership_transfer
from luma_rag.errors import ConflictError, FieldError, InvalidInputError


class OwnedResources(msgspec.Struct, frozen=True):
    """Numbers of resources that depend on an account.

    `namespaces`, `documents` and `chats` belong to the account. `others_chats` are chats of other users in
    its namespaces, and `elsewhere` counts placements of its documents in namespaces of other users.
    """

    namespaces: int
    documents: int
    chats: int
    others_chats: int
    elsewhere: int


async def owned_resources(session: AsyncSession, user_id: int) -> OwnedResources:
    """Count the resources of a user, and those that depend on them."""
    own_namespaces = select(Namespace.id).where(Namespace.user_id == user_id)
    own_documents = select(Document.id).where(Document.user_id == user_id)
    counts = (
        select(func.count()).select_from(Namespace).where(Namespace.user_id == user_id),
        select(func.count()).select_from(Document).where(Document.user_id == user_id),
        select(func.count()).select_from(Chat).where(Chat.user_id == user_id),
        select(func.count())
        .select_from(Chat)
        .where(Chat.user_id != user_id, Chat.namespace_id.in_(own_namespaces)),
        select(func.count())
        .select_from(NamespaceDoc)
        .where(NamespaceDoc.doc_id.in_(own_documents), NamespaceDoc.namespace_id.not_in(own_namespaces)),
    )
    row = await session.execute(select(*(count.scalar_subquery() for count in counts)))
    return OwnedResources(*row.one())


async def remove(
    session: AsyncSession,
    user_id: int,
    *,
    hand_to: int | None = None,
    with_contents: bool = False,
    actor_id: int | None = None,
) -> list[str]:
    """Remove a user with their chats, sessions and tokens.

    Returns the paths of stored files to remove after the commit.

    The namespaces and documents of the user are transferred to the user `hand_to`, or removed
    `with_contents`. Documents of other users in removed namespaces stay. Documents that this user added to
    namespaces of others leave them, unless `hand_to` may have them there.

    Raises:
        ConflictError: the user owns something and neither option is set, or is the last administrator.
        InvalidInputError: both options are set, or `hand_to` is not an enabled user.
    """
    if hand_to is not None and with_contents:
        raise InvalidInputError("Use either hand_to or contents=remove, not both.")
    await lock_accounts(session)
    user = await find(session, user_id)
    await keep_an_admin(session, user_id)
    if hand_to is not None:
        await _require_new_owner(session, user_id, hand_to)
    # From here on the user can't get new resources: they would need a lock on this row.
    await session.execute(
        select(User.id).where(User.id.in_([user_id, hand_to])).order_by(User.id).with_for_update()
    )
    await set_actor(session, actor_id)
    files: list[str] = []
    about: dict[str, list[int]] = {}
    if hand_to is not None:
        await placements.hand_over(session, user_id, hand_to)
        doc_ids, files = await ownership_transfer.transfer(session, user_id, hand_to, actor_id=actor_id)
        about = {"documents": doc_ids, "namespaces": await namespaces.transfer(session, user_id, hand_to)}
        await grants.drop_of_owner(session, hand_to)
        await placements.end_without_right(session, hand_to)
        await record(session, "account.handed-over", actor_id, user_id=user_id, to=hand_to, **about)
        about = {}
    elif with_contents:
        doc_ids, files = await ownership_transfer.remove_all(session, user_id)
        about = {"documents": doc_ids, "namespaces": await namespaces.remove_all(session, user_id)}
    else:
        await _require_nothing(session, user)
    # Before the row is deleted, since users who remove themselves are the actor.
    await record(session, "account.removed", actor_id, user_id=user_id, role=user.role, **about)
    await session.delete(user)
    await session.flush()
    return files


async def _require_new_owner(session: AsyncSession, user_id: int, hand_to: int) -> None:
    new_owner = await session.scalar(
        select(User.id).where(User.id == hand_to, User.id != user_id, is_enabled())
    )
    if new_owner is None:
        message = "must be another user with an enabled account"
        raise InvalidInputError(f"The new owner {message}.", errors=[FieldError("hand_to", message)])


async def _require_nothing(session: AsyncSession, user: User) -> None:
    owned = await owned_resources(session, user.id)
    if owned.namespaces or owned.documents:
        raise ConflictError(
            f"{user.username} owns {owned.namespaces} namespaces and {owned.documents} documents. Transfer "
            "them with ?hand_to=USER_ID, or remove them with ?contents=remove."
        )
