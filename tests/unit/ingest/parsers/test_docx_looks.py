"""What a DOCX shows, and how: hidden, struck-through, raised, and large text."""

from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.shared import Pt

from ingest.parsers import parse
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.wordml import (
    cell,
    item,
    level,
    looking,
    numbering,
    paragraph,
    row,
    run,
    style,
    table,
)

Write = Callable[..., Path]


def read(path: Path) -> str:
    return "\n".join(passage.text for passage in parse(path, ParserLimits()).passages)


def made(document: object, tmp_path: Path) -> Path:
    path = tmp_path / "file"
    document.save(str(path))  # type: ignore[attr-defined]
    return path


def test_hidden_text_is_left_out(tmp_path: Path) -> None:
    document = docx.Document()
    shown = document.add_paragraph("The price is 48. ")
    shown.add_run("Never below 39. ").font.hidden = True
    shown.add_run("Ask us.")
    document.styles.add_style("Internal", 1).font.hidden = True
    inherited = document.styles.add_style("Deeper", 1)
    inherited.base_style = document.styles["Internal"]
    document.styles.add_style("Whisper", 2).font.hidden = True
    document.add_paragraph("a note", "Internal")
    document.add_paragraph("another note", "Deeper").add_run(" but this is shown").font.hidden = False
    document.add_paragraph("loud").add_run("whispered", "Whisper")
    assert read(made(document, tmp_path)).split("\n") == [
        "The price is 48. Ask us.",
        " but this is shown".strip(),
        "loud",
    ]


def test_two_styles_that_hide_show(write_docx: Write) -> None:
    """As Word does: the property of a paragraph's style toggles that of a run's style."""
    styles = style("P", "<w:vanish/>") + style("R", "<w:vanish/>", "character")
    text = paragraph(looking('<w:rStyle w:val="R"/>', "shown") + run(" hidden"), '<w:pStyle w:val="P"/>')
    assert read(write_docx(text + paragraph("end"), styles=styles)) == "shown\nend"


def test_what_stands_in_hidden_text_is_hidden(write_docx: Write) -> None:
    box = f"<w:pict><v:textbox><w:txbxContent>{paragraph('box')}</w:txbxContent></v:textbox></w:pict>"
    hidden = f'<w:r><w:rPr><w:vanish/></w:rPr>{box}<w:footnoteReference w:id="2"/></w:r>'
    path = write_docx(
        paragraph(run("text") + hidden), footnotes=f'<w:footnote w:id="2">{paragraph("note")}</w:footnote>'
    )
    assert read(path) == "text"


def test_hidden_items_and_rows_do_not_count(write_docx: Write) -> None:
    hidden = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr><w:rPr><w:vanish/></w:rPr>'
    body = item("one") + paragraph(looking("<w:vanish/>", "secret"), hidden) + item("two")
    body += table("<w:tr><w:trPr><w:hidden/></w:trPr>" + cell("gone") + "</w:tr>", row("a", "b"))
    path = write_docx(body, numbering=numbering(level(0, "decimal", "%1.")))
    assert read(path).split("\n") == ["1. one", "2. two", "a | b"]


def test_struck_through_text_is_marked(tmp_path: Path) -> None:
    document = docx.Document()
    text = document.add_paragraph("The deposit is ")
    text.add_run("900 ").font.strike = True
    text.add_run("crowns").font.double_strike = True
    text.add_run(" 400 crowns. ")
    text.add_run("Paint the rooms (art. 5). Every year.").font.strike = True
    text.add_run("!").font.strike = True
    assert read(made(document, tmp_path)) == (
        "The deposit is ~~900 crowns~~ 400 crowns. ~~Paint the rooms (art. 5).~~ ~~Every year.!~~"
    )


@pytest.mark.parametrize(
    ("before", "raised", "result"),
    [
        ("10", "5", "10^5"),
        ("1.5 x 10", "-6", "1.5 x 10^-6"),
        ("cm", "2", "cm^2"),
        ("x", "2", "x^2"),
        ("$320", "1", "$320[1]"),
        ("3.10", "5", "3.10[5]"),
        ("the tax", "3, 4", "the tax[3, 4]"),
        ("end.", "7", "end.[7]"),
        ("the 1", "st", "the 1st"),
        ("alone ", "5", "alone 5"),
        ("", "5", "5"),
    ],
)
def test_raised_numbers_stay_apart(before: str, raised: str, result: str, tmp_path: Path) -> None:
    document = docx.Document()
    text = document.add_paragraph(before)
    # Word often cuts what is raised into several runs.
    for character in raised:
        text.add_run(character).font.superscript = True
    assert read(made(document, tmp_path)) == result


def test_lowered_numbers(tmp_path: Path) -> None:
    document = docx.Document()
    text = document.add_paragraph("H")
    for lowered, after in (("2", "O, 101"), ("2", "")):
        text.add_run(lowered).font.subscript = True
        text.add_run(after)
    assert read(made(document, tmp_path)) == "H2O, 101_2"


def test_raised_by_style(write_docx: Write) -> None:
    styles = style("Mark", '<w:vertAlign w:val="superscript"/>', "character")
    text = paragraph(run("costs 320") + looking('<w:rStyle w:val="Mark"/>', "1"))
    assert read(write_docx(text, styles=styles)) == "costs 320[1]"


def test_drop_cap_begins_its_word(write_docx: Write) -> None:
    letter = paragraph(looking('<w:sz w:val="80"/>', "O"), '<w:framePr w:dropCap="drop"/>')
    frame = paragraph("A frame", '<w:framePr w:dropCap="none"/>')
    assert read(write_docx(letter + paragraph("nce upon a time") + frame)) == "Once upon a time\nA frame"


def test_headings_by_bold_and_size(tmp_path: Path) -> None:
    document = docx.Document()

    def line(text: str, size: int | None = None, bold: bool = False) -> None:
        part = document.add_paragraph().add_run(text)
        part.font.size = Pt(size) if size else None
        part.bold = bold

    line("Terms of delivery", 20)
    line("Termination", 14, bold=True)
    line("Either side may end it with ninety days of notice in writing.")
    line("Delay", 14, bold=True)
    line("For each week of delay the supplier owes two per cent.")
    line("Exceptions", bold=True)
    line("Note this well: strikes and ice in the harbor free both sides.", bold=True)
    line("They have to be announced to the other side within a day.")
    assert [passage.heading for passage in parse(made(document, tmp_path), ParserLimits()).passages] == [
        "Terms of delivery > Termination",
        "Terms of delivery > Delay",
        "Terms of delivery > Delay > Exceptions",
    ]


def test_bold_text_is_no_heading_beside_styled_headings(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Styled", 1)
    document.add_paragraph("text")
    document.add_paragraph().add_run("Bold line").bold = True
    document.add_paragraph("more text")
    assert [passage.heading for passage in parse(made(document, tmp_path), ParserLimits()).passages] == [
        "Styled"
    ]


def test_where_all_is_bold_nothing_is_a_heading(tmp_path: Path) -> None:
    document = docx.Document()
    for text in ("A line", "A sentence that is as bold as the line is.", "And another one."):
        document.add_paragraph().add_run(text).bold = True
    assert [passage.heading for passage in parse(made(document, tmp_path), ParserLimits()).passages] == [None]
