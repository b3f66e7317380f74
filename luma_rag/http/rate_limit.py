"""Limits on what costs this process work, per user. Refused before the body of the request is read."""

import hashlib
from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from luma_rag.access import Principal
from luma_rag.accounts.sign_in import network
from luma_rag.rate_limits import Limit, MemoryLimits
from luma_rag.settings import LimitsSettings

Work = Literal["searches", "questions", "uploads", "providers"]
# How long a user may save up what they don't use: scripts work in bursts.
_SAVED_MINUTES = 10
# Each step of a sign-in by a provider may ask that provider. Many people may share an address.
_PROVIDERS = Limit(count=100, seconds=300)


class WorkLimits:
    """What each user may still ask of this process."""

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
        """Take permits of the user with the id `key`, or of the address that it stands for.

        Raises:
            RateLimitedError: they are not there for now.
        """
        if work in self._limits:
            self._limits[work].acquire(key, permits=permits)


def limited(work: Work) -> dict[str, Work]:
    """The `opt` of a route that does such work: `providers` is counted by address, all else by user."""
    return {"limited": work}


async def acquire_permit(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard for all routes: of those that are `limited`, each request takes a permit.

    Asynchronous only in name: Litestar calls others in threads, which takes as long as a statement does.

    Raises:
        RateLimitedError: there is none for now.
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
