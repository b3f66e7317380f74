"""A real OpenID provider on the loopback interface, which can be made to forge tokens and to fail.

It is oidc-provider-mock: authlib's own server on Flask. Missing features are added here: PKCE is verified,
the client must authenticate with its secret, and an error response includes the state.
"""

import base64
import functools
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlencode, urlsplit

import flask
import httpx
import oidc_provider_mock
import pytest
from authlib import jose
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID = "luma"
CLIENT_SECRET = "known to the two alone"

# The provider, not Luma, uses deprecated parts of authlib.
USES_OLD_AUTHLIB = [
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
]

# Generating one takes longer than most tests of a sign-in.
_key = functools.cache(jose.RSAKey.generate_key)

# Receives the header, the claims and the provider's key; returns the ID token to send.
Lie = Callable[[dict[str, Any], dict[str, Any], RSAKey], str]


class OpenIDProvider:
    """Its address is `issuer`; `lie` and `answers` change its responses; `requests` lists requested paths."""

    def __init__(self) -> None:
        self.issuer = ""
        self.lie: Lie | None = None
        # Replacement responses, by path.
        self.answers: dict[str, tuple[int, Any]] = {}
        # Additional response fields, by path.
        self.changes: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self._challenges: dict[str, str] = {}
        with patch.object(jose.RSAKey, "generate_key", _key):
            self.app = oidc_provider_mock.app(require_nonce=True)
        self.app.before_request(self._check)
        self.app.after_request(self._change)

    def person(self, subject: str, **claims: Any) -> None:
        """Add a person, or change their claims."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims, timeout=60).raise_for_status()

    async def agree(self, url: str, subject: str) -> str:
        """Sign in as `subject` at the URL to which Luma redirected; returns the URL that it redirects to."""
        async with httpx.AsyncClient(timeout=60) as browser:
            answer = await browser.post(url, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def _check(self) -> Any:
        path = flask.request.path
        self.requests.append(path)
        if path in self.answers:
            status, body = self.answers[path]
            return (flask.jsonify(body) if isinstance(body, dict) else body), status
        if path == "/oauth2/token":
            sent = flask.request.authorization
            if sent is None or (sent.username, sent.password) != (CLIENT_ID, CLIENT_SECRET):
                return flask.jsonify(error="invalid_client"), 401
            form = flask.request.form
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if self._challenges.get(form["code"]) != challenge:
                return flask.jsonify(error="invalid_grant"), 400
        return None

    def _change(self, response: flask.Response) -> flask.Response:
        path = flask.request.path
        if path == "/oauth2/authorize" and response.status_code == 302:
            back = parse_qs(urlsplit(response.headers["location"]).query)
            arguments = flask.request.args
            if "code" in back and arguments.get("code_challenge_method") == "S256":
                self._challenges[back["code"][0]] = arguments["code_challenge"]
            if "state" not in back:
                response.headers["location"] += "&" + urlencode({"state": arguments["state"]})
        elif path == "/oauth2/token" and response.status_code == 200 and self.lie:
            body = response.get_json()
            token = jwt.decode(body["id_token"], self.key)
            body["id_token"] = self.lie(dict(token.header), dict(token.claims), self.key)
            response.set_data(flask.json.dumps(body))
        elif path in self.changes:
            response.set_data(flask.json.dumps(response.get_json() | self.changes[path]))
        elif response.mimetype == "text/html":
            # Its style sheet is on the internet.
            response.set_data(response.get_data(as_text=True).replace("https://cdn.jsdelivr.net", ""))
        return response

    @property
    def key(self) -> RSAKey:
        """The signing key; available only while a request is handled."""
        return RSAKey.import_key(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))


@contextmanager
def provider_running() -> Iterator[OpenIDProvider]:
    """A provider on a free port."""
    provider = OpenIDProvider()
    server = make_server("127.0.0.1", 0, provider.app, threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
