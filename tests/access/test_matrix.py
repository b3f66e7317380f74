"""Every call, by everybody, on what is private and what is public: the rules of access against the service.

What is expected is computed by the few lines of `level`, `permission` and the rules below, which know nothing
of `luma_rag.access`. A call without a row in `CALLS` fails the test.
"""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from luma_rag.http.app import create_app
from luma_rag.runtime import Runtime
from luma_rag.settings import Settings
from tests import factories
from tests.access.world import LEVELS, PASSWORD, SHARES, SUBJECTS, Subject, World, make_world
from tests.api import Api

Outcome = Literal["ok", 401, 403, 404]
Rule = Callable[[Subject, World], Outcome]


def level(subject: Subject, world: World) -> int:
    """The level of a subject in the world's namespace; 0 is none."""
    if subject.reach == "elsewhere":
        return 0
    highest = max(
        3 if subject.who in ("admin", "owner") else 0,
        LEVELS.get(subject.who or "", 0),
        1 if world.namespace_is_public else 0,
    )
    return min(highest, subject.max_level or 3)


def permission(subject: Subject, world: World) -> int:
    """On the world's document: 0 none, 1 read, 2 write, 3 owner's. A token's highest level limits it too."""
    if subject.reach == "elsewhere":
        return 0
    highest = max(
        3 if subject.who in ("admin", "owner") else 0,
        {"read": 1, "write": 2, None: 0}[SHARES.get(subject.who or "")],
        1 if world.document_is_public else 0,
        1 if level(subject, world) > 0 else 0,
    )
    return min(highest, subject.max_level or 3)


def _enough(has: int, needs: int) -> Outcome:
    if has == 0:
        return 404
    return "ok" if has >= needs else 403


def anybody(subject: Subject, world: World) -> Outcome:
    return "ok"


def closed(subject: Subject, world: World) -> Outcome:
    return 403


def absent(subject: Subject, world: World) -> Outcome:
    return 404


def signed_in(subject: Subject, world: World) -> Outcome:
    return "ok"


def not_narrowed(subject: Subject, world: World) -> Outcome:
    return 403 if subject.is_narrowed else "ok"


def lasting_and_not_narrowed(subject: Subject, world: World) -> Outcome:
    return 403 if subject.is_narrowed or subject.way == "expiring token" else "ok"


def administrators(subject: Subject, world: World) -> Outcome:
    return "ok" if subject.who == "admin" and not subject.is_narrowed else 403


def administrators_however_narrowed(subject: Subject, world: World) -> Outcome:
    return "ok" if subject.who == "admin" else 403


def level_1(subject: Subject, world: World) -> Outcome:
    return _enough(level(subject, world), 1)


def level_2(subject: Subject, world: World) -> Outcome:
    return _enough(level(subject, world), 2)


def level_3(subject: Subject, world: World) -> Outcome:
    return _enough(level(subject, world), 3)


def level_3_or_oneself(subject: Subject, world: World) -> Outcome:
    """Measuring with another's rights needs level 3: `member2` is meant, who may do it with their own."""
    return level_2(subject, world) if subject.who == "member2" else level_3(subject, world)


def may_read(subject: Subject, world: World) -> Outcome:
    return _enough(permission(subject, world), 1)


def may_write(subject: Subject, world: World) -> Outcome:
    return _enough(permission(subject, world), 2)


def owns(subject: Subject, world: World) -> Outcome:
    return _enough(permission(subject, world), 3)


def may_add(subject: Subject, world: World) -> Outcome:
    """Level 2, and write on the document to be added, or that it is public."""
    there = level_2(subject, world)
    if there != "ok":
        return there
    if subject.reach is not None:
        return 404  # The document stands in no namespace of the token's.
    if subject.who in ("owner", "admin", "member3") or world.document_is_public:
        return "ok"
    return 403 if subject.who == "member2" else 404


def may_upload(subject: Subject, world: World) -> Outcome:
    """Anybody, but a token needs level 2, and one for some namespaces has to name one."""
    return 403 if subject.max_level == 1 or subject.reach is not None else "ok"


def own_chat(subject: Subject, world: World) -> Outcome:
    return "ok" if subject.who == "owner" and subject.reach != "elsewhere" else 404


def own_token(subject: Subject, world: World) -> Outcome:
    """A narrowed token ends itself at most, and does not learn which others there are."""
    if subject.is_narrowed:
        return 403
    return "ok" if subject.who == "owner" else 404


def own_session(subject: Subject, world: World) -> Outcome:
    if subject.is_narrowed:
        return 403
    return "ok" if subject.who == "owner" else 404


def itself(subject: Subject, world: World) -> Outcome:
    """Leaving a namespace, or being taken out by level 3: `member1` is meant."""
    leaves = subject.who == "member1" and not subject.is_narrowed
    return "ok" if leaves else level_3(subject, world)


class Call(msgspec.Struct, frozen=True):
    """A call and its rule. Words in braces are replaced by the ids of the world.

    After a DELETE, PUT or PATCH that was let through the world is made anew; after a POST if it `spoils` it.
    """

    call: str
    rule: Rule
    json: Any = None
    url: str | None = None
    form: dict[str, str] | None = None
    spoils: bool = False

    @property
    def leaves_the_world_as_it_was(self) -> bool:
        return self.call.startswith(("GET", "POST")) and not self.spoils


# What each rule looks at: calls are made only in the kinds of world that can differ for them.
_OF_THE_DOCUMENT = (may_add, may_read, may_write, owns)
_OF_THE_NAMESPACE = (level_1, level_2, level_3, level_3_or_oneself, itself, own_chat)

_numbers = itertools.count(1)
_QUESTIONS = {"questions": [{"question": "Why?", "places": [{"doc_id": "{document}", "page": 1}]}]}
_ACCOUNT = {"username": "new {owner}", "email": "new{owner}@example.com", "password": PASSWORD}

# The call as the route table has it, who may make it, and (where its own path will not do) with what.
CALLS = [
    Call("POST /api/auth/register", closed, json=_ACCOUNT),
    Call(
        "POST /api/auth/login",
        anybody,
        json={"username": "{owner.name}", "password": PASSWORD},
        spoils=True,
    ),
    Call("POST /api/auth/logout", signed_in, spoils=True),
    Call("GET /api/auth/options", anybody),
    # No provider is configured here.
    Call("GET /api/auth/openid", absent),
    Call("GET /api/auth/openid/callback", absent),
    Call("GET /api/auth/me", signed_in),
    Call(
        "POST /api/auth/password",
        not_narrowed,
        json={"current": PASSWORD, "new": "another long one"},
        spoils=True,
    ),
    Call("GET /api/auth/sessions", not_narrowed),
    Call("DELETE /api/auth/sessions/{spare_session}", own_session),
    Call("POST /api/auth/tokens", lasting_and_not_narrowed, json={"name": "new"}),
    Call("GET /api/auth/tokens", signed_in),
    Call("DELETE /api/auth/tokens/{spare_token}", own_token),
    Call("GET /api/users", administrators),
    Call("POST /api/users", administrators, json=_ACCOUNT, spoils=True),
    Call("GET /api/users/lookup", signed_in, url="/api/users/lookup?username={owner.name}"),
    Call("GET /api/users/{bystander}", administrators),
    Call("PATCH /api/users/{bystander}", administrators, json={"role": "admin"}),
    Call("PATCH /api/users/{bystander}", administrators, json={"is_disabled": True}),
    Call("DELETE /api/users/{bystander}", administrators),
    Call("DELETE /api/users/{guest}", administrators, url="/api/users/{guest}?hand_to={stranger}"),
    Call("DELETE /api/users/{owner}", administrators, url="/api/users/{owner}?contents=remove"),
    Call("GET /api/namespaces", signed_in),
    Call("POST /api/namespaces", not_narrowed, json={"name": "new {unique}"}),
    Call(
        "POST /api/namespaces",
        not_narrowed,
        url="/api/namespaces?get_or_create=true",
        json={"name": "again {unique}"},
    ),
    Call("GET /api/namespaces/{namespace}", level_1),
    Call("PATCH /api/namespaces/{namespace}", level_3, json={"name": "renamed"}),
    Call("PATCH /api/namespaces/{namespace}", level_3, json={"is_public": True}),
    Call("DELETE /api/namespaces/{namespace}", level_3),
    Call("GET /api/namespaces/{namespace}/members", level_3),
    Call("PUT /api/namespaces/{namespace}/members/{bystander}", level_3, json={"auth_level": 3}),
    Call("PUT /api/namespaces/{namespace}/members/{member1}", level_3, json={"auth_level": 3}),
    Call("DELETE /api/namespaces/{namespace}/members/{guest}", level_3),
    Call("DELETE /api/namespaces/{namespace}/members/{member1}", itself),
    Call("GET /api/namespaces/{namespace}/documents", level_1),
    Call("POST /api/namespaces/{namespace}/documents", may_add, json={"doc_id": "{addable}"}, spoils=True),
    Call("DELETE /api/namespaces/{namespace}/documents/{document}", level_2),
    Call("GET /api/namespaces/{namespace}/events", level_1),
    Call("POST /api/namespaces/{namespace}/search", level_1, json={"query": "text"}),
    Call("POST /api/namespaces/{namespace}/search", level_1, json={"query": "text", "doc_ids": [1]}),
    Call("GET /api/namespaces/{namespace}/questions", level_2),
    Call("POST /api/namespaces/{namespace}/questions", level_2, json=_QUESTIONS),
    Call("DELETE /api/namespaces/{namespace}/questions/{question}", level_2),
    Call("GET /api/namespaces/{namespace}/questions/candidates", level_2),
    Call("POST /api/namespaces/{namespace}/evaluations", level_2, json={"k": 5}),
    Call("POST /api/namespaces/{namespace}/evaluations", level_3_or_oneself, json={"user_id": "{member2}"}),
    Call("GET /api/namespaces/{namespace}/evaluations", level_2),
    Call("GET /api/namespaces/{namespace}/evaluations/{evaluation}", level_2),
    Call(
        "GET /api/namespaces/{namespace}/evaluations/{evaluation}/compare/{other}",
        level_2,
        url="/api/namespaces/{namespace}/evaluations/{evaluation}/compare/{evaluation}",
    ),
    Call("POST /api/documents", may_upload, form={}, spoils=True),
    Call("POST /api/documents", level_2, form={"namespace_id": "{namespace}"}, spoils=True),
    Call("GET /api/documents", signed_in),
    Call("GET /api/documents/{document}", may_read),
    Call("PATCH /api/documents/{document}", may_write, json={"title": "renamed"}),
    Call("PATCH /api/documents/{document}", owns, json={"title": "renamed", "is_public": True}),
    Call("DELETE /api/documents/{document}", owns),
    Call("GET /api/documents/{document}/file", may_read),
    Call("GET /api/documents/{document}/passages", may_read),
    Call("GET /api/documents/{document}/permissions", owns),
    Call("PUT /api/documents/{document}/permissions/{bystander}", owns, json={"permission": "read"}),
    Call("PUT /api/documents/{document}/permissions/{reader}", owns, json={"permission": "write"}),
    Call("DELETE /api/documents/{document}/permissions/{reader}", owns),
    Call("GET /api/ingestions/{ingestion}", level_1),
    Call("POST /api/ingestions/{ingestion}/retry", level_2, spoils=True),
    Call("POST /api/chats", level_1, json={"namespace_id": "{namespace}"}),
    Call("GET /api/chats", signed_in),
    Call("GET /api/chats/{chat}", own_chat),
    Call("PATCH /api/chats/{chat}", own_chat, json={"title": "renamed"}),
    Call("DELETE /api/chats/{chat}", own_chat),
    Call("GET /api/chats/{chat}/messages", own_chat),
    Call("POST /api/chats/{chat}/messages", own_chat, json={"content": "Why?"}),
    Call("POST /api/chats/{chat}/regenerate", own_chat, spoils=True),
    Call("PUT /api/messages/{answer}/feedback", own_chat, json={"rating": 1}),
    Call("GET /api/audit", administrators),
    Call("GET /metrics", administrators_however_narrowed),
    Call("GET /v1/models", signed_in),
    Call(
        "POST /v1/chat/completions",
        level_1,
        json={"model": "luma/{namespace}", "messages": [{"role": "user", "content": "Why?"}]},
    ),
]

# What nobody signs in for, so that an ended login does no harm.
_PUBLIC = (anybody, closed, absent)


def expected(call: Call, subject: Subject, world: World) -> Outcome:
    if not subject.is_valid and call.rule not in _PUBLIC:
        return 401
    return call.rule(subject, world)


def test_every_call_has_its_rule() -> None:
    # The routes don't look at the runtime before they are called.
    app = create_app(cast(Runtime, SimpleNamespace(settings=Settings())))
    routes = {
        f"{method} {re.sub(r'{.*?}', '{}', route.path)}"
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(("/api", "/v1", "/metrics"))
        for method in route.methods - {"OPTIONS"}
    }
    rows = {re.sub(r"{.*?}", "{}", call.call) for call in CALLS}
    assert rows == routes


@pytest.mark.parametrize("document_is_public", [False, True], ids=["private document", "public document"])
@pytest.mark.parametrize("namespace_is_public", [False, True], ids=["private", "public"])
async def test_everybody_may_do_what_the_rules_say_and_no_more(
    api: Api, tmp_path: Path, namespace_is_public: bool, document_is_public: bool
) -> None:
    handbook = factories.handbook(tmp_path).read_bytes()
    client = await api.anonymous()
    kind = {"namespace_is_public": namespace_is_public, "document_is_public": document_is_public}
    calls = [call for call in CALLS if _can_differ(call, **kind)]
    world = await make_world(api.runtime, **kind)
    wrong, cells = [], 0
    for call in calls:
        for name, subject in SUBJECTS.items():
            wanted = expected(call, subject, world)
            answer = await _send(client, call, world, name, handbook)
            got = "ok" if answer.is_success else answer.status_code
            cells += 1
            if got != wanted:
                wrong.append(f"{call.call} as {name}: {got} instead of {wanted}: {answer.text[:200]}")
            elif got != "ok" and answer.headers["content-type"] != "application/problem+json":
                wrong.append(f"{call.call} as {name}: {answer.headers['content-type']}")
            if answer.is_success and not call.leaves_the_world_as_it_was:
                world = await make_world(api.runtime, **kind)
    assert cells == len(calls) * len(SUBJECTS)
    assert not wrong, "\n".join(wrong)


def _can_differ(call: Call, *, namespace_is_public: bool, document_is_public: bool) -> bool:
    if call.rule in _OF_THE_DOCUMENT:
        return True
    return not document_is_public and (not namespace_is_public or call.rule in _OF_THE_NAMESPACE)


async def _send(
    client: httpx.AsyncClient, call: Call, world: World, name: str, handbook: bytes
) -> httpx.Response:
    method, path = call.call.split()
    url = _filled(call.url or path, world)
    headers = world.headers[name]
    # A client keeps cookies, and with them the previous caller.
    client.cookies.clear()
    if path.endswith("/events"):
        async with client.stream(method, url, headers=headers) as stream:
            if not stream.is_success:
                await stream.aread()
            return stream
    if call.form is None:
        content = {} if call.json is None else {"json": _filled(call.json, world)}
        return await client.request(method, url, headers=headers, **content)
    form = {key: str(_filled(value, world)) for key, value in call.form.items()}
    return await client.request(
        method, url, headers=headers, data=form, files={"file": ("handbook.pdf", handbook)}
    )


def _filled(value: Any, world: World) -> Any:
    """`{name}` is an id, alone as a number; `{name.name}` the name of a user; `{unique}` a new number."""
    if isinstance(value, list):
        return [_filled(part, world) for part in value]
    if isinstance(value, dict):
        return {key: _filled(part, world) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, world) for part in value]
    if not isinstance(value, str):
        return value
    names = {f"{name}.name": text for name, text in world.names.items()} | {"unique": str(next(_numbers))}
    if value.strip("{}") in world.ids and value.startswith("{"):
        return world.ids[value.strip("{}")]
    return re.sub(r"{(.*?)}", lambda found: str((world.ids | names)[found[1]]), value)
