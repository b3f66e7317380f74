"""Validation of server addresses and API keys."""

import ipaddress

import httpx

from luma_rag.errors import ConfigurationError


def checked(address: str, wanted: str) -> tuple[str, str]:
    """An HTTP address without query and trailing slash, and its `host:port` for messages.

    Raises:
        ConfigurationError: it is not an HTTP address; `wanted` says what is expected.
    """
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(wanted)
    port = url.port or (443 if url.scheme == "https" else 80)
    host = f"[{url.host}]" if ":" in url.host else url.host
    return str(url.copy_with(query=None, fragment=None)).rstrip("/"), f"{host}:{port}"


def checked_key(api_key: str | None, setting: str) -> str:
    """The key without surrounding white space, "" for none.

    Raises:
        ConfigurationError: it is not valid in a header.
    """
    key = (api_key or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(f"{setting} holds characters that no API key has. Copy it again.")
    return key


def authorization(api_key: str) -> dict[str, str]:
    """The authorization header for the key, if there is one."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def uses_proxy(address: str) -> bool:
    """Whether the proxies of the environment apply to an address: never to this machine itself."""
    host = httpx.URL(address).host
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
