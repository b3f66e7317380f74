"""The caller's own account: its state, usage, and quotas."""

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal
from luma_rag.access.principal import RequiredAction
from luma_rag.accounts import users
from luma_rag.documents import quotas
from luma_rag.errors import ForbiddenError
from luma_rag.settings import QuotaSettings


class OwnAccount(msgspec.Struct, frozen=True):
    """The state of the caller's account.

    In a session, they must do `required_action` before anything else. `documents` and `bytes` are their
    usage, `max_documents` and `max_bytes` their quotas, if any.
    """

    has_second_factor: bool
    required_action: RequiredAction | None
    documents: int
    bytes: int
    max_documents: int | None
    max_bytes: int | None


async def read(session: AsyncSession, principal: Principal, limits: QuotaSettings) -> OwnAccount:
    """The state of the caller's account.

    Raises:
        ForbiddenError: the caller has a restricted token, which must not count what lies beyond its reach.
    """
    if principal.is_narrowed:
        raise ForbiddenError("A restricted token can't see the state of the account. Sign in to see it.")
    account = await users.get_account(session, principal.user_id)
    usage = await quotas.usage_of_user(session, principal.user_id)
    return OwnAccount(
        account.has_second_factor,
        principal.required_action,
        usage.documents,
        usage.bytes,
        max_documents=limits.user_documents or None,
        max_bytes=limits.user_mb * 2**20 or None,
    )
