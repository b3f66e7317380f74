"""Rate limits on expensive requests, per user. They apply before the body is read."""

import hashlib
from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from luma_rag.access import Principal
from luma_rag.accounts.sign_in import network
from luma_rag.rate_limits import Limit, MemoryLimits
from luma_rag.settings import LimitsSettings

Work = Literal["searches", "questions", "uploads", "providers"]
# How long unused permits accumulate: scripts work in bursts.
_SAVED_MINUTES = 10
# Each step of a sign-in may send requests to the provider. Many users may share an address.
_PROVIDERS = Limit(count=100, seconds=300)


class WorkLimits:
    """The limits of each user in this process."""

    def __init__(self, settings: LimitsSettings) -> None:
        per_minute: dict[Work, int] = {
            "searches": settings.searches_per_minute,
            "questions": settings.questions_per_minute,
            "uploads": settings.uploads_per_minute,
        }
        self._limits = {
            work: MemoryLimits(Limit(count * _SAVED_MINUTES, 60 * _SAVED_MINUTES))
            for work, count in per_minute.items()
            if count > 0
        }
        self._limits["providers"] = MemoryLimits(_PROVIDERS)

    def acquire(self, work: Work, key: int, permits: int = 1) -> None:
        """Take permits of a user, by id, or of an address, by hash.

        Raises:
            RateLimitedError: there are not enough permits.
        """
        if work in self._limits:
            self._limits[work].acquire(key, permits=permits)


def limited(work: Work) -> dict[str, Work]:
    """The `opt` of a route with this limit. `providers` is counted by address, the others by user."""
    return {"limited": work}


async def acquire_permit(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard: each request to a `limited` route takes a permit.

    It never awaits but is a coroutine, since Litestar calls functions in threads, which takes as long as a
    statement.

    Raises:
        RateLimitedError: there is no permit.
    """
    work: Work | None = handler.opt.get("limited")
    if work is not None:
        key = _key_of_address(connection) if work == "providers" else connection.user.user_id
        limits_of(connection).acquire(work, key)


def limits_of(connection: ASGIConnection[Any, Any, Any, Any]) -> WorkLimits:
    """The limits of this process."""
    limits: WorkLimits = connection.app.state.limits
    return limits


def _key_of_address(connection: ASGIConnection[Any, Any, Any, Any]) -> int:
    address = network(connection.client.host if connection.client else None)
    return int.from_bytes(hashlib.sha256(address.encode()).digest()[:16])
