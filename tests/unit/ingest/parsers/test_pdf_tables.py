"""Tables of PDF files, found by the places of their words."""

from pathlib import Path

import pytest

from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import Passage, Table
from tests.unit.ingest.parsers.pdf_files import Draw, at, drawn_pdf

Text = tuple[float, float, str]


def passages(path: Path, *pages: Draw) -> list[Passage]:
    return parse(drawn_pdf(path / "a.pdf", *pages), ParserLimits()).passages


def grid(*rows: tuple[str, ...], top: float = 700, width: float = 110, leading: float = 16) -> list[Text]:
    """The texts of rows of cells, of which "" is blank."""
    return [
        (60 + width * column, top - leading * number, cell)
        for number, cells in enumerate(rows)
        for column, cell in enumerate(cells)
        if cell
    ]


def cells_of(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_short_names_over_long_texts(tmp_path: Path) -> None:
    rows = (
        ("Date", "Event"),
        ("14 May", "payment of the dividend and of the profit share"),
        ("9 June", "party"),
    )
    (page,) = passages(tmp_path, at(*grid(*rows)))
    (table,) = page.tables
    assert cells_of(table) == [list(row) for row in rows]


def test_table_with_its_caption_and_header(tmp_path: Path) -> None:
    rows = ("Town", "People", "Leakage"), ("Aas", "1,204", "7.1"), ("Bo", "310", "6.4")
    before = (60.0, 730.0, "This is a sentence above it."), (60.0, 716.0, "Table 3: Water by town")
    (page,) = passages(tmp_path, at(*before, *grid(*rows), (60, 650, "Text below it.")))
    (table,) = page.tables
    assert cells_of(table) == [list(row) for row in rows]
    assert (table.caption, table.header_rows) == ("Table 3: Water by town", 1)
    assert table.header == "Table 3: Water by town > Town | People | Leakage"
    assert page.text[: table.start].endswith("Table 3: Water by town\n")
    assert page.text[table.start : table.body] == "Town | People | Leakage\n"
    assert page.text[table.body : table.end] == "Aas | 1,204 | 7.1\nBo | 310 | 6.4"
    assert page.text[table.end :] == "\nText below it."


def test_blank_cells_keep_their_column(tmp_path: Path) -> None:
    rows = ("", "1996", "1997"), ("Austria", "58.6", ""), ("Denmark", "", "48.1"), ("Finland", "89.1", "96.0")
    (page,) = passages(tmp_path, at(*grid(*rows)))
    assert cells_of(page.tables[0]) == [list(row) for row in rows]
    assert page.text.split("\n") == [
        "| 1996 | 1997",
        "Austria | 58.6",
        "Denmark |  | 48.1",
        "Finland | 89.1 | 96.0",
    ]


def test_heading_over_several_columns(tmp_path: Path) -> None:
    rows = ("Model", "Val", "Test"), ("LSTM", "31.9", "31.7"), ("GPT", "41.9", "41.7")
    texts = [(175, 716, "Overall accuracy of the model"), *grid(*rows)]
    (page,) = passages(tmp_path, at(*texts))
    (table,) = page.tables
    assert [(cell.text, cell.columns) for cell in table.rows[0]] == [
        ("", 1),
        ("Overall accuracy of the model", 2),
    ]
    assert table.header_rows == 2


def test_lines_of_a_cell_are_one_text(tmp_path: Path) -> None:
    rows = (
        ("", "Litres per", "Leakage"),
        ("Town", "head and day", "(per cent)"),
        ("Aas", "93", "7.1"),
        ("Bo and the other", "", ""),
        ("islands", "91", "6.4"),
        ("Ski", "117", "2.2"),
    )
    (page,) = passages(tmp_path, at(*grid(*rows, leading=13)))
    assert cells_of(page.tables[0]) == [
        ["Town", "Litres per head and day", "Leakage (per cent)"],
        ["Aas", "93", "7.1"],
        ["Bo and the other islands", "91", "6.4"],
        ["Ski", "117", "2.2"],
    ]
    assert page.tables[0].header_rows == 1


def test_currencies_belong_to_their_numbers(tmp_path: Path) -> None:
    rows = ("(In millions)", "", "Oct 1, 2022", "", "Sep 25, 2021"), ("Revenue", "$", "15", "$", "19")
    (page,) = passages(tmp_path, at(*grid(*rows, ("Costs", "", "8", "", "9"), width=60)))
    assert cells_of(page.tables[0]) == [
        ["(In millions)", "Oct 1, 2022", "Sep 25, 2021"],
        ["Revenue", "$ 15", "$ 19"],
        ["Costs", "8", "9"],
    ]
    assert page.tables[0].header_rows == 1


def test_table_that_goes_on_over_a_page_end(tmp_path: Path) -> None:
    first = ("Town", "People", "Leakage"), ("Aas", "12.5", "7.1"), ("Bo", "3.0", "6.4")
    second = ("Ski", "7.7", "2.2"), ("Moss", "9.1", "1.3")
    pages = passages(
        tmp_path,
        at((60, 216, "Water"), *grid(*first, top=200)),
        at(*grid(*second, top=780), (60, 700, "End of the table.")),
    )
    assert pages[1].text == "Ski | 7.7 | 2.2\nMoss | 9.1 | 1.3\nEnd of the table."
    (table,) = pages[1].tables
    assert (table.start, table.body) == (0, 0)
    assert table.header == "Water > Town | People | Leakage"
    assert cells_of(table) == [["Town", "People", "Leakage"], *map(list, second)]


def test_another_table_on_the_next_page_has_its_own_header(tmp_path: Path) -> None:
    first = ("Town", "People", "Leakage"), ("Aas", "12.5", "7.1"), ("Bo", "3.0", "6.4")
    second = ("Town", "People", "Loss"), ("Ski", "7.7", "2.2"), ("Moss", "9.1", "1.3")
    pages = passages(tmp_path, at(*grid(*first, top=200)), at(*grid(*second, top=780)))
    assert [page.tables[0].header for page in pages] == ["Town | People | Leakage", "Town | People | Loss"]


def test_tables_below_each_other(tmp_path: Path) -> None:
    first = ("Gas", "Air", "Water"), ("Methane", "100", "20"), ("Ammonia", "10", "5")
    second = ("Metal", "Soil", "Sea"), ("Lead", "200", "20"), ("Zinc", "100", "50")
    texts = [*grid(*first), (60, 652, "Heavy metals"), *grid(*second, top=636)]
    (page,) = passages(tmp_path, at(*texts))
    assert [table.header for table in page.tables] == [
        "Gas | Air | Water",
        "Heavy metals > Metal | Soil | Sea",
    ]


def test_what_is_no_table(tmp_path: Path) -> None:
    contents = ("Introduction", "1"), ("Methods", "4"), ("Results", "17"), ("Appendix", "20")
    items = ("1.", "The pump is checked"), ("2.", "The log is signed"), ("3.", "The report is sent")
    form = ("Name:", "Sea Thrush"), ("Berth:", "East"), ("Owner:", "Haug")
    equations = ("E = mc", "(1)"), ("F = ma", "(2)"), ("p = mv", "(3)")
    axis = ("1.0", "GPT", "LSTM"), ("0.9", "", ""), ("0.8", "", ""), ("0.7", "XSum", "SQuAD"), ("0.6", "", "")
    for rows in (contents, items, form, equations, axis):
        (page,) = passages(tmp_path, at(*grid(*rows)))
        assert page.tables == (), rows
        assert "|" not in page.text


def test_words_set_apart_in_justified_lines_are_no_cells(tmp_path: Path) -> None:
    texts = [
        *((60 + 45 * number, 700.0, word) for number, word in enumerate(("Kim,", "Park,", "and", "Lee."))),
        *((60 + 57 * number, 686.0, word) for number, word in enumerate(("Large", "models", "know"))),
        *(
            (60 + 38 * number, 672.0, word)
            for number, word in enumerate(("what", "they", "see", "and", "do"))
        ),
    ]
    (page,) = passages(tmp_path, at(*texts))
    assert page.tables == ()


def test_many_cells_are_not_kept_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parsers.pdf.pages.MOST_CELLS", 9)
    rows = ("Town", "People", "Leakage"), ("Aas", "12.5", "7.1"), ("Bo", "3.0", "6.4")
    pages = passages(tmp_path, at(*grid(*rows)), at(*grid(*rows)))
    assert [len(page.tables[0].rows) for page in pages] == [3, 1]
    assert pages[1].tables[0].header == "Town | People | Leakage"
