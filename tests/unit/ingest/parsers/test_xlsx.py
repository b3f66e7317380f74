"""Excel workbooks."""

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers import parse
from ingest.parsers.xlsx.values import shown
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument
from tests.unit.ingest.parsers.office_files import write_zip


def saved(workbook: openpyxl.Workbook, path: Path) -> ParsedDocument:
    workbook.save(path)
    return parse(path, ParserLimits())


@pytest.fixture
def workbook() -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.active.title = "Dues 2026"
    return made


def test_sheets_are_sections_and_tables_have_headers(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    sheet = workbook.active
    sheet["B2"] = "Ferry dues"
    for row in ([], [None, "Port", "Dues"], [None, "Bodo", 14], [None, "Vardo", 11.5]):
        sheet.append(row)
    second = workbook.create_sheet("Ports")
    second.append(["Name", "Open"])
    second.append(["Bodo", True])
    workbook.properties.title = "Dues of the ferries"
    document = saved(workbook, tmp_path / "a.xlsx")
    assert (document.type, document.title, document.pages) == ("xlsx", "Dues of the ferries", None)
    assert [(passage.heading, passage.text) for passage in document.passages] == [
        ("Dues 2026", "Dues 2026\nFerry dues\nPort | Dues\nBodo | 14\nVardo | 11.5"),
        ("Ports", "Ports\nName | Open\nBodo | TRUE"),
    ]
    assert document.passages[0].tables[0].header == "Ferry dues > Port | Dues"
    assert document.warnings == []


def test_merged_cells_repeat_their_value(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    sheet = workbook.active
    for row in (
        ["Dues of all ports", None, None],
        ["Port", 2026, None],
        [None, "Spring", "Fall"],
        ["Bodo", 14, 15],
        [None, 16, 17],
    ):
        sheet.append(row)
    for cells in ("A1:C1", "A2:A3", "B2:C2", "A4:A5"):
        sheet.merge_cells(cells)
    (passage,) = saved(workbook, tmp_path / "a.xlsx").passages
    assert passage.text.split("\n")[1:] == [
        "Dues of all ports",
        "Port | 2026 | 2026",
        "Port | Spring | Fall",
        "Bodo | 14 | 15",
        "Bodo | 16 | 17",
    ]
    assert passage.tables[0].header == "Dues of all ports > Port | 2026 | 2026 > Port | Spring | Fall"


def test_hidden_is_left_out_and_told(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    sheet = workbook.active
    for row in (["Port", "Secret", "Dues"], ["Bodo", "s1", 14], ["Oslo", "s2", 9]):
        sheet.append(row)
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[3].hidden = True
    workbook.create_sheet("Drafts")["A1"] = "draft"
    workbook["Drafts"].sheet_state = "veryHidden"
    document = saved(workbook, tmp_path / "a.xlsx")
    assert document.passages[0].text == "Dues 2026\nPort | Dues\nBodo | 14"
    assert {warning.code: warning.text for warning in document.reading_warnings} == {
        "hidden_cells": "Left out of the sheet Dues 2026, since hidden: 1 row and 1 column.",
        "hidden_sheets": "1 hidden sheet was left out: Drafts.",
    }


def test_formulas_have_their_computed_values(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    sheet = workbook.active
    sheet.append(["Port", "Dues"])
    sheet.append(["Bodo", "=7*2"])
    workbook.save(tmp_path / "a.xlsx")
    document = parse(tmp_path / "a.xlsx", ParserLimits())
    assert [warning.code for warning in document.reading_warnings] == ["formulas_without_values"]
    computed = changed(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", b"<v />", b"<v>14</v>")
    computed = changed(computed, "xl/worksheets/sheet1.xml", b"<v></v>", b"<v>14</v>")
    document = parse(computed, ParserLimits())
    assert document.passages[0].text.endswith("Bodo | 14")
    assert document.warnings == []


def changed(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """A file with a part in which `old` is replaced."""
    stream = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(stream) as archive, zipfile.ZipFile(path, "w") as target:
        for name in archive.namelist():
            data = archive.read(name)
            target.writestr(name, data.replace(old, new) if name == part else data)
    return path


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (datetime.datetime(2026, 5, 1), "dd.mm.yyyy", "2026-05-01"),
        (datetime.datetime(2026, 5, 1, 14, 30, 0, 999_900), "General", "2026-05-01 14:30:01"),
        (datetime.datetime(2026, 5, 1, 14, 29, 59, 999_900), "General", "2026-05-01 14:30"),
        (datetime.time(14, 30), "h:mm", "14:30:00"),
        (0.125, "0%", "12%"),
        (0.125, "0.0%", "12.5%"),
        (1234.5, "#,##0.00", "1,234.50"),
        (1234.5, '#,##0.00\\ "kr"', "1,234.50 kr"),
        (-5, "[$€-407] #,##0.00;[Red]-[$€-407] #,##0.00", "-€ 5.00"),
        (-0.001, "0.00", "0.00"),
        (7, "00000", "00007"),
        (0.5, "0.##", "0.5"),
        (2, "0.##", "2"),
        (12_345_678, '#,##0.0,,"M"', "12.3M"),
        (5, "_(* #,##0.00_);_(* (#,##0.00)", "5.00"),
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (1234567890123, "General", "1234567890123"),
        (0.00012, "0.00E+00", "0.00012"),
        (float("nan"), "0.00", "nan"),
        (False, "General", "FALSE"),
    ],
)
def test_values_are_shown_as_people_see_them(value: object, number_format: str, expected: str) -> None:
    assert shown(value, number_format) == expected


def test_later_table_of_a_sheet_has_its_own_header(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    sheet = workbook.active
    for row in (["Port", "Dues"], ["Bodo", 14], [], ["Vardo", 11], [], ["Ship", "Seats"], ["Nordlys", 500]):
        sheet.append(row)
    (passage,) = saved(workbook, tmp_path / "a.xlsx").passages
    assert [table.header for table in passage.tables] == ["Port | Dues", "Port | Dues", "Ship | Seats"]


def test_far_cells_are_limited(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    sheet = workbook.active
    sheet["A1"] = "near"
    sheet["XFD1048576"] = "far"
    document = saved(workbook, tmp_path / "a.xlsx")
    assert document.passages[0].text == "Dues 2026\nnear"
    assert [warning.code for warning in document.reading_warnings] == ["columns_left_out"]


def test_mistakes_in_the_file(
    workbook: openpyxl.Workbook, tmp_path: Path, read: Callable[[str, bytes], ParsedDocument]
) -> None:
    workbook.active["A1"] = "words"
    path = tmp_path / "a.xlsx"
    workbook.save(path)
    for part in ("xl/theme/theme1.xml", "docProps/app.xml", "[Content_Types].xml"):
        workbook.save(path)
        assert (
            "words"
            in parse(changed(path, part, b"<", b"<<") if part[0] != "[" else path, ParserLimits())
            .passages[0]
            .text
        )
    workbook.save(path)
    with pytest.raises(PermanentError, match="damaged"):
        parse(changed(path, "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData"), ParserLimits())
    with pytest.raises(NoTextError):
        saved(openpyxl.Workbook(), path)


def test_entities_are_refused(workbook: openpyxl.Workbook, tmp_path: Path) -> None:
    workbook.active["A1"] = "words"
    path = tmp_path / "a.xlsx"
    workbook.save(path)
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet'
    with pytest.raises(PermanentError, match="damaged"):
        parse(changed(path, "xl/worksheets/sheet1.xml", b"<worksheet", bomb), ParserLimits())


def test_bomb_is_not_unpacked(tmp_path: Path) -> None:
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    path = write_zip(
        tmp_path / "a.xlsx",
        {
            "[Content_Types].xml": f'<Types><Override PartName="/xl/workbook.xml" '
            f'ContentType="{main}"/></Types>',
            "xl/workbook.xml": "<workbook/>",
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{rels}"><Relationship Id="a" '
            f'Type="{relation}/worksheet" Target="sheet.xml"/></Relationships>',
            "xl/sheet.xml": " " * 200_000_000,
        },
    )
    with pytest.raises(LimitError):
        parse(path, ParserLimits())
