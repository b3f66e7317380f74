"""Requests to an OpenID provider, with limits on time and size, and its metadata.

The metadata is that of OpenID Connect Discovery 1.0 (https://openid.net/specs/openid-connect-discovery-1_0.html).
"""

import asyncio
import ipaddress
import time
from typing import Any, TypeVar

import httpx
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from luma_rag.accounts.external_identities import ProviderUnavailableError

_CONNECT_SECONDS = 3.0
_TOTAL_SECONDS = 8.0
_CACHE_SECONDS = 3600.0
_RETRY_SECONDS = 30
_BODY_LIMIT = 2**20
# Not "oct": a symmetric key, which all clients know.
_KEY_TYPES = ("RSA", "EC")

T = TypeVar("T")


class Description(msgspec.Struct, frozen=True):
    """The endpoints of a provider and its methods of client authentication."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class ProviderServer:
    """The server of a provider. Its metadata is fetched on first use and cached for an hour.

    Each request raises `ProviderUnavailableError` if there is no response or an invalid one.
    """

    def __init__(self, issuer: str, name: str) -> None:
        self._issuer = issuer
        self._name = name
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(_TOTAL_SECONDS, connect=_CONNECT_SECONDS))
        self._known: tuple[float, Description] | None = None
        self._keys: KeySet | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def description(self) -> Description:
        """The metadata of the provider."""
        if self._known and time.monotonic() - self._known[0] < _CACHE_SECONDS:
            return self._known[1]
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        status, answer = await self.ask("GET", url)
        description = self.decoded(answer, Description, status)
        if description.issuer != self._issuer:
            raise self.unavailable(
                f"its issuer is {quoted(description.issuer)}; set LUMA_OPENID_ISSUER to exactly that"
            )
        endpoints = (
            description.authorization_endpoint,
            description.token_endpoint,
            description.jwks_uri,
            description.userinfo_endpoint or self._issuer,
        )
        if not all(map(is_safe, endpoints)):
            raise self.unavailable("one of its endpoints is not https")
        self._known = (time.monotonic(), description)
        self._keys = None
        return description

    async def keys(self, *, renewed: bool = False) -> KeySet:
        """The signing keys of the provider; `renewed` fetches them again."""
        description = await self.description()
        if self._keys is None or renewed:
            status, answer = await self.ask("GET", description.jwks_uri)
            keys = self.decoded(answer, _Keys, status).keys
            try:
                self._keys = KeySet.import_key_set({"keys": [k for k in keys if k.get("kty") in _KEY_TYPES]})
            except (JoseError, ValueError, TypeError, KeyError):
                raise self.unavailable("its keys are invalid") from None
        return self._keys

    async def ask(self, method: str, url: str, **options: Any) -> tuple[int, bytes]:
        """The status and the body of a response. Redirects are not followed."""
        body = b""
        try:
            async with (
                asyncio.timeout(_TOTAL_SECONDS),
                self._client.stream(method, url, **options) as response,
            ):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _BODY_LIMIT:
                        raise self.unavailable("its response is too large")
                return response.status_code, body
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise self.unavailable(f"connection failed: {type(error).__name__}") from error

    def decoded(self, body: bytes, kind: type[T], status: int = httpx.codes.OK) -> T:
        """The decoded JSON of a successful response."""
        if status != httpx.codes.OK:
            raise self.unavailable(f"it returned status {status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self.unavailable("its response is invalid") from None

    def unavailable(self, reason: str) -> ProviderUnavailableError:
        """The error to raise. `reason` is for the operator."""
        error = ProviderUnavailableError(
            f"{self._name} is unavailable ({reason}). Retry later, or sign in with a password.",
            retry_after=_RETRY_SECONDS,
        )
        error.public_detail = (
            f"{self._name} is unavailable. Retry later, or sign in with a password. If the error persists, "
            "contact the operator."
        )
        return error


def is_safe(url: str) -> bool:
    """Whether the connection can't be intercepted: https, or a loopback address."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if parsed.scheme == "http":
        return _is_loopback(parsed.host)
    return parsed.scheme == "https" and bool(parsed.host)


def quoted(text: str) -> str:
    """A text from the provider, shortened to one line."""
    return repr("".join(character for character in text[:80] if character.isprintable()))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
