"""How bodies are read."""

import asyncio
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from luma_rag.access import Principal
from luma_rag.errors import InvalidInputError, MalformedRequestError, TooSlowError, UnsupportedTypeError
from luma_rag.http import bodies
from luma_rag.http.validation import body_error


class LumaRequest(Request[Principal, Any, State]):
    """A request whose JSON must be called JSON, and is taken as it is: `"5"` is no number."""

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            TooSlowError: it did not come within `bodies.WHOLE_SECONDS`.
        """
        try:
            async with asyncio.timeout(bodies.WHOLE_SECONDS):
                return await super().body()
        except TimeoutError:
            raise TooSlowError(
                f"Timeout: the body took longer than {bodies.WHOLE_SECONDS:.0f} s. Send the request again."
            ) from None

    async def json(self) -> Any:
        """The body, as the type that the handler's `data` has.

        Raises:
            UnsupportedTypeError: the body is of another type, or of none. Those another site can send without
                asking, and so sign its visitor in as somebody else.
            MalformedRequestError: the body is not JSON.
            InvalidInputError: it is JSON of another type.
        """
        body = await self.body()
        kind, _ = self.content_type
        if kind != "application/json" and body:
            raise UnsupportedTypeError(
                "Unsupported content type. Send JSON with Content-Type: application/json."
            )
        data = self.route_handler.parsed_data_field
        try:
            # Litestar would decode it to anything first, and then turn text into numbers where it can.
            return _decoder(Any if data is None else data.annotation).decode(body or b"null")
        except msgspec.ValidationError as error:
            raise InvalidInputError("The body is invalid.", errors=[body_error(error)]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise MalformedRequestError("Invalid JSON: truncated, not UTF-8, or nested too deeply.") from None


@lru_cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
