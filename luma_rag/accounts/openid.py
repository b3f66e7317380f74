"""Sign-in with an OpenID provider.

The authorization code flow of OpenID Connect Core 1.0 (https://openid.net/specs/openid-connect-core-1_0.html)
with PKCE (RFC 7636). authlib builds the requests and validates the claims of the ID token, joserfc verifies
its signature. authlib's HTTP client is not used, since it needs httpx2 besides httpx. Importing both takes
0.2 s, so this module is imported only if a provider is configured.
"""

import hashlib
import hmac
import logging
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.client import DEFAULT_HEADERS
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from luma_rag.accounts.external_identities import (
    Identity,
    IdentityRefusedError,
    SignInCancelledError,
    SignInStaleError,
)
from luma_rag.accounts.openid_server import Description, ProviderServer, is_safe, quoted
from luma_rag.db.base import utcnow
from luma_rag.errors import ConfigurationError
from luma_rag.settings import OpenIDSettings

logger = logging.getLogger(__name__)

# Signatures that only the provider can create. With HS256 its clients could too, with "none" anybody.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_SCOPE = "openid profile email"

_LEEWAY_SECONDS = 60
_MAX_SUBJECT = 255


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str | None = None


class _Refusal(msgspec.Struct, frozen=True):
    error: str


class OpenIDProvider:
    """An OpenID provider. There are no requests to it before the first sign-in.

    The state, nonce and PKCE verifier of a sign-in are derived from the secret in the browser, so the server
    stores none of them.

    Raises:
        ConfigurationError: the settings are invalid; the message names the setting.
    """

    def __init__(self, settings: OpenIDSettings) -> None:
        if settings.issuer is None or settings.client_id is None:
            raise ConfigurationError("Set both LUMA_OPENID_ISSUER and LUMA_OPENID_CLIENT_ID, or neither.")
        if not is_safe(settings.issuer):
            raise ConfigurationError(
                "LUMA_OPENID_ISSUER must be the issuer of the provider, an https address. (http is allowed "
                "on this machine only.)"
            )
        self._issuer = settings.issuer
        self._client_id = settings.client_id
        self._client_secret = settings.client_secret
        self._name = settings.name
        self._server = ProviderServer(settings.issuer, settings.name)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    async def authorization_url(self, secret: str, redirect_uri: str, *, reauthenticate: bool = False) -> str:
        """See `IdentityProvider`."""
        description = await self._server.description()
        # With `max_age` the ID token must say when the user was authenticated.
        fresh = {"prompt": "login", "max_age": 0} if reauthenticate else {}
        url: str = prepare_grant_uri(
            description.authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=_SCOPE,
            state=_derived(secret, "state"),
            nonce=_derived(secret, "nonce"),
            code_challenge=create_s256_code_challenge(_derived(secret, "verifier")),
            code_challenge_method="S256",
            **fresh,
        )
        return url

    async def identity(
        self, secret: str | None, redirect_uri: str, *, state: str | None, code: str | None, error: str | None
    ) -> Identity:
        """See `IdentityProvider`."""
        if secret is None or not hmac.compare_digest(
            (state or "").encode(), _derived(secret, "state").encode()
        ):
            raise SignInStaleError(
                "The sign-in has expired or was restarted in another window. Sign in again."
            )
        if error == "access_denied":
            raise SignInCancelledError(f"{self._name} denied access. Sign in again, or use a password.")
        if error is not None or not code:
            raise self._refused("it returned an error" if error else "it sent no code", said=error or "")
        tokens = await self._tokens(code, _derived(secret, "verifier"), redirect_uri)
        claims = await self._claims(tokens, _derived(secret, "nonce"))
        if "email" not in claims:
            # Some providers keep the ID token short. `email_verified` must come from the same source.
            claims.pop("email_verified", None)
            claims = await self._userinfo(tokens, claims["sub"]) | claims
        return Identity(
            issuer=self._issuer,
            subject=claims["sub"],
            email=_text(claims.get("email")),
            is_email_verified=claims.get("email_verified") is True,
            username=_text(claims.get("preferred_username")),
            authenticated_at=_time(claims.get("auth_time")),
        )

    async def _tokens(self, code: str, verifier: str, redirect_uri: str) -> _Tokens:
        description = await self._server.description()
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=verifier
        )
        url, headers, body = ClientAuth(
            self._client_id, self._client_secret, self._client_authentication(description)
        ).prepare("POST", description.token_endpoint, dict(DEFAULT_HEADERS), body)
        status, answer = await self._server.ask("POST", url, headers=headers, content=body)
        if status != httpx.codes.OK:
            try:
                said = msgspec.json.decode(answer, type=_Refusal).error
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise self._server.unavailable(f"it returned status {status}") from None
            raise self._refused("it returned an error", said=said)
        return self._server.decoded(answer, _Tokens)

    def _client_authentication(self, description: Description) -> str:
        if not self._client_secret:
            return "none"
        offered = description.token_endpoint_auth_methods_supported or ["client_secret_basic"]
        is_basic = "client_secret_basic" in offered or "client_secret_post" not in offered
        return "client_secret_basic" if is_basic else "client_secret_post"

    async def _claims(self, tokens: _Tokens, nonce: str) -> dict[str, Any]:
        """The claims of a valid ID token (section 3.1.3.7 of the specification)."""
        try:
            try:
                token = _verified(tokens.id_token, await self._server.keys())
            except InvalidKeyIdError:
                # The provider has rotated its keys.
                token = _verified(tokens.id_token, await self._server.keys(renewed=True))
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self._issuer},
                    "sub": {"essential": True},
                    "aud": {"essential": True, "value": self._client_id},
                },
                {"nonce": nonce, "client_id": self._client_id, "access_token": tokens.access_token},
            )
            claims.validate(leeway=_LEEWAY_SECONDS)
        except JoseError as error:
            claim = getattr(error, "claim", None)
            raise self._refused(f"its ID token: {error.error} {claim or ''}".rstrip()) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._refused("its ID token is malformed") from None
        subject = claims["sub"]
        if not (subject.isprintable() and len(subject) <= _MAX_SUBJECT):
            raise self._refused("its ID token: sub")
        return dict(claims)

    async def _userinfo(self, tokens: _Tokens, subject: str) -> dict[str, Any]:
        description = await self._server.description()
        if description.userinfo_endpoint is None or tokens.access_token is None:
            return {}
        headers = {"authorization": f"Bearer {tokens.access_token}", "accept": "application/json"}
        status, answer = await self._server.ask("GET", description.userinfo_endpoint, headers=headers)
        claims = self._server.decoded(answer, dict[str, Any], status)
        if claims.get("sub") != subject:
            raise self._refused("its user info belongs to another subject")
        return claims

    def _refused(self, reason: str, *, said: str = "") -> IdentityRefusedError:
        """The error to raise. What the provider said is for the operator."""
        quote = f" {quoted(said)}" if said else ""
        logger.warning("Rejected a sign-in with %s: %s%s.", self._name, reason, quote)
        return IdentityRefusedError(
            f"The response of {self._name} is not valid ({reason}). Sign in again. If the error persists, "
            "contact the operator."
        )


def _verified(id_token: str, keys: KeySet) -> jwt.Token:
    return jwt.decode(id_token, keys, algorithms=ALGORITHMS)


def _derived(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _time(claim: object) -> datetime | None:
    """A time in seconds since 1970. One in the future, by a fast clock, is now."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        return min(datetime.fromtimestamp(claim, UTC), utcnow())
    except (ValueError, OverflowError, OSError):
        return None


def _text(claim: object) -> str | None:
    return claim if isinstance(claim, str) and claim.isprintable() else None
