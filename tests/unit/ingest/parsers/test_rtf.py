"""Rich Text Format."""

from collections.abc import Callable

import pytest

from ingest.errors import NoTextError
from ingest.types import ParsedDocument

Read = Callable[[str, bytes | str], ParsedDocument]
HEAD = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fnil\fcharset204 Arial Cyr;}"
    rb"{\f2\fnil\fcharset128 MS Mincho;}}{\colortbl;\red0\green0\blue0;}"
    rb"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}{\s2 heading 2;}{\s3\qc Title;}}"
)


def lines(read: Read, body: bytes) -> list[str]:
    document = read("a.rtf", HEAD + body + b"}")
    return "\n".join(passage.text for passage in document.passages).split("\n")


def test_headings_title_and_running_lines(read: Read) -> None:
    document = read(
        "a.rtf",
        HEAD
        + rb"{\info{\title Rules of ferries}{\author Somebody}}{\header Harbor office\par}"
        + rb"\pard\plain\s3 Ferry rules\par\pard\s1 Dues\par\pard One.\par\pard\s2 Ports\par\pard Two.\par}",
    )
    assert (document.type, document.title) == ("rtf", "Rules of ferries")
    assert [(passage.heading, passage.text) for passage in document.passages] == [
        ("Dues", "Ferry rules\nDues\nOne."),
        ("Dues > Ports", "Ports\nTwo."),
        (None, "Harbor office"),
    ]


def test_characters_in_any_encoding(read: Read) -> None:
    assert lines(
        read,
        rb"Gr\'fc\'dfe \u8212? \emdash\ldblquote x\rdblquote\~y\_z\par{\f1 \'cf\'f0\'e8\'e2\'e5\'f2}\par"
        rb"{\f2 \'89\'ef\'94\'ef}\par\uc2\u8364\'80\'80!\par{\uc0\u21313}x\par \{braces\}\\\par",
    ) == ["Grüße — —“x” y-z", "Привет", "会費", "€!", "\u5341x", "{braces}\\"]


def test_text_as_it_is_shown(read: Read) -> None:
    assert lines(
        read,
        rb"$320{\super 1} {\strike old}{\v secret}{\deleted gone} 10{\super 5}\line next\tab col\par"
        rb'{\field{\*\fldinst{HYPERLINK "https://ferry.example"}}{\fldrslt our site}} end\par'
        rb"{\*\unknown skipped}{\pict\bin5 }}{{{} shown{\*\annotation no}\par",
    ) == ["$320[1] ~~old~~ 10^5", "next col", "our site (https://ferry.example) end", "shown"]


def test_notes_and_text_boxes(read: Read) -> None:
    assert lines(
        read,
        rb"They rise.{\footnote\pard\plain See {\i annex} 3.} More.\par"
        rb"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt Boxed\par}}}\pard Last\par",
    ) == ["They rise. More.", "Note 1: See annex 3.", "Boxed", "Last"]


def test_table(read: Read) -> None:
    row = rb"\trowd%b\cellx1000%b\cellx2000\pard\intbl %b\cell %b\cell\row"
    document = read(
        "a.rtf",
        HEAD
        + rb"\pard Dues of 2026\par"
        + row % (rb"\trhdr", b"", b"Port", b"Dues")
        + row % (rb"\clvmgf", b"", b"Bodo", b"14")
        + row % (rb"\clvmrg", b"", b"", b"15")
        + rb"\pard After\par}",
    )
    (passage,) = document.passages
    assert passage.text.split("\n") == ["Dues of 2026", "Port | Dues", "Bodo | 14", "Bodo | 15", "After"]
    assert passage.tables[0].header == "Dues of 2026 > Port | Dues"


@pytest.mark.parametrize(
    "body",
    [
        b"{" * 100_000 + b"words" + b"}" * 100_000,
        b"}" * 1000 + b"words",
        rb"\u99999999999words",
        rb"\bin-5 words",
        b"\\",
        rb"\'zz words",
    ],
    ids=["deep", "closed", "number", "binary", "end", "hex"],
)
def test_hostile_files(read: Read, body: bytes) -> None:
    if body == b"\\":
        with pytest.raises(NoTextError):
            lines(read, body)
    else:
        assert "words" in lines(read, body)[0]
