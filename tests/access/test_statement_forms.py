"""Statements depend on the form of a caller, not on the caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from luma_rag.access import Principal
from luma_rag.accounts.sessions import hash_secret
from luma_rag.accounts.tokens import new_secret
from luma_rag.db.base import utcnow
from luma_rag.db.models import ApiToken, Namespace, User
from luma_rag.retrieval.search_query import SearchQuery
from luma_rag.retrieval.statement import search_statement
from tests.api import Api
from tests.library import Library, vectors

pytestmark = pytest.mark.slow

CALLERS = 300
# Role, maximum level, and whether the token is for some namespaces.
FORMS = (
    ("user", None, False),
    ("user", 1, False),
    ("user", 2, True),
    ("admin", None, False),
    ("admin", 1, True),
)


class Statements:
    """The distinct SQL texts sent to the database, and the number of compilations."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.compiled: list[str] = []


@contextmanager
def watching(engine: AsyncEngine) -> Iterator[Statements]:
    statements = Statements()

    def note(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        statements.texts.add(statement)
        if context.cache_hit is not CacheStats.CACHE_HIT and context.compiled is not None:
            statements.compiled.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def make_tokens(library: Library, namespace_id: int) -> list[str]:
    """The tokens of `CALLERS` users, of each form in turn, for different numbers of namespaces."""
    secrets = [new_secret() for _ in range(CALLERS)]
    forms = [FORMS[number % len(FORMS)] for number in range(CALLERS)]
    async with library.store.sessions.begin() as session:
        user_ids = await session.scalars(
            insert(User).returning(User.id, sort_by_parameter_order=True),
            [
                {"username": f"u{n}", "email": f"u{n}@example.com", "password": "-", "role": role}
                for n, (role, _, _) in enumerate(forms)
            ],
        )
        await session.execute(
            insert(ApiToken),
            [
                {
                    "user_id": user_id,
                    "name": "token",
                    "token_hash": hash_secret(secret),
                    "namespace_ids": [namespace_id, *range(1000, 1000 + n % 7)] if is_scoped else None,
                    "max_level": level,
                    "created_at": utcnow(),
                    # Recording a use takes another statement.
                    "last_used_at": utcnow() + timedelta(days=1),
                }
                for n, (user_id, secret, (_, level, is_scoped)) in enumerate(
                    zip(user_ids.all(), secrets, forms, strict=True)
                )
            ],
        )
        namespace = await session.get_one(Namespace, namespace_id)
        namespace.is_public = True
    return secrets


async def test_statements_are_compiled_once_for_all_callers_of_a_form(api: Api, library: Library) -> None:
    namespace = await library.namespace()
    document = await library.add(["clover grows in the meadow", "the porter changes the code"], namespace)
    client = await api.anonymous()
    narrowed = {"query": "code", "mode": "lexical", "doc_ids": [document]}
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/api/namespaces", None),
        ("GET", f"/api/namespaces/{namespace}", None),
        ("GET", f"/api/namespaces/{namespace}/documents", None),
        ("GET", "/api/documents", None),
        ("GET", f"/api/documents/{document}/passages", None),
        ("POST", f"/api/namespaces/{namespace}/search", {"query": "clover"}),
        ("POST", f"/api/namespaces/{namespace}/search", narrowed),
        ("POST", "/api/chats", {"namespace_id": namespace}),
        ("GET", "/api/chats", None),
    ]
    tokens = await make_tokens(library, namespace)

    async def use(secrets: list[str]) -> Statements:
        with watching(library.store.engine) as statements:
            for secret in secrets:
                headers = {"Authorization": f"Bearer {secret}"}
                for method, path, body in calls:
                    answer = await client.request(method, path, json=body, headers=headers)
                    assert answer.is_success, (path, answer.text)
        return statements

    # The second round: some statements run only when a connection is new.
    await use(tokens[: 2 * len(FORMS)])
    first = await use(tokens[: 2 * len(FORMS)])
    others = await use(tokens[2 * len(FORMS) :])
    assert others.compiled == []
    assert others.texts - first.texts == set()


@pytest.mark.parametrize("principal", [Principal(1, "user"), Principal(1, "user", 1, frozenset({1}))])
async def test_a_statement_without_its_caller_fails(library: Library, principal: Principal) -> None:
    question = SearchQuery(embedding=vectors(["clover"])[0])
    statement, parameters = search_statement(principal, 1, question, k=10)
    async with library.store.engine.connect() as connection:
        assert (await connection.execute(statement, parameters)).all() == []
        for name in principal.parameters:
            with pytest.raises(StatementError, match=f"value is required for bind parameter '{name}'"):
                await connection.execute(statement, {k: v for k, v in parameters.items() if k != name})
