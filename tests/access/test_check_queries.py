"""The check of queries finds what is mutated, and nothing in the package itself."""

from pathlib import Path

import pytest

from luma_rag.db.base import Base
from luma_rag.db.models import (
    ApiToken,
    AuditEvent,
    Backfill,
    DisabledAccount,
    EmbeddingModel,
    ExternalIdentity,
    FileStore,
    LoginSession,
    RateLimit,
    RecoveryCode,
    SecondFactor,
    TemporaryPassword,
    User,
    WorkDone,
    Worker,
)
from tests.access.check_queries import EXEMPT, GUARDED, violations
from tests.access.check_queries import sources as sources_of

IMPORTS = """
from sqlalchemy import delete, select, text
from sqlalchemy import text as sql
import luma_rag.db.models as models
from luma_rag.access import readable_documents, require_document, document_permission
from luma_rag.db.models import Document, Passage, User
from luma_rag.db.models import Passage as Page
"""
PLANTED = {
    "a list without a rule": "async def titles(s):\n    return await s.scalars(select(Document.title))",
    "by id": "async def one(s, doc_id):\n    return await s.get(Document, doc_id)",
    "a deletion": "async def drop(s, i):\n    await s.execute(delete(Passage).where(Passage.doc_id == i))",
    "under another name": "async def one(s):\n    return await s.scalar(select(Page.text))",
    "through the module": "async def one(s):\n    return await s.scalar(select(models.Passage.text))",
    "as text": "async def one(s):\n    return await s.execute(text('SELECT title FROM document'))",
    "as formatted text": "async def one(s, c):\n    return await s.execute(sql(f'SELECT {c} FROM document'))",
    "as text that is put together": "def a():\n    return text('SELECT title ' + 'FROM document')",
    "put together before": "def a():\n    q = 'SELECT title ' + 'FROM document'\n    return text(q)",
    "as text in brackets": "def a():\n    return text('(SELECT title FROM document)')",
    "as text after a remark": "def a():\n    return text('-- all\\nSELECT title FROM document')",
    "as text without a verb": "def a(v):\n    return text(v + ' title FROM document')",
    "through a module of the models": "def one():\n    return select(models.document.Document)",
    "by its whole name": "import luma_rag.db.models\ndef a():\n    return luma_rag.db.models.Document.title",
    "by a relative import": "from .db.models import Document as D\ndef one():\n    return select(D)",
    "in a method": "class Titles:\n    def all(self):\n        return select(Document)",
    "in a function inside": "def outer():\n    def inner():\n        return select(Page)\n    return inner",
    "outside of functions": "ALL = select(Document)",
    "in a class": "class Titles:\n    query = select(Document)",
    # It says what the caller may do to each document, and leaves out none.
    "what is no rule": "def mine(p):\n    return select(Document, document_permission(p))",
    "a rule of somebody else": "def own_chats(p): ...\ndef a(p):\n    return select(Page), own_chats(p)",
    "a rule only beside it": (
        "def good(p):\n    return readable_documents(p)\ndef bad(s):\n    return s.scalars(select(Document))"
    ),
    "called by one who has no rule": (
        "def _all():\n    return select(Document)\n"
        "async def good(s, p):\n    await require_document(s, p, 1)\n    return _all()\n"
        "async def bad(s):\n    return _all()"
    ),
    "two that only call each other": (
        "def a():\n    return select(Document), b()\ndef b():\n    return select(Document), a()"
    ),
}  # fmt: skip
RIGHT = {
    "embedded": "def mine(p):\n    return select(Document).where(Document.id.in_(readable_documents(p)))",
    "required": (
        "async def texts(s, p, i):\n    await require_document(s, p, i)\n    return select(Passage)"
    ),
    "called by one who has required": (
        "def _all():\n    return select(Document)\n"
        "async def good(s, p):\n    await require_document(s, p, 1)\n    return _all()"
    ),
    "only annotated": "def view(a: Document) -> Document:\n    found: Document = a\n    return found",
    "an open table": "async def names(s):\n    return await s.scalars(select(User.username))",
    "a docstring": "def nothing():\n    'Delete a document with its chunk and passage.'",
    "prose": 'def fail():\n    raise ValueError("The document is gone. Select another document.")',
}


def _check(source: str, module: str = "luma_rag.mutated", **more: str) -> list[str]:
    modules = {module: IMPORTS + source} | {f"luma_rag.{name}": text for name, text in more.items()}
    return violations(modules, exempt={}, requiring=set())


def test_the_package_keeps_the_rules() -> None:
    modules = sources_of(Path(__file__).parents[2] / "luma_rag")
    assert "luma_rag.documents.service" in modules
    assert "luma_rag.access" in modules
    assert violations(modules) == []


@pytest.mark.parametrize("source", PLANTED.values(), ids=PLANTED)
def test_what_is_planted_is_found(source: str) -> None:
    assert any("luma_rag.mutated, line " in line for line in _check(source))


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_is_right_passes(source: str) -> None:
    assert _check(source) == []


def test_callers_are_looked_for_in_other_modules() -> None:
    helper = "def everything():\n    return select(Document)"
    good = (
        "from luma_rag import mutated\nfrom luma_rag.access import require_document\n"
        "async def a(s, p):\n    await require_document(s, p, 1)\n    return mutated.everything()"
    )
    bad = "from luma_rag.mutated import everything\nasync def b(s):\n    return everything()"
    assert _check(helper, documents=good) == []
    assert len(_check(helper, documents=good, chat=bad)) == 1
    # Whom only the worker calls is reached by no request.
    assert _check(helper, worker=bad) == []
    assert len(_check(helper, worker=bad, chat=bad)) == 1


def test_what_no_request_reaches_is_looked_at_where_something_else_calls_it() -> None:
    helper = "def everything():\n    return select(Document)"
    service = "from luma_rag.verify.mutated import everything\ndef all_of_it():\n    return everything()"
    modules = {"luma_rag.verify.mutated": IMPORTS + helper}
    assert violations(modules, exempt={}, requiring=set()) == []
    for name in ("luma_rag.http.routes.mutated", "luma_rag.documents.mutated"):
        assert len(violations(modules | {name: service}, exempt={}, requiring=set())) == 1
    assert violations(modules | {"luma_rag.cli.mutated": service}, exempt={}, requiring=set()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("luma_rag.documents.mutated", "from ..db.models import Document"),
        ("luma_rag.documents", "from ..db import models as m\nDocument = m.Document"),
        ("luma_rag.documents", "from .deep import Document"),
    ],
)
def test_relative_imports_are_followed(module: str, line: str) -> None:
    modules = {
        module: f"from sqlalchemy import select\n{line}\ndef one():\n    return select(Document)",
        "luma_rag.documents.deep": "",
    }
    found = violations(modules, exempt={}, requiring=set())
    assert bool(found) is ("deep" not in line)


def test_the_command_line_is_out_of_reach() -> None:
    source = PLANTED["a list without a rule"]
    assert _check(source, "luma_rag.cli.mutated") == []
    assert len(_check(source, "luma_rag.client")) == 1


@pytest.mark.parametrize(
    "module", ["documents.service", "documents.namespace_documents", "documents.rereading", "namespaces"]
)
def test_a_module_that_loses_its_rules_is_found(module: str) -> None:
    modules = sources_of(Path(__file__).parents[2] / "luma_rag")
    source = modules[f"luma_rag.{module}"]
    for rule in ("readable_", "require_"):
        source = source.replace(rule, f"not_{rule}")
    found = violations(modules | {f"luma_rag.{module}": source})
    assert any(f"luma_rag.{module}, line" in line for line in found)


def test_who_starts_the_server_does_not_answer_for_its_requests() -> None:
    helper = "def everything():\n    return select(Document)"
    handler = "from luma_rag import mutated\ndef handle():\n    return mutated.everything()"
    start = "from luma_rag.http.app import handle\ndef serve():\n    handle()"
    modules = {
        "luma_rag.mutated": IMPORTS + helper,
        "luma_rag.http.app": handler,
        "luma_rag.cli.serve": start,
    }
    assert len(violations(modules, exempt={}, requiring=set())) == 1


def test_an_exemption_must_be_needed() -> None:
    modules = {"luma_rag.mutated": IMPORTS + RIGHT["embedded"]}
    reason = {"luma_rag.mutated:mine": "no reason", "luma_rag.mutated:gone": "no reason"}
    assert len(violations(modules, exempt=reason, requiring=set())) == 2
    assert len(violations(modules, exempt={}, requiring={"luma_rag.mutated:gone"})) == 1
    assert all(EXEMPT.values())


def test_every_table_is_guarded_or_open() -> None:
    # What is open is looked at by accounts alone, which administrators use, or everybody for themselves.
    accounts = (
        User,
        ApiToken,
        LoginSession,
        DisabledAccount,
        ExternalIdentity,
        RecoveryCode,
        SecondFactor,
        TemporaryPassword,
    )
    of_nobody = (AuditEvent, Backfill, EmbeddingModel, FileStore, RateLimit, WorkDone, Worker)
    open_tables = {model.__tablename__ for model in accounts + of_nobody}
    assert set(Base.metadata.tables) == set(GUARDED.values()) | open_tables
    by_model = {mapper.class_.__name__: mapper.local_table.name for mapper in Base.registry.mappers}
    assert GUARDED.items() <= by_model.items()
