"""The settings. The string literal after a field describes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec
import platformdirs

from ingest.settings import EmbeddingSettings, IngestSettings

PREFIX = "LUMA_"
SECRETS = frozenset({"embedding.api_key", "llm.api_key", "openid.client_secret", "reranker_api_key"})
"""Secret settings, never shown. In URLs, the password is hidden."""
FROM_FILES = SECRETS | {"database_url", "database_read_url"}
"""Settings whose value can be read from a file: `LUMA_DATABASE_URL_FILE` names it."""
HIDDEN = "********"
Count = Annotated[int, msgspec.Meta(ge=0)]


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
    answers_at_once: Count = 4
    """Answers that are written at the same time, in all server processes together."""


class QuotaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of what a user may own and a namespace may hold. 0 disables a limit.

    The same file uploaded twice counts once. The quotas hold for uploads over HTTP, not for `luma ingest`.
    """

    user_documents: Count = 0
    """Documents that a user may own."""
    user_mb: Count = 0
    """Size of all documents that a user may own, in MB."""
    namespace_documents: Count = 0
    """Documents that a namespace may hold."""
    namespace_mb: Count = 0
    """Size of all documents that a namespace may hold, in MB."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log of `luma serve` and its worker, on standard error."""

    format: Literal["text", "json"] = "text"
    """Format of the log: `text` for people, `json` for programs, with one object per line."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""


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
    database_read_url: str | None = None
    """`postgresql://` URL of a read replica of that server, for searches. Unset: they use the primary."""
    registration: Literal["first", "open", "closed"] = "first"
    """Registration policy: `first` allows only the first account, `open` allows anyone, `closed` no one."""
    max_upload_mb: int = 512
    """Maximum size of an uploaded file, in MB."""
    passages: int = 6
    """Number of passages that an answer is based on."""
    session_days: int = 30
    """Greatest age of a sign-in session, in days."""
    session_idle_minutes: Count = 7 * 24 * 60
    """Minutes without a request after which a session ends, exact to a minute. 0 disables the limit."""
    completions_in_chats: bool = True
    """Whether questions to `/v1/chat/completions` and their answers are stored as chats of the caller."""
    access_log: bool = True
    """Whether each request is logged when it is complete, by the logger `luma.access`."""
    password_sign_in: bool = True
    """Whether users can sign in with a password. If not, an OpenID provider is required."""
    require_admin_totp: bool = False
    """Whether administrators who sign in with a password need a second factor (TOTP)."""
    trusted_proxies: str | None = None
    """Comma-separated addresses or networks of reverse proxies whose `X-Forwarded-*` headers are trusted."""
    allowed_hosts: str | None = None
    """Comma-separated host names that Luma answers to. Unset: IP addresses and local names only."""
    cors_origins: str | None = None
    """Comma-separated origins whose pages may call `/api` and `/v1` with a token, or `*`. Unset: none."""
    public_url: str | None = None
    """Public URL of Luma, such as `https://luma.example.org`. Unset: derived from the request."""
    reranker: str | None = None
    """URL of a `/rerank` endpoint, or name or directory of a cross-encoder. Unset: no reranking."""
    reranker_api_key: str | None = None
    """API key, if the reranking endpoint requires one."""
    # A small CrossEncoder scores a full set of long passages in 2 to 2.5 s on one of two busy cores.
    reranker_budget_ms: Annotated[int, msgspec.Meta(ge=1)] = 3000
    """Milliseconds that a search waits for the reranker before it keeps the original order."""
    host: str = "127.0.0.1"
    """Address that `luma serve` listens on; `0.0.0.0` for all interfaces."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8000
    """Port that `luma serve` listens on; 0 for any free port."""
    processes: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Number of web processes of `luma serve`; each loads the embedding model and has its own rate limits."""
    workers: Count = 1
    """Number of workers of `luma serve`, which read documents. 0 leaves that to `luma worker`."""
    embedding: EmbeddingSettings = EmbeddingSettings()
    ingest: IngestSettings = IngestSettings()
    llm: LLMSettings = LLMSettings()
    limits: LimitsSettings = LimitsSettings()
    log: LogSettings = LogSettings()
    openid: OpenIDSettings = OpenIDSettings()
    quotas: QuotaSettings = QuotaSettings()


def names() -> dict[str, Any]:
    """The types of all settings by their dotted names, such as `llm.base_url`."""
    return dict(_names(Settings, ""))


def variable(dotted: str) -> str:
    """The environment variable of a setting: `LUMA_LLM_BASE_URL` of `llm.base_url`."""
    return PREFIX + dotted.replace(".", "_").upper()


def shown(settings: Settings, dotted: str) -> Any:
    """The value of a setting as it may be shown: secrets are hidden."""
    value: Any = settings
    for part in dotted.split("."):
        value = getattr(value, part)
    if dotted in SECRETS and value is not None:
        return HIDDEN
    if isinstance(value, str) and "://" in value:
        return _without_password(value)
    return str(value) if isinstance(value, Path) else value


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    if "password" in parts.query or not parts.netloc:
        return HIDDEN
    name, colon, _ = user.partition(":")
    return parts._replace(netloc=f"{name}{f':{HIDDEN}' if colon else ''}{at}{host}").geturl()


def _names(struct: type, prefix: str) -> Iterator[tuple[str, Any]]:
    for field, kind in get_type_hints(struct).items():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from _names(kind, f"{prefix}{field}.")
        else:
            yield f"{prefix}{field}", kind
