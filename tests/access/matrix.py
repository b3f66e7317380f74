"""The rules of access as a table: every call, with what is expected of each subject.

What is expected is computed by the few lines of `level`, `permission` and the rules below, which know nothing
of `luma_rag.access`.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from tests.access.world import LEVELS, PASSWORD, SHARES, Subject

Outcome = Literal["ok", 401, 403, 404]


class Kind(msgspec.Struct, frozen=True):
    """What is public in a world."""

    namespace_is_public: bool
    document_is_public: bool

    @property
    def name(self) -> str:
        """Both, in words."""
        namespace, document = (
            "public" if public else "private"
            for public in (self.namespace_is_public, self.document_is_public)
        )
        return f"{namespace} namespace, {document} document"


KINDS = [Kind(namespace, document) for namespace in (False, True) for document in (False, True)]
Rule = Callable[[Subject, Kind], Outcome]


def level(subject: Subject, kind: Kind) -> int:
    """The level of a subject in the world's namespace; 0 is none."""
    if subject.reach == "elsewhere":
        return 0
    highest = max(
        3 if subject.who in ("admin", "owner") else 0,
        LEVELS.get(subject.who or "", 0),
        1 if kind.namespace_is_public else 0,
    )
    return min(highest, subject.max_level or 3)


def permission(subject: Subject, kind: Kind) -> int:
    """On the world's document: 0 none, 1 read, 2 write, 3 owner's. A token's highest level limits it too."""
    if subject.reach == "elsewhere":
        return 0
    highest = max(
        3 if subject.who in ("admin", "owner") else 0,
        {"read": 1, "write": 2, None: 0}[SHARES.get(subject.who or "")],
        1 if kind.document_is_public else 0,
        1 if level(subject, kind) > 0 else 0,
    )
    return min(highest, subject.max_level or 3)


def _enough(has: int, needs: int) -> Outcome:
    if has == 0:
        return 404
    return "ok" if has >= needs else 403


def anybody(subject: Subject, kind: Kind) -> Outcome:
    return "ok"


def closed(subject: Subject, kind: Kind) -> Outcome:
    return 403


def absent(subject: Subject, kind: Kind) -> Outcome:
    return 404


def signed_in(subject: Subject, kind: Kind) -> Outcome:
    return "ok"


def not_narrowed(subject: Subject, kind: Kind) -> Outcome:
    return 403 if subject.is_narrowed else "ok"


def with_recent_password(subject: Subject, kind: Kind) -> Outcome:
    """What hands out power to oneself, such as a token without end: no token can do it."""
    return "ok" if subject.has_recent_password else 403


def sessions_only(subject: Subject, kind: Kind) -> Outcome:
    return "ok" if subject.way.endswith("session") else 403


def without_second_factor(subject: Subject, kind: Kind) -> Outcome:
    return 404 if subject.has_recent_password else 403


def lasting_and_not_narrowed(subject: Subject, kind: Kind) -> Outcome:
    return 403 if subject.is_narrowed or subject.way == "expiring token" else "ok"


def administrators(subject: Subject, kind: Kind) -> Outcome:
    return "ok" if subject.who == "admin" and not subject.is_narrowed else 403


def administrators_with_recent_password(subject: Subject, kind: Kind) -> Outcome:
    return "ok" if subject.who == "admin" and subject.has_recent_password else 403


def administrators_find_nothing(subject: Subject, kind: Kind) -> Outcome:
    """As `administrators_with_recent_password`, for something that nobody has here."""
    return 404 if subject.who == "admin" and subject.has_recent_password else 403


def administrators_however_narrowed(subject: Subject, kind: Kind) -> Outcome:
    return "ok" if subject.who == "admin" else 403


def level_1(subject: Subject, kind: Kind) -> Outcome:
    return _enough(level(subject, kind), 1)


def level_2(subject: Subject, kind: Kind) -> Outcome:
    return _enough(level(subject, kind), 2)


def level_3(subject: Subject, kind: Kind) -> Outcome:
    return _enough(level(subject, kind), 3)


def level_3_or_oneself(subject: Subject, kind: Kind) -> Outcome:
    """Measuring with another's rights needs level 3: `member2` is meant, who may do it with their own."""
    return level_2(subject, kind) if subject.who == "member2" else level_3(subject, kind)


def may_read(subject: Subject, kind: Kind) -> Outcome:
    return _enough(permission(subject, kind), 1)


def may_write(subject: Subject, kind: Kind) -> Outcome:
    return _enough(permission(subject, kind), 2)


def owns(subject: Subject, kind: Kind) -> Outcome:
    return _enough(permission(subject, kind), 3)


def may_add(subject: Subject, kind: Kind) -> Outcome:
    """Level 2, and write on the document to be added, or that it is public."""
    there = level_2(subject, kind)
    if there != "ok":
        return there
    if subject.reach is not None:
        return 404  # The document stands in no namespace of the token's.
    if subject.who in ("owner", "admin", "member3") or kind.document_is_public:
        return "ok"
    return 403 if subject.who == "member2" else 404


def may_upload(subject: Subject, kind: Kind) -> Outcome:
    """Anybody, but a token needs level 2, and one for some namespaces has to name one."""
    return 403 if subject.max_level == 1 or subject.reach is not None else "ok"


def own_chat(subject: Subject, kind: Kind) -> Outcome:
    return "ok" if subject.who == "owner" and subject.reach != "elsewhere" else 404


def own_token(subject: Subject, kind: Kind) -> Outcome:
    """A narrowed token ends itself at most, and does not learn which others there are."""
    if subject.is_narrowed:
        return 403
    return "ok" if subject.who == "owner" else 404


def own_session(subject: Subject, kind: Kind) -> Outcome:
    if subject.is_narrowed:
        return 403
    return "ok" if subject.who == "owner" else 404


def itself(subject: Subject, kind: Kind) -> Outcome:
    """Leaving a namespace, or being taken out by level 3: `member1` is meant."""
    leaves = subject.who == "member1" and not subject.is_narrowed
    return "ok" if leaves else level_3(subject, kind)


class Call(msgspec.Struct, frozen=True):
    """A call and its rule. Words in braces are replaced by the ids of the world.

    `note` tells calls of one route apart.
    """

    call: str
    rule: Rule
    note: str = ""
    json: Any = None
    url: str | None = None
    form: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """The call, and its note."""
        return f"{self.call} ({self.note})" if self.note else self.call


# What each rule looks at: calls are made only in the kinds of world that can differ for them.
_OF_THE_DOCUMENT = (may_add, may_read, may_write, owns)
_OF_THE_NAMESPACE = (level_1, level_2, level_3, level_3_or_oneself, itself, own_chat)

_QUESTIONS = {"questions": [{"question": "Why?", "places": [{"doc_id": "{document}", "page": 1}]}]}
_NEW_VERSION = {"content": "Why?", "replaces": "{asked}", "doc_ids": ["{document}"]}
_ACCOUNT = {"username": "new {owner}", "email": "new{owner}@example.com", "password": PASSWORD}

# The call as the route table has it, who may make it, and (where its own path will not do) with what.
CALLS = [
    Call("POST /api/auth/register", closed, json=_ACCOUNT),
    Call(
        "POST /api/auth/login",
        anybody,
        json={"username": "{owner.name}", "password": PASSWORD},
    ),
    Call("POST /api/auth/logout", signed_in),
    Call("GET /api/auth/options", anybody),
    # No provider is configured here.
    Call("GET /api/auth/openid", absent),
    Call("GET /api/auth/openid/callback", absent),
    Call("GET /api/auth/me", signed_in),
    Call("GET /api/auth/account", not_narrowed),
    Call("POST /api/auth/reauthenticate", sessions_only, json={"password": PASSWORD}),
    Call("POST /api/auth/totp", with_recent_password),
    Call("POST /api/auth/totp/confirm", without_second_factor, json={"code": "123456"}),
    Call("DELETE /api/auth/totp", without_second_factor),
    Call(
        "POST /api/auth/password",
        lasting_and_not_narrowed,
        json={"current": PASSWORD, "new": "another long one"},
    ),
    Call("GET /api/auth/sessions", not_narrowed),
    Call("DELETE /api/auth/sessions/{spare_session}", own_session),
    Call("POST /api/auth/tokens", with_recent_password, json={"name": "new"}),
    Call(
        "POST /api/auth/tokens",
        lasting_and_not_narrowed,
        "with an end",
        json={"name": "new", "expires_in_days": 90},
    ),
    Call(
        "POST /api/auth/tokens",
        with_recent_password,
        "with an end far away",
        json={"name": "new", "expires_in_days": 3650},
    ),
    Call("GET /api/auth/tokens", signed_in),
    Call("DELETE /api/auth/tokens/{spare_token}", own_token),
    Call("GET /api/users", administrators),
    Call("POST /api/users", administrators_with_recent_password, json=_ACCOUNT),
    Call("GET /api/users/lookup", signed_in, url="/api/users/lookup?username={owner.name}"),
    Call("GET /api/users/{bystander}", administrators),
    *(
        Call("PATCH /api/users/{bystander}", administrators_with_recent_password, note, json=change)
        for note, change in {
            "role": {"role": "admin"},
            "password": {"password": "another long one"},
            "disable": {"is_disabled": True},
        }.items()
    ),
    Call("DELETE /api/users/{bystander}/totp", administrators_find_nothing),
    Call("GET /api/users/{owner}/sessions", administrators),
    Call("DELETE /api/users/{owner}/sessions/{spare_session}", administrators),
    Call("GET /api/users/{owner}/tokens", administrators),
    Call("DELETE /api/users/{owner}/tokens/{spare_token}", administrators),
    Call("DELETE /api/users/{bystander}", administrators_with_recent_password),
    Call(
        "DELETE /api/users/{guest}",
        administrators_with_recent_password,
        url="/api/users/{guest}?hand_to={stranger}",
    ),
    Call(
        "DELETE /api/users/{owner}",
        administrators_with_recent_password,
        url="/api/users/{owner}?contents=remove",
    ),
    Call("GET /api/namespaces", signed_in),
    Call("POST /api/namespaces", not_narrowed, json={"name": "new"}),
    Call(
        "POST /api/namespaces",
        not_narrowed,
        "get_or_create",
        url="/api/namespaces?get_or_create=true",
        json={"name": "new"},
    ),
    Call("GET /api/namespaces/{namespace}", level_1),
    Call("PATCH /api/namespaces/{namespace}", level_3, "name", json={"name": "renamed"}),
    Call("PATCH /api/namespaces/{namespace}", level_3, "visibility", json={"is_public": True}),
    Call("DELETE /api/namespaces/{namespace}", level_3),
    Call("GET /api/namespaces/{namespace}/members", level_3),
    Call("PUT /api/namespaces/{namespace}/members/{bystander}", level_3, json={"auth_level": 3}),
    Call("PUT /api/namespaces/{namespace}/members/{member1}", level_3, json={"auth_level": 3}),
    Call("DELETE /api/namespaces/{namespace}/members/{guest}", level_3),
    Call("DELETE /api/namespaces/{namespace}/members/{member1}", itself),
    Call("GET /api/namespaces/{namespace}/documents", level_1),
    Call("GET /api/namespaces/{namespace}/documents/summary", level_1),
    Call("POST /api/namespaces/{namespace}/documents", may_add, json={"doc_id": "{addable}"}),
    Call("DELETE /api/namespaces/{namespace}/documents/{document}", level_2),
    Call("GET /api/namespaces/{namespace}/events", level_1),
    Call("POST /api/namespaces/{namespace}/search", level_1, json={"query": "text"}),
    Call(
        "POST /api/namespaces/{namespace}/search", level_1, "doc_ids", json={"query": "text", "doc_ids": [1]}
    ),
    Call("GET /api/namespaces/{namespace}/questions", level_2),
    Call("POST /api/namespaces/{namespace}/questions", level_2, json=_QUESTIONS),
    Call("DELETE /api/namespaces/{namespace}/questions/{question}", level_2),
    Call("GET /api/namespaces/{namespace}/questions/candidates", level_2),
    Call("POST /api/namespaces/{namespace}/evaluations", level_2, json={"k": 5}),
    Call(
        "POST /api/namespaces/{namespace}/evaluations",
        level_3_or_oneself,
        "as another user",
        json={"user_id": "{member2}"},
    ),
    Call("GET /api/namespaces/{namespace}/evaluations", level_2),
    Call("GET /api/namespaces/{namespace}/evaluations/{evaluation}", level_2),
    Call(
        "GET /api/namespaces/{namespace}/evaluations/{evaluation}/compare/{other}",
        level_2,
        url="/api/namespaces/{namespace}/evaluations/{evaluation}/compare/{evaluation}",
    ),
    Call("POST /api/documents", may_upload, form={}),
    Call("POST /api/documents", level_2, "into a namespace", form={"namespace_id": "{namespace}"}),
    Call("GET /api/documents", signed_in),
    Call("GET /api/documents/{document}", may_read),
    Call("PATCH /api/documents/{document}", may_write, "title", json={"title": "renamed"}),
    Call("PATCH /api/documents/{document}", owns, "visibility", json={"title": "renamed", "is_public": True}),
    Call("DELETE /api/documents/{document}", owns),
    Call("GET /api/documents/{document}/file", may_read),
    Call("PUT /api/documents/{document}/file", may_write, form={}),
    Call("GET /api/documents/{document}/passages", may_read),
    Call("GET /api/documents/{document}/outline", may_read),
    Call("GET /api/documents/{document}/permissions", owns),
    Call("PUT /api/documents/{document}/permissions/{bystander}", owns, json={"permission": "read"}),
    Call("PUT /api/documents/{document}/permissions/{reader}", owns, json={"permission": "write"}),
    Call("DELETE /api/documents/{document}/permissions/{reader}", owns),
    Call("GET /api/documents/{document}/namespaces", owns),
    Call("DELETE /api/documents/{document}/namespaces/{namespace}", owns),
    Call("GET /api/ingestions/{ingestion}", level_1),
    Call("POST /api/ingestions/{ingestion}/retry", level_2),
    Call("POST /api/chats", level_1, json={"namespace_id": "{namespace}"}),
    Call("GET /api/chats", signed_in),
    Call("GET /api/chats/{chat}", own_chat),
    Call("PATCH /api/chats/{chat}", own_chat, json={"title": "renamed", "pinned": True}),
    Call("DELETE /api/chats/{chat}", own_chat),
    Call("GET /api/chats/{chat}/messages", own_chat),
    Call("POST /api/chats/{chat}/messages", own_chat, json={"content": "Why?"}),
    Call("POST /api/chats/{chat}/messages", own_chat, "replaces", json=_NEW_VERSION),
    Call("POST /api/chats/{chat}/regenerate", own_chat),
    Call("GET /api/chats/{chat}/stream", own_chat),
    Call("POST /api/chats/{chat}/stop", own_chat),
    Call("GET /api/chats/{chat}/export", own_chat),
    Call("PUT /api/messages/{answer}/feedback", own_chat, json={"rating": 1}),
    Call("GET /api/events", signed_in),
    Call("GET /api/events", signed_in, "of a namespace", url="/api/events?namespace_id={namespace}"),
    Call("GET /api/audit", administrators),
    Call("GET /api/audit/export", administrators),
    Call("GET /api/feedback", administrators),
    Call("GET /api/system", administrators),
    Call("POST /api/system/llm/test", administrators),
    Call("GET /metrics", administrators_however_narrowed),
    Call("GET /v1/models", signed_in),
    Call("GET /v1/models/{model}", level_1, url="/v1/models/luma/{namespace}"),
    Call(
        "POST /v1/chat/completions",
        level_1,
        json={"model": "luma/{namespace}", "messages": [{"role": "user", "content": "Why?"}]},
    ),
]

# What nobody signs in for, so that an ended login does no harm.
_PUBLIC = (anybody, closed, absent)


# A token of level 1 reads and asks; all else is refused alike, whatever it is about.
_ASKING = {
    "POST /api/namespaces/{namespace}/search",
    "POST /api/chats",
    "POST /api/chats/{chat}/messages",
    "POST /v1/chat/completions",
}


def expected(call: Call, subject: Subject, kind: Kind) -> Outcome:
    if not subject.is_valid and call.rule not in _PUBLIC:
        return 401
    changes = not call.call.startswith("GET ") and call.call not in _ASKING
    if subject.max_level == 1 and changes and call.rule not in _PUBLIC:
        return 403
    return call.rule(subject, kind)


def can_differ(call: Call, kind: Kind) -> bool:
    """Whether a call is made in such a world; it is only where its rule looks at what differs there."""
    if call.rule in _OF_THE_DOCUMENT:
        return True
    return not kind.document_is_public and (not kind.namespace_is_public or call.rule in _OF_THE_NAMESPACE)
