"""How long a request may take to send its body."""

import asyncio

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send

from luma_rag.errors import TooSlowError

# Between two pieces: a large upload over a thin line may take hours, but never stands still this long.
PAUSE_SECONDS = 60.0
# For a body that is read as a whole, which is small: all of them but uploads.
WHOLE_SECONDS = 120.0


class BodyTimeout:
    """Ends a request whose body stops coming, so that it holds nothing for ever.

    Raises:
        TooSlowError: in whoever reads the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        is_complete = False

        async def receive_soon() -> ReceiveMessage:
            nonlocal is_complete
            if is_complete:
                # What comes now is that the client leaves, which may take as long as the answer.
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
