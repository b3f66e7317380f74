from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import Passage
from tests.unit.ingest.parsers.wordml import cell, paragraph, row, table

Write = Callable[..., Path]
RESTART, CONTINUE = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"


def passage(path: Path) -> Passage:
    (only,) = parse(path, ParserLimits()).passages
    return only


def spanning(content: str, columns: int) -> str:
    return cell(content, f'<w:gridSpan w:val="{columns}"/>')


def repeated(*cells: str) -> str:
    """A row that Word repeats on each page."""
    return row(*cells).replace("<w:tr>", "<w:tr><w:trPr><w:tblHeader/></w:trPr>")


def test_merged_cells_repeat_their_value(tmp_path: Path) -> None:
    made = docx.Document()
    grid = made.add_table(rows=4, cols=3)
    for at, text in enumerate(["Region", "Sales", "", "", "Q1", "Q2", "North", "11", "12", "", "21", "22"]):
        grid.cell(at // 3, at % 3).text = text
    grid.cell(0, 1).merge(grid.cell(0, 2))
    grid.cell(0, 0).merge(grid.cell(1, 0))
    grid.cell(2, 0).merge(grid.cell(3, 0))
    path = tmp_path / "file"
    made.save(str(path))
    assert passage(path).text.split("\n") == [
        "Region | Sales | Sales",
        "Region | Q1 | Q2",
        "North | 11 | 12",
        "North | 21 | 22",
    ]


def test_long_text_in_merged_cells_is_not_repeated(write_docx: Write) -> None:
    long = "word " * 30
    rows = row(cell(long, RESTART), "a"), row(cell("", CONTINUE), "b"), row(spanning(long, 2))
    assert passage(write_docx(table(*rows))).text.count("word") == 60


def test_a_lone_value_keeps_its_column(write_docx: Write) -> None:
    rows = row("Month", "Parking", "Speeding"), row("", "", "45"), row("", "7", ""), row("Title", "", "")
    assert passage(write_docx(table(*rows))).text.split("\n") == [
        "Month | Parking | Speeding",
        " |  | 45",
        " | 7",
        "Title",
    ]


def test_skipped_and_horizontally_merged_columns(write_docx: Write) -> None:
    skipping = row("x").replace("<w:tr>", '<w:tr><w:trPr><w:gridBefore w:val="2"/></w:trPr>')
    merged = row(cell("wide", '<w:hMerge w:val="restart"/>'), cell("", "<w:hMerge/>"), "last")
    huge = row(spanning("lies", 10**6), "end")
    lines = passage(write_docx(table(skipping, merged, huge))).text.split("\n")
    assert lines[:2] == ["x", "wide | wide | last"]
    assert lines[2].count("lies") == 63


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ((repeated("a", "b"), row("1", "2")), "Rates > a | b"),
        ((repeated("a", "b"), repeated("c", "d"), row("x", "y")), "Rates > a | b > c | d"),
        ((row("Year", "Units"), row("2023", "5"), row("2024", "6")), "Rates > Year | Units"),
        ((row("Year", "2023"), row("Units", "5"), row("Cost", "6")), "Rates > Year | 2023"),
        (
            (row("", spanning("2023", 2)), row("Region", "Q1", "Q2"), row("N", "1", "2")),
            "Rates > 2023 > Region | Q1 | Q2",
        ),
        (
            (row(spanning("All rates", 2)), row("a", "b"), row("c", "1"), row("d", "2")),
            "Rates > All rates > a | b",
        ),
        ((row("11", "12"), row("21", "22"), row("31", "32")), "Rates"),
        ((row("only", "two"), row("x", "y")), "Rates"),
    ],
)
def test_header_of_a_table(rows: tuple[str, ...], header: str, write_docx: Write) -> None:
    found = passage(write_docx(paragraph("Rates") + table(*rows) + paragraph("Text after it.")))
    (table_found,) = found.tables
    assert table_found.header == header
    assert found.text[: table_found.start] == "Rates\n"
    assert found.text[table_found.start : table_found.body].count("\n") == header.count(" > ")
    assert found.text[table_found.end :] == "\nText after it."


def test_a_sentence_above_a_table_is_no_caption(write_docx: Write) -> None:
    grid = table(repeated("a", "b"), row("1", "2"))
    found = passage(write_docx(paragraph("This is a sentence.") + grid + grid))
    assert [each.header for each in found.tables] == ["a | b", "a | b"]
    assert [found.text[each.body : each.end] for each in found.tables] == ["1 | 2", "1 | 2"]


def test_cells_of_a_table_with_their_spans(write_docx: Write) -> None:
    grid = table(
        row("", spanning("2023", 2)),
        row("Region", "Q1", "Q2"),
        row(cell("North", RESTART), "1", "2"),
        row(cell("", CONTINUE), "3", ""),
    )
    (found,) = passage(write_docx(grid)).tables
    assert [[(cell.text, cell.columns, cell.rows) for cell in line] for line in found.rows] == [
        [("", 1, 1), ("2023", 2, 1)],
        [("Region", 1, 1), ("Q1", 1, 1), ("Q2", 1, 1)],
        [("North", 1, 2), ("1", 1, 1), ("2", 1, 1)],
        [("3", 1, 1), ("", 1, 1)],
    ]
    assert found.header_rows == 2
