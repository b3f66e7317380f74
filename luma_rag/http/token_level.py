"""Tokens of level 1 read and ask. They change and delete nothing, not even what belongs to their user."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from luma_rag.access import Principal
from luma_rag.access.principal import WRITE
from luma_rag.errors import ForbiddenError
from luma_rag.http.authentication import SAFE_METHODS

ASKING = {"asking": True}
"""The `opt` of a route that only reads or asks, although its method is unsafe."""


async def require_level_to_change(
    connection: ASGIConnection[Any, Principal, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard: requests that may change something need level 2, unless their route is `ASKING`.

    It is a coroutine because Litestar would call a function in a thread.

    Raises:
        ForbiddenError: the token has level 1. The answer is the same for all resources, visible or not.
    """
    is_safe = connection.scope.get("method") in SAFE_METHODS or "asking" in handler.opt
    if not is_safe and "public" not in handler.opt and connection.user.max_level < WRITE:
        raise ForbiddenError("This token has level 1: it reads and asks, but changes and deletes nothing.")
