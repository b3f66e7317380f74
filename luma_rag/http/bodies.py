"""Timeouts for the bodies of requests."""

import asyncio

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send

from luma_rag.errors import TooSlowError

# Between two chunks. A large upload over a slow connection may take hours but never pauses this long.
PAUSE_SECONDS = 60.0
# For a body that is read as a whole: all but uploads.
WHOLE_SECONDS = 120.0


class BodyTimeout:
    """Ends a request whose body stops arriving, so that it doesn't hold resources forever.

    Raises:
        TooSlowError: to the reader of the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        is_complete = False

        async def receive_soon() -> ReceiveMessage:
            nonlocal is_complete
            if is_complete:
                # The next message is the disconnect, which may take as long as the response.
                return await receive()
            try:
                async with asyncio.timeout(PAUSE_SECONDS):
                    message = await receive()
            except TimeoutError:
                raise TooSlowError(
                    f"Timeout: no data received for {PAUSE_SECONDS:.0f} s. Send the request again."
                ) from None
            is_complete = not message.get("more_body", False)
            return message

        await self._app(scope, receive_soon if scope["type"] == ScopeType.HTTP else receive, send)
