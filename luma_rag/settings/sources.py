"""Where settings come from. `LUMA_LLM_BASE_URL` in the environment is `settings.llm.base_url`.

They come from the environment, from `.env` in the current directory, and from a TOML file: the one that
`LUMA_CONFIG` names, else `luma.toml` in the current directory, else `luma.toml` in the user's configuration
directory. The first of these sources that names a setting wins.

`LUMA_DATABASE_URL_FILE`, and likewise for each secret, names a file with the value.
"""

import difflib
import io
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
import platformdirs
from dotenv.parser import parse_stream

from luma_rag.errors import ConfigurationError
from luma_rag.settings.schema import FROM_FILES, PREFIX, Settings, names, variable

CONFIG = "LUMA_CONFIG"
"""Names the TOML file; it is not a setting itself."""
RENAMED = {"LUMA_INGEST_RECIPE": "LUMA_INGEST_PROFILE"}
"""Deprecated names of settings, accepted for one release."""
_ORIGIN = re.compile(r"https?://[^/?#\s]+/?")
_KINDS = {"bool": "true or false", "float": "a number", "int": "a whole number", "str": "text"}
_TOML_LINE = re.compile(r"\s*(?:\[\s*(?P<table>[\w.\s-]+)\]|(?P<key>[\w.\s-]+?)\s*=)")


class Value(NamedTuple):
    """A value as a source gives it. `name` is what the source calls the setting, `source` where it stands."""

    value: Any
    name: str
    source: str


class Loaded(msgspec.Struct, frozen=True):
    """The settings, and of each that has been set where its value comes from, by its dotted name."""

    settings: Settings
    sources: dict[str, Value]


def load(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: see `load_with_sources`.
    """
    return load_with_sources(environ, folder).settings


def load_with_sources(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Loaded:
    """Read the settings, with the files of `folder`: by default, of the current directory.

    Raises:
        ConfigurationError: a file can't be read, a name is unknown (the message suggests the closest known
            one), or a value does not fit.
    """
    folder = Path.cwd() if folder is None else folder
    sources = dict(_from_toml(_toml_file(environ, folder)))
    sources |= dict(_from_dotenv(folder / ".env"))
    sources |= dict(_from_variables((name, value, "the environment") for name, value in environ.items()))
    values: dict[str, Any] = {}
    for dotted, found in sources.items():
        place = values
        *parents, last = dotted.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = found.value
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_does_not_fit(str(error), sources)) from None
    _check(settings)
    settings = msgspec.structs.replace(settings, data_dir=settings.data_dir.expanduser().absolute())
    return Loaded(settings, sources)


def _check(settings: Settings) -> None:
    if settings.public_url is not None and not _ORIGIN.fullmatch(settings.public_url):
        raise ConfigurationError("LUMA_PUBLIC_URL must be like https://luma.example.org, without a path.")
    if settings.database_read_url is not None and settings.database_url is None:
        raise ConfigurationError("LUMA_DATABASE_READ_URL names a replica of LUMA_DATABASE_URL: set both.")
    if not settings.password_sign_in and settings.openid.issuer is None:
        raise ConfigurationError(
            "LUMA_PASSWORD_SIGN_IN=false requires an OpenID provider. Set LUMA_OPENID_ISSUER and "
            "LUMA_OPENID_CLIENT_ID: nobody could sign in."
        )
    if settings.openid.match_email and settings.registration == "open":
        raise ConfigurationError(
            "LUMA_OPENID_MATCH_EMAIL and LUMA_REGISTRATION=open don't go together: anybody could register "
            "somebody else's address, and wait in the account for them to come by OpenID. Unset one."
        )


def _toml_file(environ: Mapping[str, str], folder: Path) -> Path | None:
    if named := environ.get(CONFIG):
        return Path(named).expanduser()
    candidates = (folder / "luma.toml", Path(platformdirs.user_config_dir("luma")) / "luma.toml")
    return next((path for path in candidates if path.is_file()), None)


def _from_toml(path: Path | None) -> Iterator[tuple[str, Value]]:
    if path is None:
        return
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    known = names()
    for dotted, value in _flattened(document, ""):
        line = _line_of(text, dotted)
        source = str(path) if line is None else f"{path}, line {line}"
        if dotted not in known:
            raise ConfigurationError(
                f"{source}: {dotted} is not a setting of Luma.{_suggestion(dotted, known)}"
            )
        yield dotted, Value(value, dotted, source)


def _flattened(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _line_of(text: str, dotted: str) -> int | None:
    """The line of a key of a TOML document; None for one in an inline table."""
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _TOML_LINE.match(line)
        if found is None:
            continue
        if found["table"] is not None:
            table = f"{''.join(found['table'].split())}."
        elif table + "".join(found["key"].split()) == dotted:
            return number
    return None


def _from_dotenv(path: Path) -> Iterator[tuple[str, Value]]:
    if not path.is_file():
        return iter(())
    text = _read(path)
    variables = []
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _leading_lines(binding.original.string)
        source = f"{path}, line {line}"
        if binding.error:
            raise ConfigurationError(f"{source}: a line must read NAME=value.")
        if binding.key is not None and binding.value is not None:
            variables.append((binding.key, binding.value, source))
    return _from_variables(variables)


def _leading_lines(text: str) -> int:
    # A binding begins with the blank lines before it.
    return text[: len(text) - len(text.lstrip())].count("\n")


def _from_variables(variables: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, Value]]:
    known = {variable(dotted): dotted for dotted in names()}
    files = {f"{variable(dotted)}_FILE": dotted for dotted in FROM_FILES}
    variables = list(variables)
    given_names = {name for name, value, _ in variables if value}
    for given, value, source in variables:
        name = RENAMED.get(given, given)
        # LUMA_TEST_* belongs to the test suite and the benchmarks.
        if not name.startswith(PREFIX) or name.startswith(f"{PREFIX}TEST_") or name == CONFIG or value == "":
            continue
        if name in files:
            if variable(files[name]) in given_names:
                raise ConfigurationError(f"Set {variable(files[name])} or {name} in {source}, not both.")
            yield files[name], Value(_secret_in(Path(value).expanduser()), name, source)
            continue
        if name not in known:
            where = "" if source == "the environment" else f"{source}: "
            raise ConfigurationError(
                f"{where}{name} is not a setting of Luma.{_suggestion(name, [*known, *files])}"
            )
        yield known[name], Value(value, name, source)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} can't be read: it is not UTF-8.") from None


def _secret_in(path: Path) -> str:
    secret = _read(path).rstrip("\r\n")
    if not secret:
        raise ConfigurationError(f"{path} is empty.")
    return secret


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""


def _does_not_fit(message: str, sources: Mapping[str, Value]) -> str:
    """Which setting has a bad value. msgspec's message is not quoted: it may contain the value."""
    expected, _, place = message.rpartition(" - at `$.")
    dotted = place.removesuffix("`")
    found = sources.get(dotted)
    if found is None:
        return f"A setting has a value that does not fit: {dotted or message}."
    kind = names()[dotted]
    bounds = re.fullmatch(r"Expected `(?:int|float)` (>=|<=) (.+)", expected)
    if get_origin(kind) is Literal:
        wanted = f"one of {', '.join(get_args(kind))}"
    elif bounds is not None:
        wanted = f"at {'least' if bounds[1] == '>=' else 'most'} {bounds[2]}"
    else:
        wanted = next((words for name, words in _KINDS.items() if f"`{name}" in expected), "another value")
    name = found.name if found.name == dotted else f"{found.name} ({dotted})"
    return f"{name} in {found.source} must be {wanted}."


def _to_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError  # pragma: no cover - msgspec asks only for types it does not know
