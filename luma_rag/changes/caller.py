"""What changes for one caller: their namespaces, documents, chats, and the members they manage.

The events identify only what has changed. Clients then fetch it with ordinary requests.
"""

import math
import time
from collections.abc import AsyncGenerator, Sequence

from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import (
    Principal,
    namespace_level,
    own_chats,
    readable_documents,
    readable_namespaces,
)
from luma_rag.access.principal import ADMINISTER
from luma_rag.changes.parts import MOST_REMEMBERED, Change, Concern, Reading
from luma_rag.db.models import Chat, Document, Namespace

# While many files are uploaded, their states change all the time.
_SECONDS_BETWEEN_DOCUMENTS = 1.0
# More chats than these change only together, such as those of a deleted namespace.
_MOST_CHATS = 20


class NamespacesChanged(Change, frozen=True):
    """The caller's list of namespaces has changed, apart from the numbers of documents."""


class DocumentsChanged(Change, frozen=True):
    """The documents that the caller can read have changed, or the state of one."""


class ChatChanged(Change, frozen=True):
    """A chat of the caller has changed, or a turn in it began or ended. None: any may have changed."""

    chat_id: int | None


class MembersChanged(Change, frozen=True):
    """The members of a namespace that the caller administers have changed. None: of any."""

    namespace_id: int | None


class CallerChanges:
    """A part of a stream: what has changed for a user since the stream began."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        self._namespaces: str | None = None  # their fingerprint
        self._must_compare = True
        self._documents: set[int] = set()  # that have changed, whoever may read them
        self._has_new_documents = False
        self._documents_sent_at = -math.inf
        self._chats: set[int | None] = set()
        self._members: set[int | None] = set()  # by namespace

    def note(self, kind: str, ids: Sequence[int]) -> Concern:
        """Remember what might concern the caller."""
        match kind, ids:
            case ("namespace" | "namespaces", _) | ("user", [self._user_id]):
                self._must_compare = True
                return Concern.RIGHTS
            case "member", [namespace_id, user_id]:
                self._members.add(namespace_id)
                self._must_compare |= user_id == self._user_id
                return Concern.RIGHTS
            case "documents", [] | [self._user_id]:
                self._has_new_documents = True
                return Concern.RIGHTS
            case "document", [doc_id]:
                self._documents.add(doc_id)
            case "chat", [chat_id, self._user_id]:
                self._chats.add(chat_id)
            case _:
                return Concern.NONE
        if max(len(self._documents), len(self._chats)) > MOST_REMEMBERED:
            self.note_gap()
        return Concern.CHANGE

    def note_gap(self) -> None:
        """Anything may have changed."""
        self._must_compare = self._has_new_documents = True
        self._documents.clear()
        self._chats, self._members = {None}, {None}

    def due(self) -> float:
        """Seconds until an event about changed documents may be sent."""
        if not self._documents and not self._has_new_documents:
            return math.inf
        return max(0.0, self._documents_sent_at + _SECONDS_BETWEEN_DOCUMENTS - time.monotonic())

    async def read(self, reading: Reading) -> AsyncGenerator[Sequence[Change]]:
        """Yield the events, each once."""
        if self._namespaces is None:
            self._forget()  # What changed before the stream began.
        async with reading() as (session, principal):
            found: list[Change] = []
            if await self._have_namespaces_changed(session, principal):
                found.append(NamespacesChanged())
            chats, self._chats = self._chats, set()
            found += [ChatChanged(chat_id) for chat_id in await _own(session, principal, chats)]
            members, self._members = self._members, set()
            found += [MembersChanged(each) for each in await _administered(session, principal, members)]
            if self.due() == 0 and await self._have_documents_changed(session, principal):
                found.append(DocumentsChanged())
                self._documents_sent_at = time.monotonic()
        yield found

    def _forget(self) -> None:
        self._has_new_documents = False
        for noted in (self._documents, self._chats, self._members):
            noted.clear()

    async def _have_namespaces_changed(self, session: AsyncSession, principal: Principal) -> bool:
        if not self._must_compare:
            return False
        self._must_compare = False
        before, self._namespaces = self._namespaces, await _fingerprint(session, principal)
        if before is None or before == self._namespaces:
            return False
        # With a namespace come its documents.
        self._has_new_documents = True
        return True

    async def _have_documents_changed(self, session: AsyncSession, principal: Principal) -> bool:
        changed, self._documents = self._documents, set()
        is_known, self._has_new_documents = self._has_new_documents, False
        if is_known or not changed:
            return is_known
        readable = select(Document.id).where(
            Document.id.in_(changed), Document.id.in_(readable_documents(principal))
        )
        return await session.scalar(readable.limit(1)) is not None


async def _fingerprint(session: AsyncSession, principal: Principal) -> str:
    row = func.jsonb_build_array(
        Namespace.id,
        Namespace.name,
        Namespace.description,
        Namespace.is_public,
        Namespace.user_id,
        namespace_level(principal),
    )
    rows = func.jsonb_agg(aggregate_order_by(row, Namespace.id))
    found = await session.scalar(
        select(func.coalesce(func.md5(cast(rows, Text)), "none")).where(
            Namespace.id.in_(readable_namespaces(principal))
        )
    )
    return str(found)


async def _own(session: AsyncSession, principal: Principal, chats: set[int | None]) -> list[int | None]:
    """Of chats of the user, those that the caller may know of. Some may have been deleted."""
    if None in chats or len(chats) > _MOST_CHATS:
        return [None]
    found: list[int | None]
    if not chats or principal.namespace_ids is None:
        found = [*sorted(filter(None, chats))]
        return found
    mine = select(Chat.id).where(Chat.id.in_(chats), Chat.id.in_(own_chats(principal))).order_by(Chat.id)
    found = [*await session.scalars(mine)]
    return found


async def _administered(
    session: AsyncSession, principal: Principal, namespace_ids: set[int | None]
) -> list[int | None]:
    if not namespace_ids or None in namespace_ids:
        return [None] if namespace_ids else []
    administered = select(Namespace.id).where(
        Namespace.id.in_(namespace_ids),
        Namespace.id.in_(readable_namespaces(principal)),
        namespace_level(principal) >= ADMINISTER,
    )
    found: list[int | None] = [*await session.scalars(administered.order_by(Namespace.id))]
    return found
