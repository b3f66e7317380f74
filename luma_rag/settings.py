"""All settings, read once from the environment. `LUMA_LLM_BASE_URL` is `settings.llm.base_url`."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
import platformdirs

from ingest.settings import IngestSettings
from luma_rag.errors import ConfigurationError

PREFIX = "LUMA_"
RENAMED = {"LUMA_INGEST_RECIPE": "LUMA_INGEST_PROFILE"}
"""Deprecated names of settings, accepted for one release."""
Count = Annotated[int, msgspec.Meta(ge=0)]
_ORIGIN = re.compile(r"https?://[^/?#\s]+/?")


class LLMSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The LLM that writes the answers. With neither a base URL nor a GGUF file, Luma quotes the documents."""

    base_url: str | None = None
    """Base URL of an OpenAI-compatible server, including `/v1`."""
    model: str | None = None
    """Name of the model on that server."""
    api_key: str | None = None
    """API key, if the server requires one."""
    gguf: Path | None = None
    """Path to a GGUF model that Luma serves itself. Requires the `llama` extra."""
    context_tokens: int = 8192
    """Size of the model's context window, in tokens."""
    max_answer_tokens: int = 1024
    """Maximum length of an answer, in tokens; never more than half of the context window."""
    connect_timeout: float = 10.0
    """Seconds to wait for a connection to the server."""
    token_timeout: float = 120.0
    """Seconds to wait for the next piece of an answer."""


class LimitsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rate limits per user and server process. 0 disables a limit.

    Unused permits accumulate for ten minutes: a limit of 600 per minute allows a burst of 6,000 searches,
    then 10 per second.
    """

    searches_per_minute: Count = 600
    """Searches per minute."""
    questions_per_minute: Count = 30
    """Questions per minute, including regenerated answers and `/v1/chat/completions`."""
    uploads_per_minute: Count = 120
    """Uploads per minute, including changes to the documents of a namespace."""


class OpenIDSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenID provider for sign-in. Disabled unless both the issuer and the client ID are set."""

    issuer: str | None = None
    """Issuer identifier, exactly as the provider's discovery document states it, trailing slash included."""
    client_id: str | None = None
    """Client ID that the provider assigned to Luma."""
    client_secret: str | None = None
    """Client secret. Leave unset for a public client."""
    name: str = "OpenID"
    """Label of the sign-in button."""
    match_email: bool = False
    """Link a verified e-mail address to the existing account with that address."""
    register: bool = False
    """Create an account on first sign-in. Requires a verified e-mail address."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the service. Sizes in MB are multiples of 1024 * 1024 bytes."""

    data_dir: Path = msgspec.field(default_factory=lambda: Path(platformdirs.user_data_dir("luma")))
    """Directory for uploaded files and the embedded database. Defaults to the user's data directory."""
    database_url: str | None = None
    """`postgresql://` URL of a Postgres 15+ server with pgvector 0.8.4+. Unset: the embedded Postgres."""
    registration: Literal["first", "open", "closed"] = "first"
    """Registration policy: `first` allows only the first account, `open` allows anyone, `closed` no one."""
    max_upload_mb: int = 512
    """Maximum size of an uploaded file, in MB."""
    passages: int = 6
    """Number of passages that an answer is based on."""
    session_days: int = 30
    """Lifetime of a sign-in session, in days."""
    trusted_proxies: str | None = None
    """Comma-separated addresses or networks of reverse proxies whose `X-Forwarded-*` headers are trusted."""
    allowed_hosts: str | None = None
    """Comma-separated host names that Luma answers to. Unset: IP addresses and local names only."""
    public_url: str | None = None
    """Public URL of Luma, such as `https://luma.example.org`. Unset: derived from the request."""
    reranker: str | None = None
    """URL of a `/rerank` endpoint, or name or directory of a CrossEncoder. Unset: no reranking."""
    reranker_api_key: str | None = None
    """API key, if the reranking endpoint requires one."""
    # A small CrossEncoder scores a full set of long passages in 2 to 2.5 s on one of two busy cores.
    reranker_budget_ms: Annotated[int, msgspec.Meta(ge=1)] = 3000
    """Milliseconds that a search waits for the reranker before it keeps the original order."""
    ingest: IngestSettings = IngestSettings()
    llm: LLMSettings = LLMSettings()
    limits: LimitsSettings = LimitsSettings()
    openid: OpenIDSettings = OpenIDSettings()


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: a name starting with `LUMA_` is unknown (the closest known one is suggested), or a
            value does not fit.
    """
    values: dict[str, Any] = {}
    known = dict(_names(Settings))
    for given, value in environ.items():
        name = RENAMED.get(given, given)
        # LUMA_TEST_* belongs to the test suite and the benchmarks.
        if not name.startswith(PREFIX) or name.startswith(f"{PREFIX}TEST_") or value == "":
            continue
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise ConfigurationError(f"{name} is not a setting of Luma.{hint}")
        place = values
        *parents, last = known[name]
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"A LUMA_ setting has a value that does not fit: {error}") from None
    if settings.public_url is not None and not _ORIGIN.fullmatch(settings.public_url):
        raise ConfigurationError("LUMA_PUBLIC_URL must be like https://luma.example.org, without a path.")
    if settings.openid.match_email and settings.registration == "open":
        raise ConfigurationError(
            "LUMA_OPENID_MATCH_EMAIL and LUMA_REGISTRATION=open don't go together: anybody could register "
            "somebody else's address, and wait in the account for them to come by OpenID. Unset one."
        )
    return msgspec.structs.replace(settings, data_dir=settings.data_dir.expanduser().absolute())


def _names(struct: type, path: tuple[str, ...] = ()) -> list[tuple[str, tuple[str, ...]]]:
    names = []
    for field, kind in get_type_hints(struct).items():
        here = (*path, field)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            names += _names(kind, here)
        else:
            names.append((PREFIX + "_".join(here).upper(), here))
    return names


def _to_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError  # pragma: no cover - msgspec asks only for types it does not know
