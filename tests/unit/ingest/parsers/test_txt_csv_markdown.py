"""Plain text, CSV and Markdown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument

Parse = Callable[[str, bytes | str], ParsedDocument]


def lines(document: ParsedDocument) -> list[str]:
    return "\n".join(passage.text for passage in document.passages).split("\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Die Gebühr für Mitglieder beträgt 14 €.", "utf-8"),
        ("Die Gebühr für Mitglieder beträgt 14 €.", "utf-8-sig"),
        ("Die Gebühr für Mitglieder beträgt 14 €.", "utf-16"),
        ("The fee for members is 14 crowns.", "utf-16-be"),
        ("Die Gebühr für Mitglieder beträgt 14 €.", "utf-32"),
        ("Die Gebühr für Mitglieder beträgt 14 €.", "cp1252"),
        ("The fee is £14 \u2014 \u201cquoted\u201d, naïve.", "cp1252"),
        ("会費は十四クローネです。", "shift_jis"),
        ("会費は十四クローネです。", "euc_jp"),
        ("会費は十四クローネです。", "iso2022_jp"),
        ("会员费为每年14克朗。", "gb18030"),
        ("會員費為每年14克朗。", "big5"),
        ("Членский взнос составляет 14 крон.", "cp1251"),
        ("Składka", "cp1250"),
        ("Składka członkowska wynosi 14 koron, za jaźń.", "cp1250"),
        ("Πληρώνουμε συνδρομή δεκατέσσερις κορώνες.", "cp1253"),
    ],
)
def test_encoding_is_detected(read: Parse, text: str, encoding: str) -> None:
    document = read("a.txt", text.encode(encoding))
    assert document.type == "txt"
    assert document.passages[0].text == text
    assert document.warnings == []


def test_one_damaged_byte_does_not_change_the_encoding(read: Parse) -> None:
    text = "Die Gebühr für Mitglieder beträgt 14 €. " * 20
    document = read("a.txt", text.encode() + b"\xfc end")
    assert document.passages[0].text == f"{text}\ufffd end"
    assert [warning.code for warning in document.reading_warnings] == ["characters_unread"]


def test_long_text_is_divided_between_paragraphs(read: Parse) -> None:
    paragraphs = [f"Paragraph {number}. " + "Words go on. " * 50 for number in range(100)]
    document = read("a.txt", "\r\n\r\n".join(paragraphs))
    assert 5 < len(document.passages) < 20
    assert all(passage.text.startswith("Paragraph") for passage in document.passages)
    assert "".join(lines(document)).count("Paragraph") == 100


def test_long_line_is_divided(read: Parse) -> None:
    document = read("a.txt", "word " * 100_000)
    assert max(len(passage.text) for passage in document.passages) < 10_000
    assert sum(passage.text.count("word") for passage in document.passages) == 100_000


def test_too_much_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x" * (2**20 + 1))
    with pytest.raises(LimitError, match="1 MB"):
        parse(path, ParserLimits(output_mb=1))
    path.write_text("x" * (2**23))
    with pytest.raises(LimitError, match="1 MB"):
        parse(path, ParserLimits(output_mb=1))


def test_binary_data_behind_text_is_an_error(read: Parse) -> None:
    with pytest.raises(PermanentError, match="no text"):
        read("a.txt", b"#!/bin/sh\n" * 10_000 + bytes(range(256)) * 500)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv"])
def test_blank_file_has_no_text(read: Parse, name: str) -> None:
    with pytest.raises(NoTextError):
        read(name, " \n\n ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_detected(read: Parse, delimiter: str) -> None:
    rows = ["port,name;dues", "Bodo,x;14", "Vardo,y;11"]
    text = "\n".join(row.replace(",", delimiter).replace(";", delimiter) for row in rows)
    (passage,) = read("a.csv", text).passages
    assert passage.text == "port | name | dues\nBodo | x | 14\nVardo | y | 11"
    (table,) = passage.tables
    assert table.header == "port | name | dues"
    assert passage.text[table.body : table.end] == "Bodo | x | 14\nVardo | y | 11"


def test_csv_as_programs_write_it(read: Parse) -> None:
    text = 'sep=;\r\nport;"note ""a"""\r\nBodo;"two\r\nlines; one value"\r\n\r\nVardo;\r\n'
    assert lines(read("a.csv", text)) == ['port | note "a"', "Bodo | two lines; one value", "Vardo"]
    excel = "port;dues\nBodø;14\n".encode("cp1252")
    assert lines(read("a.csv", excel)) == ["port | dues", "Bodø | 14"]


def test_quotation_mark_that_is_none(read: Parse) -> None:
    text = "size,name\n" + '5",pipe\n' + '"3,bolt\n' * 300
    assert len(lines(read("a.csv", text))) == 302


def test_title_above_and_table_without_header(read: Parse) -> None:
    document = read("a.csv", "Dues of 2026,,\nport,dues,year\nBodo,14,2026\n")
    assert document.passages[0].tables[0].header == "Dues of 2026 > port | dues | year"
    document = read("a.csv", "1,2,3\n4,5,6\n7,8,9\n")
    assert document.passages[0].tables[0].header == ""


def test_each_part_of_a_long_table_has_the_header(read: Parse) -> None:
    rows = "".join(f"Port number {number},{number}\n" for number in range(2000))
    document = read("a.csv", f"port,dues\n{rows}")
    assert len(document.passages) > 3
    for passage in document.passages:
        assert passage.text.startswith("port | dues\nPort number")
        assert passage.tables[0].header == "port | dues"
    assert sum(passage.text.count("Port number") for passage in document.passages) == 2000


def test_markdown(read: Parse) -> None:
    text = """---
title: "Ferry handbook"
---
# Ferries

Intro with **bold**, a [link](https://ferry.example/dues), a
second [link](https://ferry.example/dues), ~~old~~ and `code`.

## Dues

| Port | Dues |
|------|-----:|
| Bodo | 14 |

3. three
   - nested

```python
def f():
    return 1
```

<div><b>In</b> HTML</div>

Last
====
"""
    document = read("a.md", text)
    assert document.title == "Ferry handbook"
    assert [passage.heading for passage in document.passages] == [None, "Ferries", "Ferries > Dues", "Last"]
    ferries, dues = document.passages[1:3]
    assert ferries.text.split("\n")[1:] == [
        "Intro with bold, a link (https://ferry.example/dues), a",
        "second link, ~~old~~ and code.",
    ]
    assert dues.text.split("\n")[1:] == [
        "Port | Dues",
        "Bodo | 14",
        "3. three",
        "  - nested",
        "def f():",
        "    return 1",
        "In HTML",
    ]
    assert dues.tables[0].header == "Port | Dues"


def test_lone_top_heading_is_the_title_of_a_markdown(read: Parse) -> None:
    document = read("a.md", "# Ferry dues\n\nWords.\n\n## Ports\n\nBodo.\n")
    assert document.title == "Ferry dues"
    assert [passage.heading for passage in document.passages] == [None, "Ports"]


@pytest.mark.parametrize(
    "text",
    [
        ">" * 100_000 + " words",
        "- " * 3000 + "words",
        "*a " * 20_000 + "words",
        "`" * 50_000 + "\nwords",
        "[" * 3000 + "words",
    ],
    ids=["quotes", "lists", "emphasis", "code", "links"],
)
def test_nothing_is_lost_in_hostile_markdown(read: Parse, text: str) -> None:
    assert "words" in lines(read("a.md", text))[-1]
