from pathlib import Path

import pytest

from luma_rag.errors import InvalidInputError
from luma_rag.evaluation.questions import Place, Question, read_questions


def test_json_lines_with_one_place_or_several(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"question": "How long?", "document": "a.pdf", "page": 3}\n'
        "\n"
        '{"id": 7, "question": "Who?", "document": "a.pdf", "places": [{"page": 1}, {"document": "b.pdf"}]}\n'
        '{"question": "What else?", "answerable": false}\n'
    )
    assert read_questions(path) == [
        Question("How long?", "How long?", (Place("a.pdf", page=3),)),
        Question("7", "Who?", (Place("a.pdf", page=1), Place("b.pdf"))),
    ]


def test_csv_with_a_row_for_each_place(tmp_path: Path) -> None:
    path = tmp_path / "questions.csv"
    path.write_text(
        'question,document,page,quote\nHow long?,a.pdf,3,\nHow long?,b.pdf,,"three months, at least"\n'
    )
    places = (Place("a.pdf", page=3), Place("b.pdf", quote="three months, at least"))
    assert read_questions(path) == [Question("How long?", "How long?", places)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"question": "Why?"}', "entry 1: 'document' is missing"),
        ('{"document": "a.pdf"}', "entry 1: 'question' is missing"),
        ('{"question": "Why?", "document": "a.pdf", "page": "last"}', "entry 1"),
        ("not JSON", "malformed"),
        ("", "no question"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(content)
    with pytest.raises(InvalidInputError, match=says):
        read_questions(path)
