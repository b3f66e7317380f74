"""How bodies are read."""

from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import ClientException

from luma_rag.access import Principal
from luma_rag.errors import UnsupportedTypeError


class LumaRequest(Request[Principal, Any, State]):
    """A request whose JSON must be called JSON."""

    async def json(self) -> Any:
        """The decoded body.

        Raises:
            UnsupportedTypeError: the body is of another type, or of none. Those another site can send without
                asking, and so sign its visitor in as somebody else.
            ClientException: the body is no JSON.
        """
        kind, _ = self.content_type
        if kind != "application/json" and await self.body():
            raise UnsupportedTypeError("Send the body as JSON, with Content-Type: application/json.")
        try:
            return await super().json()
        except (UnicodeDecodeError, RecursionError):
            # The decoder raises these beside its own error.
            raise ClientException("The body is not JSON: no UTF-8, or nested too deeply.") from None
