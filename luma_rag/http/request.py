"""Parsing of bodies."""

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
    """A request that requires the content type of JSON, and decodes it strictly: `"5"` is not a number."""

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            TooSlowError: it did not arrive within `bodies.WHOLE_SECONDS`.
        """
        try:
            async with asyncio.timeout(bodies.WHOLE_SECONDS):
                return await super().body()
        except TimeoutError:
            raise TooSlowError(
                f"Timeout: the body took longer than {bodies.WHOLE_SECONDS:.0f} s. Send the request again."
            ) from None

    async def json(self) -> Any:
        """The body, decoded as the type of the handler's `data`.

        Raises:
            UnsupportedTypeError: the content type is missing or different. Another site can send such
                requests without a preflight, and so sign in its visitor as another user.
            MalformedRequestError: the body is not JSON.
            InvalidInputError: it is JSON but has invalid values.
        """
        body = await self.body()
        kind, _ = self.content_type
        if kind != "application/json" and body:
            raise UnsupportedTypeError(
                "Unsupported content type. Send JSON with Content-Type: application/json."
            )
        data = self.route_handler.parsed_data_field
        try:
            # Litestar would convert strings to numbers.
            return _decoder(Any if data is None else data.annotation).decode(body or b"null")
        except msgspec.ValidationError as error:
            raise InvalidInputError("The body is invalid.", errors=[body_error(error)]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise MalformedRequestError("Invalid JSON: truncated, not UTF-8, or nested too deeply.") from None


@lru_cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
