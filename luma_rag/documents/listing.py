"""How lists of documents are searched, filtered and sorted."""

from typing import Any, Literal

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    UnaryExpression,
    case,
    func,
    literal_column,
    or_,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from luma_rag.db.models import Document

State = Literal["ready", "pending", "failed", "unplaced"]
StateHere = Literal["ready", "pending", "failed"]
Sort = Literal["added", "-added", "title", "-title", "pages", "-pages", "size", "-size"]
# Constants, because a generic plan uses an index only if the statement itself names its expression.
_PAGES: ColumnElement[str] = literal_column("'pages'")
_SIZE: ColumnElement[str] = literal_column("'size'")


class Listing(msgspec.Struct, frozen=True):
    """What is wanted of a list. `containing` is text in the title or the file name, in any case."""

    containing: str | None = None
    state: State | None = None
    sort: Sort = "-added"


def page_count() -> ColumnElement[Any]:
    """The number of pages of the enclosing statement's `Document`; NULL if unknown."""
    count: ColumnElement[Any] = Document.file_metadata[_PAGES].as_integer()
    return count


def byte_count() -> ColumnElement[Any]:
    """The bytes of its file."""
    count: ColumnElement[Any] = Document.file_metadata[_SIZE].as_string().cast(BigInteger)
    return count


def state_of(latest: ScalarSelect[str], *, is_held: ColumnElement[bool]) -> ColumnElement[str]:
    """The state of a document with this state of its latest ingestion.

    Without one it is `ready` if it `is_held`, and otherwise `unplaced`.
    """
    states = {"queued": "pending", "running": "pending", "ready": "ready", "failed": "failed"}
    return case(states, value=latest, else_=case((is_held, "ready"), else_="unplaced"))


def contains(text: str | None) -> ColumnElement[bool]:
    """Whether the title or the file name has this text."""
    if text is None:
        return true()
    filename = Document.file_metadata["original_filename"].as_string()
    return or_(Document.title.icontains(text, autoescape=True), filename.icontains(text, autoescape=True))


def sort_key(sort: Sort, added: Any = None) -> Any:
    """What a list is sorted by; `added` is when the document was added to it."""
    return {
        "added": added,
        "title": func.lower(Document.title),
        "pages": page_count(),
        "size": byte_count(),
    }[sort.removeprefix("-")]


def order(sort: Sort, added: ColumnElement[Any] | InstrumentedAttribute[Any]) -> list[UnaryExpression[Any]]:
    """The order of a list. What has no pages comes last, whatever the direction."""
    key = sort_key(sort, added)
    if not sort.startswith("-"):
        return [key.asc().nulls_last(), Document.id.asc()]
    return [key.desc().nulls_last(), Document.id.desc()]
