"""The address of an LLM's server."""

import httpx

from luma_rag.errors import ConfigurationError


def checked(base_url: str) -> tuple[str, str]:
    """The address of an OpenAI-compatible server without its query, and `host:port` for people.

    Raises:
        ConfigurationError: it is no such address.
    """
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            "LUMA_LLM_BASE_URL must be the address of an OpenAI-compatible server, up to and including /v1, "
            "for instance http://127.0.0.1:8080/v1."
        )
    port = url.port or (443 if url.scheme == "https" else 80)
    host = f"[{url.host}]" if ":" in url.host else url.host
    return str(url.copy_with(query=None, fragment=None)).rstrip("/"), f"{host}:{port}"
