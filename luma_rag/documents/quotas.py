"""Quotas of documents and bytes, for users and namespaces.

The same bytes uploaded twice are one document of their owner, and count once. A namespace counts its
documents, including those whose ingestion is queued, running, or failed. Lowering a quota removes nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import BigInteger, ColumnElement, CompoundSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, readable_namespaces
from luma_rag.db.models import Document, Ingestion, Namespace, NamespaceDoc, User
from luma_rag.errors import QuotaExceededError
from luma_rag.settings import QuotaSettings

_MB = 2**20
NONE = QuotaSettings()
_LARGER = "The new version is larger by"


class Usage(msgspec.Struct, frozen=True):
    """Documents and their bytes."""

    documents: int
    bytes: int


async def usage_of_user(session: AsyncSession, user_id: int) -> Usage:
    """What a user owns."""
    return await _usage(session, Document.user_id == user_id)


async def require_room_of_user(session: AsyncSession, quotas: QuotaSettings, user_id: int, size: int) -> None:
    """Require room for a new document of a user. Others wait for the end of the transaction.

    Raises:
        QuotaExceededError: there is none.
    """
    if quotas.user_documents or quotas.user_mb:
        # Not against the key: other rows may refer to the user meanwhile.
        await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
        usage = await usage_of_user(session, user_id)
        _require_room("You", usage, size, quotas.user_documents, quotas.user_mb)


async def require_room_for_growth(
    session: AsyncSession, principal: Principal, quotas: QuotaSettings, document: Document, growth: int
) -> None:
    """Require room for `growth` more bytes of a document, of its owner and in its namespaces.

    The error tells the caller no more of these than they can see anyway.

    Raises:
        QuotaExceededError: there is none.
    """
    if growth <= 0:
        return
    if quotas.user_mb:
        locked = select(User.id).where(User.id == document.user_id).with_for_update(key_share=True)
        await session.execute(locked)
        usage = await usage_of_user(session, document.user_id)
        with _kept_from(document.user_id != principal.user_id, "Its owner has no room for a larger file."):
            _require_room("You", usage, growth, 0, quotas.user_mb, _LARGER)
    if quotas.namespace_mb:
        holding = select(Ingestion.namespace_id).where(Ingestion.doc_id == document.id)
        can_read = Namespace.id.in_(readable_namespaces(principal))
        namespaces = select(Namespace.id, Namespace.name, can_read).where(Namespace.id.in_(holding))
        locking = namespaces.order_by(Namespace.id).with_for_update(key_share=True)
        for namespace_id, name, is_readable in (await session.execute(locking)).all():
            usage = await _usage(session, Document.id.in_(_inside(namespace_id)))
            with _kept_from(not is_readable, "A namespace that has it has no room for a larger file."):
                _require_room(f"The namespace “{name}”", usage, growth, 0, quotas.namespace_mb, _LARGER)


async def require_room_in_namespaces(
    session: AsyncSession, quotas: QuotaSettings, namespace_ids: Sequence[int], doc_id: int | None, size: int
) -> None:
    """Require room for a document in each namespace that doesn't have it. `doc_id` is None for a new one.

    Other documents wait for the end of the transaction.

    Raises:
        QuotaExceededError: there is none.
    """
    if not (quotas.namespace_documents or quotas.namespace_mb):
        return
    # In the same order everywhere, against deadlocks.
    for namespace_id in sorted(set(namespace_ids)):
        locked = select(Namespace.name).where(Namespace.id == namespace_id).with_for_update(key_share=True)
        name = await session.scalar(locked)
        inside = Document.id.in_(_inside(namespace_id))
        if doc_id is not None and await session.scalar(
            select(Document.id).where(Document.id == doc_id, inside)
        ):
            continue
        usage = await _usage(session, inside)
        _require_room(f"The namespace “{name}”", usage, size, quotas.namespace_documents, quotas.namespace_mb)


def require_room_for_body(quotas: QuotaSettings, body_bytes: int, form_bytes: int) -> None:
    """Require that an upload can fit at all, before its body is read.

    What the user owns does not matter here: the file may be one of theirs already. `form_bytes` is the room
    for the rest of the form.

    Raises:
        QuotaExceededError: the file alone exceeds the quota.
    """
    if quotas.user_mb and body_bytes - form_bytes > quotas.user_mb * _MB:
        raise QuotaExceededError(f"The file is larger than your whole quota of {quotas.user_mb} MB.")


def _inside(namespace_id: int) -> CompoundSelect[int]:
    """The ids of the documents of a namespace, those to come included."""
    held = select(NamespaceDoc.doc_id).where(NamespaceDoc.namespace_id == namespace_id)
    return held.union(select(Ingestion.doc_id).where(Ingestion.namespace_id == namespace_id))


async def _usage(session: AsyncSession, which: ColumnElement[bool]) -> Usage:
    size = Document.file_metadata["size"].as_string().cast(BigInteger)
    row = await session.execute(select(func.count(), func.coalesce(func.sum(size), 0)).where(which))
    documents, size_bytes = row.one()
    return Usage(documents, int(size_bytes))


@contextmanager
def _kept_from(is_hidden: bool, instead: str) -> Iterator[None]:
    try:
        yield
    except QuotaExceededError:
        if is_hidden:
            raise QuotaExceededError(instead) from None
        raise


def _require_room(
    who: str, usage: Usage, size: int, max_documents: int, max_mb: int, what: str = "The file has"
) -> None:
    has = "have" if who == "You" else "has"
    fix = "Delete documents that are no longer needed, or ask an administrator for a larger quota."
    if max_documents and usage.documents >= max_documents:
        raise QuotaExceededError(f"{who} {has} {usage.documents} of {max_documents} documents. {fix}")
    if max_mb and usage.bytes + size > max_mb * _MB:
        raise QuotaExceededError(
            f"{what} {size / _MB:.1f} MB, and {who[0].lower()}{who[1:]} {has} "
            f"{usage.bytes / _MB:.1f} of {max_mb} MB. {fix}"
        )
