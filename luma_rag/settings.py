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
    """Which LLM writes the answers. With neither `base_url` nor `gguf` Luma quotes the documents instead.

    `base_url` is that of an OpenAI-compatible server, up to and including `/v1`; `gguf` the path of a model
    that Luma serves itself. Times in seconds, `context_tokens` the size of the model's window.
    """

    base_url: str | None = None
    model: str | None = None
    api_key: str | None = None
    gguf: Path | None = None
    context_tokens: int = 8192
    max_answer_tokens: int = 1024
    connect_timeout: float = 10.0
    token_timeout: float = 120.0


class LimitsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the expensive work each user may ask of one server process; 0 is no limit.

    What is not used is saved up for ten minutes: 600 a minute are 6000 at once, and ten a second after that.
    """

    searches_per_minute: Count = 600
    questions_per_minute: Count = 30
    uploads_per_minute: Count = 120


class OpenIDSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An OpenID provider that people may sign in by; none without `issuer` and `client_id`.

    `name` stands on the button. `match_email` lets an address that the provider has verified lead to the
    account that has it; `register` makes accounts for who has none.
    """

    issuer: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    name: str = "OpenID"
    match_email: bool = False
    register: bool = False


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything Luma can be told. Sizes in MB are 1024 * 1024 bytes.

    `trusted_proxies` are addresses, separated by commas, whose X-Forwarded-For and -Proto are believed.
    `allowed_hosts` are the names that the service answers to, see `luma_rag.http.hosts`.
    `public_url` is where browsers find Luma, e.g. https://luma.example.org.
    `reranker` is the address of a `/rerank` endpoint, or the name or folder of a CrossEncoder; a search waits
    `reranker_budget_ms` milliseconds for it.
    """

    data_dir: Path = msgspec.field(default_factory=lambda: Path(platformdirs.user_data_dir("luma")))
    database_url: str | None = None
    registration: Literal["first", "open", "closed"] = "first"
    max_upload_mb: int = 512
    passages: int = 6
    session_days: int = 30
    trusted_proxies: str | None = None
    allowed_hosts: str | None = None
    public_url: str | None = None
    reranker: str | None = None
    reranker_api_key: str | None = None
    # A small CrossEncoder takes 2 to 2.5 s for as many long passages as it may get, on one of two busy cores.
    reranker_budget_ms: Annotated[int, msgspec.Meta(ge=1)] = 3000
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
