"""Which names the service answers to, so that no other site's name can be pointed at it (DNS rebinding).

`docs/decisions/0013-allowed-hosts.md` says why the default is as it is.
"""

import ipaddress
import logging
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from luma_rag.errors import ConfigurationError, MisdirectedError
from luma_rag.http.errors import send_problem

logger = logging.getLogger(__name__)

# Endings under which nobody can register a name in the public DNS.
_LOCAL_ENDINGS = (".home.arpa", ".internal", ".lan", ".local", ".localhost")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(:\d{1,5})?")
_MAX_NOTED = 100


class AllowedHosts:
    """Lets requests pass whose `Host` is a name of this service, and answers 421 to others.

    `allowed` are names, or `*.example.com` for all below it, or `*`, separated by commas; None lets pass what
    can't belong to a stranger: addresses, names without a dot, and names under endings for local networks.
    This machine's `localhost` passes always, and so does the name in `public_url`.
    """

    def __init__(self, app: ASGIApp, allowed: str | None, public_url: str | None) -> None:
        self._app = app
        self._public = None if public_url is None else urlsplit(public_url).hostname
        self._allowed = None if allowed is None else parse_hosts(allowed)
        self._noted: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or say why not."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == b"host"]
        host = _host_name(given[0]) if len(given) == 1 else None
        if host is None:
            await send_problem(send, MisdirectedError("The request names no host, or not one; see RFC 9110."))
        elif not self._is_allowed(host):
            self._note(host)
            await send_problem(
                send,
                MisdirectedError(
                    "This Luma does not answer to the name in your address bar. Its operator can allow it "
                    "with LUMA_ALLOWED_HOSTS."
                ),
            )
        else:
            await self._app(scope, receive, send)

    def _is_allowed(self, host: str) -> bool:
        if _is_this_machine(host) or host == self._public:
            return True
        if self._allowed is None:
            return _is_address(host) or "." not in host or host.endswith(_LOCAL_ENDINGS)
        return any(_matches(host, pattern) for pattern in self._allowed)

    def _note(self, host: str) -> None:
        # Once a name; whoever tries thousands of names must not fill the log.
        if host not in self._noted and len(self._noted) < _MAX_NOTED:
            self._noted.add(host)
            logger.warning("Refused a request to the name %s; LUMA_ALLOWED_HOSTS can allow it", host)


def parse_hosts(allowed: str) -> Sequence[str]:
    """The names of a list with commas, in lower case.

    Raises:
        ConfigurationError: something in it is no name, address or `*.name`.
    """
    hosts = [part.strip().lower() for part in allowed.split(",") if part.strip()]
    for host in hosts:
        bare = host.removeprefix("*.").strip("[]")
        if host != "*" and not _is_address(bare) and not _NAME.fullmatch(bare):
            raise ConfigurationError(
                f"LUMA_ALLOWED_HOSTS: {host!r} is no name. Write names without scheme and port, separated by "
                "commas, e.g. luma.example.com, *.example.org"
            )
    return [host.strip("[]") for host in hosts]


def _host_name(header: bytes) -> str | None:
    found = _HOST.fullmatch(header.decode("latin-1").lower())
    if found is None:
        return None
    name = found["name"]
    if name.startswith("["):
        return name[1:-1] if _is_address(name[1:-1]) else None
    return name.rstrip(".") if len(name) <= 253 and _NAME.fullmatch(name) else None


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern in ("*", host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
