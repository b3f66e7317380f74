"""The reference of the HTTP API, from the OpenAPI document that the service publishes."""

import re
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

from luma_rag.http.app import create_app
from luma_rag.http.input import MAX_INT
from luma_rag.runtime import Runtime
from luma_rag.settings import Settings
from scripts.docs.markdown import paragraph, table

INTRODUCTION = """# HTTP API

The service publishes its own OpenAPI document at `/schema/openapi.json`; this page is generated from it.

**Authentication.** Programs send `Authorization: Bearer luma_…` with a token from `POST /api/auth/tokens`.
Browsers use the session cookie that `POST /api/auth/login` sets. With it, every unsafe method must repeat the
value of the cookie `csrftoken` in the header `x-csrftoken`. Calls marked *public* require neither.

**Levels.** Access to a namespace has three levels: 1 (read), 2 (read and write), and 3 (manage). Each call
names the level that it requires.

**Lists** take `limit` (default 50, at most 200) and `offset`, and return `{"items": […], "total": n}`.

**Times** are RFC 3339 in UTC, such as `2026-11-27T09:30:00Z`.

**Errors** are described in [Errors](errors.md). Any call can also return 401, 403, 422, 429, or 503.
"""
COMMON_ERRORS = {400, 401, 403, 413, 415, 422, 429, 503}
METHODS = ("get", "post", "put", "patch", "delete")
TITLES = {
    "accounts": "Accounts",
    "namespaces": "Namespaces",
    "documents": "Documents",
    "chats": "Chats",
    "openai": "OpenAI-compatible API",
    "evaluation": "Evaluation",
    "operations": "Operations",
}


def http_api_page() -> str:
    """The Markdown of the page."""
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    document = app.openapi_schema.to_schema()
    operations: dict[str, list[str]] = {tag: [] for tag in TITLES}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                operations[operation["tags"][0]].append(_operation(method, path, operation))
    parts = [INTRODUCTION]
    for tag, sections in operations.items():
        parts += [f"## {TITLES[tag]}\n", *sections]
    parts += ["## Schemas\n", *_schemas(document["components"]["schemas"])]
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [f"### {method.upper()} {path}", paragraph(operation["description"])]
    if operation.get("security") == [{}]:
        parts.append("*Public.*")
    parameters = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] != "path"]
    if parameters:
        rows = [
            (f"`{parameter['name']}`", _type(parameter["schema"]), _default(parameter["schema"]))
            for parameter in parameters
        ]
        parts.append(table(("Parameter", "Type", "Default"), rows))
    bodies = operation.get("requestBody", {}).get("content", {})
    parts += [f"Body: {_media(kind, body['schema'])}" for kind, body in bodies.items()]
    parts.append("\n".join(_responses(operation["responses"])))
    return "\n\n".join(parts) + "\n"


def _responses(responses: Mapping[str, Any]) -> Iterator[str]:
    for status, response in responses.items():
        if int(status) < 400:
            bodies = [_media(kind, body["schema"]) for kind, body in response.get("content", {}).items()]
            yield f"- **{status}**" + (f": {'; or '.join(bodies)}" if bodies else "")
    errors = [status for status in responses if int(status) >= 400 and int(status) not in COMMON_ERRORS]
    if errors:
        yield f"- Errors: {', '.join(errors)}"


def _media(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "application/json":
        return _type(schema)
    if schema.get("properties"):
        required = schema.get("required", ())
        fields = (f"`{name}`{'' if name in required else ' (optional)'}" for name in schema["properties"])
        return f"`{kind}` with {', '.join(fields)}"
    described = f". {schema['description']}" if "description" in schema else ""
    return f"`{kind}`{described}"


def _schemas(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        if _item(name):
            continue
        parts = [f"### {name}"]
        if "description" in schema:
            parts.append(paragraph(schema["description"]))
        required = schema.get("required", ())
        rows = [
            (f"`{field}`", _type(kind), "yes" if field in required else "", _default(kind))
            for field, kind in schema.get("properties", {}).items()
        ]
        if rows:
            parts.append(table(("Field", "Type", "Required", "Default"), rows))
        yield "\n\n".join(parts) + "\n"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        listed = _item(name)
        return f"list of {_link(listed)}" if listed else _link(name)
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(kind) for kind in schema[key]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join("null" if choice is None else f"`{choice}`" for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    return " or ".join(_simple(schema))


def _simple(schema: Mapping[str, Any]) -> Iterator[str]:
    types = schema.get("type", "any")
    for kind in types if isinstance(types, list) else [types]:
        low, high = schema.get("minimum"), schema.get("maximum")
        if kind == "string" and schema.get("format") == "date-time":
            yield "time"
        elif low is not None and high is not None and high < MAX_INT:
            yield f"{kind} ({low:g} to {high:g})"
        else:
            yield kind


def _item(name: str) -> str | None:
    # Pages of a list are generic, and named after their module: Page_luma_rag.namespaces.NamespaceView_.
    found = re.fullmatch(r"\w+?_(?:\w+\.)+(\w+?)_", name)
    return found and found[1]


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if default is None:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
