"""Allowed host names, against DNS rebinding. `docs/decisions/0013-allowed-hosts.md` explains the default."""

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

# Suffixes under which nobody can register a name in the public DNS.
_LOCAL_ENDINGS = (".home.arpa", ".internal", ".lan", ".local", ".localhost")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(:\d{1,5})?")
_MAX_NOTED = 100
# Probes and scrapers name the address or the service of a container. These say nothing that a stranger's page
# could use: metrics require a token.
_FOR_MACHINES = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


class AllowedHosts:
    """Rejects requests for other hosts with status 421.

    `allowed` lists names, `*.example.com` for all subdomains, or `*`, separated by commas. None allows hosts
    that no stranger can own: IP addresses, names without a dot, and names with a suffix for local networks.
    Loopback hosts and the host of `public_url` are always allowed.
    """

    def __init__(self, app: ASGIApp, allowed: str | None, public_url: str | None) -> None:
        self._app = app
        self._public = None if public_url is None else urlsplit(public_url).hostname
        self._allowed = None if allowed is None else parse_hosts(allowed)
        self._noted: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or reject a request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        values = [value for name, value in scope["headers"] if name == b"host"]
        host = _host_name(values[0]) if len(values) == 1 else None
        if host is None:
            await send_problem(send, MisdirectedError("The request needs exactly one valid Host header."))
        elif scope["path"] not in _FOR_MACHINES and not self._is_allowed(host):
            self._note(host)
            await send_problem(
                send,
                MisdirectedError(
                    "This server does not serve the host name in the address. "
                    "Ask its administrator to allow it."
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
        # Once per name, and a limited number of names: an attacker must not fill the log.
        if host not in self._noted and len(self._noted) < _MAX_NOTED:
            self._noted.add(host)
            logger.warning("Rejected a request to the host %s; LUMA_ALLOWED_HOSTS can allow it", host)


def parse_hosts(allowed: str) -> Sequence[str]:
    """The hosts in a comma-separated list, in lower case.

    Raises:
        ConfigurationError: an entry is not a name, an address or `*.name`.
    """
    hosts = [part.strip().lower() for part in allowed.split(",") if part.strip()]
    for host in hosts:
        bare = host.removeprefix("*.").strip("[]")
        if host != "*" and not _is_address(bare) and not _NAME.fullmatch(bare):
            raise ConfigurationError(
                f"LUMA_ALLOWED_HOSTS: {host!r} is not a host name. List names without scheme and port, "
                "separated by commas, such as luma.example.com, *.example.org"
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
