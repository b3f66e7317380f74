"""A real OpenID provider on loopback, which can be made to lie and to fail.

It is oidc-provider-mock: authlib's own server on Flask. What it leaves out is added here: PKCE is checked,
its client must know its secret, and a refusal has the state too.
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

# The provider, not Luma, uses parts of authlib that go away.
USES_OLD_AUTHLIB = [
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
]

# Making one takes longer than most tests of a sign-in.
_key = functools.cache(jose.RSAKey.generate_key)

# Gets the header, the claims and the provider's key; gives the ID token to send.
Lie = Callable[[dict[str, Any], dict[str, Any], RSAKey], str]


class OpenIDProvider:
    """`issuer` is its address; `lie` and `answers` change what it says, `asked` lists the paths asked for."""

    def __init__(self) -> None:
        self.issuer = ""
        self.lie: Lie | None = None
        # Instead of what it would answer, by path.
        self.answers: dict[str, tuple[int, Any]] = {}
        # On top of what it answers, by path.
        self.changes: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self._challenges: dict[str, str] = {}
        with patch.object(jose.RSAKey, "generate_key", _key):
            self.app = oidc_provider_mock.app(require_nonce=True)
        self.app.before_request(self._check)
        self.app.after_request(self._change)

    def person(self, subject: str, **claims: Any) -> None:
        """Let somebody be known, or change what is said of them."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims, timeout=60).raise_for_status()

    async def agree(self, url: str, subject: str) -> str:
        """Sign in there as `subject`, where Luma sent the browser; gives where it is sent back to."""
        async with httpx.AsyncClient(timeout=60) as browser:
            answer = await browser.post(url, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def _check(self) -> Any:
        path = flask.request.path
        self.asked.append(path)
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
            asked = flask.request.args
            if "code" in back and asked.get("code_challenge_method") == "S256":
                self._challenges[back["code"][0]] = asked["code_challenge"]
            if "state" not in back:
                response.headers["location"] += "&" + urlencode({"state": asked["state"]})
        elif path == "/oauth2/token" and response.status_code == 200 and self.lie:
            body = response.get_json()
            told = jwt.decode(body["id_token"], self.key)
            body["id_token"] = self.lie(dict(told.header), dict(told.claims), self.key)
            response.set_data(flask.json.dumps(body))
        elif path in self.changes:
            response.set_data(flask.json.dumps(response.get_json() | self.changes[path]))
        elif response.mimetype == "text/html":
            # Its style sheet is on the internet.
            response.set_data(response.get_data(as_text=True).replace("https://cdn.jsdelivr.net", ""))
        return response

    @property
    def key(self) -> RSAKey:
        """The key it signs with; to be asked for while it answers."""
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
