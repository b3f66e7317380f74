"""Questions with known answer places, and the files that hold them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from luma_rag.errors import FieldError, InvalidInputError


class Place(msgspec.Struct, frozen=True):
    """A place that answers a question: a document (file name, title or id), optionally a page or a quote.

    `page` is 1-based. With a `quote`, only passages that share its words count; with a `page`, only passages
    of that page; with neither, any passage of the document. `grade` is the degree of relevance.
    """

    document: str
    page: int | None = None
    quote: str | None = None
    grade: int = 1


class Question(msgspec.Struct, frozen=True):
    """A question with all known places of its answer."""

    id: str
    text: str
    places: tuple[Place, ...]


def read_questions(path: Path) -> list[Question]:
    """Read questions from JSON Lines, or from CSV with a header row.

    Each has `question`, `document` and optionally `page` and `quote`. Several places are a list of objects in
    `places` (JSON Lines) or several rows with the same question (CSV). An `id` is optional. Questions marked
    `answerable: false` are skipped.

    Raises:
        InvalidInputError: the file is malformed; the message names the line.
    """
    reader = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    places: dict[str, list[Place]] = {}
    texts: dict[str, str] = {}
    try:
        for number, row in enumerate(reader(path), start=1):
            if row.get("answerable") is False:
                continue
            try:
                text = msgspec.convert(row["question"], str)
                found = [_place(row | place) for place in row.get("places") or [{}]]
            except (KeyError, TypeError, msgspec.ValidationError) as error:
                raise _unreadable(path, f"entry {number}: {_reason(error)}") from None
            key = str(row.get("id") or text)
            texts[key] = text
            places.setdefault(key, []).extend(found)
    except (UnicodeDecodeError, msgspec.DecodeError, csv.Error) as error:
        raise _unreadable(path, str(error)) from None
    if not texts:
        raise _unreadable(path, "it holds no question")
    return [Question(key, texts[key], tuple(dict.fromkeys(places[key]))) for key in texts]


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield msgspec.json.decode(line, type=dict[str, Any])


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: value for name, value in row.items() if value}


def _place(row: dict[str, Any]) -> Place:
    fields = {name: row[name] for name in Place.__struct_fields__ if row.get(name) is not None}
    return msgspec.convert(fields | {"document": str(fields["document"])}, Place, strict=False)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _unreadable(path: Path, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path.name} can't be read as questions: {reason}. A line looks like this: "
        '{"question": "How long is the notice period?", "document": "contract.pdf", "page": 3}',
        errors=[FieldError("questions", reason)],
    )
