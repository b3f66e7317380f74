"""Limits on what costs this process work, per user. Refused before the body of the request is read."""

from typing import Any, Literal

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from luma_rag.access import Principal
from luma_rag.rate_limits import Limit, MemoryLimits
from luma_rag.settings import LimitsSettings

Work = Literal["searches", "questions", "uploads"]
# How long a user may save up what they don't use: scripts work in bursts.
_SAVED_MINUTES = 10


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

    def take(self, work: Work, user_id: int) -> None:
        """Take a permit.

        Raises:
            RateLimitedError: there is none for now.
        """
        if work in self._limits:
            self._limits[work].take(user_id)


def limited(work: Work) -> dict[str, Work]:
    """The `opt` of a route that does such work."""
    return {"limited": work}


def take_permit(connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard for all routes: of those that are `limited`, each request takes a permit.

    Raises:
        RateLimitedError: there is none for now.
    """
    work: Work | None = handler.opt.get("limited")
    if work is not None:
        limits: WorkLimits = connection.app.state.limits
        limits.take(work, connection.user.user_id)
