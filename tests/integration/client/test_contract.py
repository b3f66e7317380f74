"""The client against the service's OpenAPI document: paths, parameters, bodies, and response schemas."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn, cast

import msgspec
import pytest

from luma_client import Hit, KnownPlace, Luma, NewQuestion
from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime
from luma_rag.settings import Settings

RUN = SimpleNamespace(id=1)
CALLS: dict[str, Callable[[Luma], Any]] = {
    "account": lambda luma: luma.account(),
    "add_document": lambda luma: luma.add_document(1, 2),
    "add_questions": lambda luma: luma.add_questions(1, [NewQuestion("?", [KnownPlace(1, 2, "x")])]),
    "ask_in_chat": lambda luma: luma.ask_in_chat(1, "?", doc_ids=[1], replaces=2),
    "ask_in_chat_stream": lambda luma: next(luma.ask_in_chat_stream(1, "?", doc_ids=[1], replaces=2)),
    "candidates": lambda luma: luma.candidates(1),
    "chats": lambda luma: luma.chats(1, containing="x", pinned=True),
    "compare": lambda luma: luma.compare(1, RUN, RUN),  # type: ignore[arg-type]
    "create_namespace": lambda luma: luma.create_namespace("x"),
    "create_token": lambda luma: luma.create_token("x"),
    "delete_chat": lambda luma: luma.delete_chat(1),
    "delete_document": lambda luma: luma.delete_document(1),
    "delete_namespace": lambda luma: luma.delete_namespace(1),
    "document": lambda luma: luma.document(1),
    "document_namespaces": lambda luma: luma.document_namespaces(1),
    "documents": lambda luma: luma.documents(1),
    "download": lambda luma: luma.download(1, "x"),
    "evaluate": lambda luma: luma.evaluate(1),
    "events": lambda luma: next(luma.events(1)),
    "export_chat": lambda luma: luma.export_chat(1),
    "give_feedback": lambda luma: luma.give_feedback(1, 1),
    "ingestion": lambda luma: luma.ingestion(1),
    "join_stream": lambda luma: next(luma.join_stream(1)),
    "lookup_user": lambda luma: luma.lookup_user("x"),
    "me": lambda luma: luma.me(),
    "members": lambda luma: luma.members(1),
    "messages": lambda luma: luma.messages(1, branch=1),
    "namespace": lambda luma: luma.namespace(1),
    "namespaces": lambda luma: luma.namespaces(),
    "questions": lambda luma: luma.questions(1),
    "readable_documents": lambda luma: luma.readable_documents(),
    "regenerate": lambda luma: luma.regenerate(1),
    "regenerate_stream": lambda luma: next(luma.regenerate_stream(1)),
    "remove_document": lambda luma: luma.remove_document(1, 2),
    "remove_member": lambda luma: luma.remove_member(1, 2),
    "replace_file": lambda luma: luma.replace_file(1, b"x", name="x"),
    "retry": lambda luma: luma.retry(1),
    "revoke_token": lambda luma: luma.revoke_token(1),
    "search": lambda luma: luma.search(1, "x"),
    "set_member": lambda luma: luma.set_member(1, 2, 3),
    "share_document": lambda luma: luma.share_document(1, 2),
    "shares": lambda luma: luma.shares(1),
    "start_chat": lambda luma: luma.start_chat(1),
    "stop_answer": lambda luma: luma.stop_answer(1),
    "tokens": lambda luma: luma.tokens(),
    "unshare_document": lambda luma: luma.unshare_document(1, 2),
    "update_chat": lambda luma: luma.update_chat(1, title="x", pinned=True),
    "update_document": lambda luma: luma.update_document(1, title="x", is_public=True),
    "update_namespace": lambda luma: luma.update_namespace(1, name="x", description="y", is_public=True),
    "upload": lambda luma: luma.upload(b"x", 1, name="x", title="y", is_public=True),
    "withdraw_document": lambda luma: luma.withdraw_document(1, 2),
}
# These consist of other calls.
COMPOSED = {"ask", "ask_stream", "close", "get_or_create_namespace", "wait"}


class Seen(Exception):
    """An intercepted request."""

    def __init__(self, method: str, path: str, kind: Any, content: dict[str, Any]) -> None:
        super().__init__(path)
        self.method = method.lower()
        self.path = path
        self.kind = kind
        self.content = content


class Recording(Luma):
    """Raises each request instead of sending it."""

    def _send(self, method: str, path: str, kind: Any, **content: Any) -> NoReturn:
        raise Seen(method, path, kind, content)

    def _open(self, method: str, path: str, **content: Any) -> NoReturn:
        raise Seen(method, path, None, content)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The OpenAPI document as served to clients."""
    app: Any = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    document: dict[str, Any] = json.loads(json.dumps(app.openapi_schema.to_schema()))
    return document


def _operation(described: dict[str, Any], seen: Seen) -> dict[str, Any]:
    for path, item in described["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", r"\\d+", path), seen.path) and seen.method in item:
            found: dict[str, Any] = item[seen.method]
            return found
    raise AssertionError(f"the service has no {seen.method} {seen.path}")


class Form(NamedTuple):
    """A JSON schema and the document that its references point into."""

    schema: Any
    document: Any

    def alternatives(self) -> "Iterator[Form]":
        """The alternatives of a value, each with one type."""
        if reference := self.schema.get("$ref"):
            target = self.document
            for key in reference.removeprefix("#/").split("/"):
                target = target[key]
            yield from Form(target, self.document).alternatives()
        elif several := self.schema.get("anyOf") or self.schema.get("oneOf"):
            for each in several:
                yield from Form(each, self.document).alternatives()
        elif isinstance(types := self.schema.get("type"), list):
            for each in types:
                yield Form({**self.schema, "type": each}, self.document)
        else:
            yield self

    def at(self, schema: Any) -> "Form":
        """A part of the same document."""
        return Form(schema, self.document)


def _accepts(expected: Form, sent: Form) -> bool:
    types = expected.schema.get("type"), sent.schema.get("type")
    return types[0] is None or types[0] == types[1] or types == ("number", "integer")


def _compare(sent: Form, expected: Form, where: str) -> None:
    """Assert that the client accepts every response that the service may send, without omissions."""
    for form in sent.alternatives():
        fitting = [other for other in expected.alternatives() if _accepts(other, form)]
        assert fitting, f"{where}: the client doesn't expect {form.schema}"
        other = fitting[0]
        if "items" in form.schema and "items" in other.schema:
            _compare(form.at(form.schema["items"]), other.at(other.schema["items"]), f"{where}[]")
        values = form.schema.get("additionalProperties"), other.schema.get("additionalProperties")
        if all(isinstance(value, dict) for value in values):
            _compare(form.at(values[0]), other.at(values[1]), f"{where}.*")
        if "properties" in other.schema:
            fields, known = form.schema["properties"], other.schema["properties"]
            assert not fields.keys() - known.keys(), f"{where}: luma_client lacks these fields"
            needed = set(other.schema.get("required", []))
            assert needed <= set(form.schema["required"]), f"{where}: not always sent"
            for name in fields:
                _compare(form.at(fields[name]), other.at(known[name]), f"{where}.{name}")


@pytest.mark.parametrize("name", CALLS)
def test_client_matches_the_service_contract(name: str, described: dict[str, Any]) -> None:
    with pytest.raises(Seen) as caught:
        CALLS[name](Recording("http://127.0.0.1", token="t"))
    seen = caught.value
    operation = _operation(described, seen)
    queries = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    assert seen.content.get("params", {}).keys() <= queries
    body = {
        **(seen.content.get("json") or {}),
        **seen.content.get("data", {}),
        **seen.content.get("files", {}),
    }
    bodies = operation.get("requestBody", {"content": {}})["content"]
    if body:
        (media,) = bodies.values()
        (taken,) = Form(media["schema"], described).alternatives()
        assert body.keys() <= taken.schema["properties"].keys()
        assert set(taken.schema.get("required", [])) <= body.keys()
    else:
        assert not bodies
    (success, *_) = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    if seen.kind is not None:
        sent = Form(success["content"]["application/json"]["schema"], described)
        schema = msgspec.json.schema(seen.kind)
        _compare(sent, Form(schema, schema), name)
    elif seen.method == "delete":
        assert "204" in operation["responses"]
    elif seen.content.get("headers", {}).get("accept") == "text/event-stream":
        assert any("text/event-stream" in a.get("content", {}) for a in operation["responses"].values())


def test_contract_difference_is_detected() -> None:
    """The comparison itself: it fails if a field is dropped, added, renamed, or has another type."""
    schema = msgspec.json.schema(Hit)
    form = Form(schema, schema)
    _compare(form, form, "hit")
    sent = schema["$defs"]["Hit"]
    for changed in (
        {**sent, "properties": {**sent["properties"], "more": {"type": "string"}}},
        {**sent, "properties": {**sent["properties"], "rank": {"type": "string"}}},
        {**sent, "properties": {**sent["properties"], "title": {"type": ["string", "null"]}}},
        {**sent, "required": [name for name in sent["required"] if name != "rank"]},
    ):
        with pytest.raises(AssertionError):
            _compare(Form(changed, schema), form, "hit")


def test_every_call_is_checked() -> None:
    public = {n for n, _ in inspect.getmembers(Luma, inspect.isfunction) if not n.startswith("_")}
    assert public == CALLS.keys() | COMPOSED
    assert not CALLS.keys() & COMPOSED
