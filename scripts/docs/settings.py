"""The reference of settings, from the classes in `luma_rag.settings` and `ingest.settings`.

The description of a setting is the string literal that follows its field.
"""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

from luma_rag.settings import PREFIX, Settings
from scripts.docs.markdown import paragraph, table

INTRODUCTION = """# Settings

Luma reads its settings from these sources. The first one that names a setting wins:

1. environment variables;
2. the file `.env` in the current directory, with the same names;
3. a TOML file: the one that `LUMA_CONFIG` names, else `luma.toml` in the current directory, else
   `luma.toml` in the user's configuration directory (`~/.config/luma` on Linux). `LUMA_LLM_BASE_URL` is
   `base_url` in its table `[llm]`.

An unknown name is an error, so misspelled names don't go unnoticed: the message gives the file, the line
and the closest known name. An empty variable counts as unset. `luma config show` lists the value of every
setting and its source, without secrets.

`LUMA_DATABASE_URL` and every secret can be read from a file, as container platforms provide them:
`LUMA_DATABASE_URL_FILE` names the file. A line break at its end is ignored.
"""
TITLES = {
    "": "General",
    "LLM": "LLM",
    "LIMITS": "Rate limits",
    "LOG": "Log",
    "OPENID": "OpenID Connect",
    "QUOTAS": "Quotas",
    "EMBEDDING": "Embedding model",
    "INGEST": "Ingestion",
    "INGEST_LIMITS": "Parser limits",
    "INGEST_CHUNK": "Chunks",
}


def settings_page() -> str:
    """The Markdown of the page."""
    parts = [INTRODUCTION]
    for prefix, struct in _groups(Settings, ""):
        descriptions = field_descriptions(struct)
        rows = []
        for field, hint in _fields(struct):
            if not _is_struct(hint):
                variable = f"`{PREFIX}{_variable(prefix, field.name)}`"
                rows.append((variable, _type(hint), _default(field), descriptions[field.name]))
        about = re.sub(r"docs/(\S+\.md)", r"[\1](\1)", paragraph(inspect.getdoc(struct) or ""))
        heading = f"## {TITLES[prefix]}\n\n{about}\n\n"
        parts.append(heading + table(("Variable", "Type", "Default", "Description"), rows) + "\n")
    return "\n".join(parts)


def field_descriptions(struct: type) -> dict[str, str]:
    """The string literals that follow the fields of a class, by field name."""
    module = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    descriptions = {}
    for statement, following in itertools.pairwise(cast(ast.ClassDef, module.body[0]).body):
        match statement, following:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(description))),
            ):
                descriptions[name] = paragraph(description)
    return descriptions


def _groups(struct: type, prefix: str) -> Iterator[tuple[str, type]]:
    yield prefix, struct
    for field, hint in _fields(struct):
        if _is_struct(hint):
            yield from _groups(hint, _variable(prefix, field.name))


def _fields(struct: type) -> Iterator[tuple[msgspec.structs.FieldInfo, Any]]:
    hints = get_type_hints(struct, include_extras=True)
    return ((field, hints[field.name]) for field in msgspec.structs.fields(struct))


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _variable(prefix: str, name: str) -> str:
    return f"{prefix}_{name}".strip("_").upper()


def _type(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return _type(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    if isinstance(hint, UnionType):
        return _type(next(kind for kind in get_args(hint) if kind is not type(None)))
    return {str: "text", int: "integer", float: "number", bool: "`true`, `false`", Path: "path"}[hint]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is None or field.default is msgspec.NODEFAULT:
        # The one default that is computed depends on the machine; its description names it.
        return ""
    default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{default}`"
