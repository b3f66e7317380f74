"""Forms, links, comments and tracked changes."""

from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from ingest.parsers import parse
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.wordml import cell, field, item, level, numbering, paragraph, row, run, table

Write = Callable[..., Path]


def read(path: Path) -> str:
    return "\n".join(passage.text for passage in parse(path, ParserLimits()).passages)


def box(state: str) -> str:
    return field(" FORMCHECKBOX ", data=f"<w:checkBox>{state}</w:checkBox>")


def test_check_boxes_of_a_form(write_docx: Write) -> None:
    states = {
        "<w:checked/>": "[x]",
        '<w:default w:val="1"/>': "[x]",
        '<w:default w:val="1"/><w:checked w:val="0"/>': "[ ]",
        "": "[ ]",
    }
    path = write_docx("".join(paragraph(box(state) + run(" label")) for state in states))
    assert read(path).split("\n") == [f"{shown} label" for shown in states.values()]


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [('<w:result w:val="1"/>', "blood: B."), ('<w:default w:val="1"/>', "blood: B."), ("", "blood: A."),
     ('<w:result w:val="7"/>', "blood: .")],
)  # fmt: skip
def test_drop_down_list_of_a_form(chosen: str, shown: str, write_docx: Write) -> None:
    entries = f'<w:ddList>{chosen}<w:listEntry w:val="A"/><w:listEntry w:val="B"/></w:ddList>'
    # Some programs write the choice as the result of the field, too.
    choice = field(" FORMDROPDOWN ", run("B"), entries)
    assert read(write_docx(paragraph(run("blood: ") + choice + run(".")))) == shown


def test_check_boxes_as_content_controls(write_docx: Write) -> None:
    def control(state: str, content: str) -> str:
        checkbox = f'<w14:checkbox><w14:checked w14:val="{state}"/></w14:checkbox>'
        return f"<w:sdt><w:sdtPr>{checkbox}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"

    sign = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>'
    body = paragraph(control("1", run("\u2612")) + run(" inline")) + control("0", paragraph(run("\u2610")))
    body += table(f"<w:tr>{control('1', cell(paragraph(sign)))}{cell('in a table')}</w:tr>")
    assert read(write_docx(body)).split("\n") == ["[x] inline", "[ ]", "[x] | in a table"]


def test_addresses_of_links_stand_below_their_paragraph_once(write_docx: Write) -> None:
    def link(key: str, text: str) -> str:
        return f'<w:hyperlink r:id="{key}">{run(text)}</w:hyperlink>'

    body = paragraph(run("See ") + link("a", "the ru") + link("a", "les") + run(" and ") + link("b", "Ann"))
    body += paragraph(link("a", "the rules")) + paragraph(link("c", "example.net"))
    body += paragraph(link("q", "x")) + paragraph(link("d", "other"))
    body += paragraph(field(' HYPERLINK "https://example.com/old" \\h ', run("old")) + run(" link"))
    body += paragraph(field(' HYPERLINK \\l "_Toc1" ', run("inside")))
    related = {"a": "https://example.org/r", "b": "mailto:ann@example.org"}
    related |= {"c": "https://example.net/", "d": "other.docx"}
    assert read(write_docx(body, related=related)).split("\n") == [
        "See the rules and Ann",
        "Link: https://example.org/r",
        "Link: ann@example.org",
        "the rules",
        "example.net",
        "x",
        "other",
        "old link",
        "Link: https://example.com/old",
        "inside",
    ]


def test_heading_with_a_link(write_docx: Write) -> None:
    link = f'<w:hyperlink r:id="a">{run("Rules")}</w:hyperlink>'
    path = write_docx(paragraph(link, '<w:outlineLvl w:val="0"/>'), related={"a": "https://example.org/r"})
    (passage,) = parse(path, ParserLimits()).passages
    assert (passage.heading, passage.text) == ("Rules", "Rules\nLink: https://example.org/r")


def test_comments_as_an_option(tmp_path: Path) -> None:
    made = docx.Document()
    text = made.add_paragraph().add_run("Delivery in week 14.")
    made.add_comment(text, "Not before week 16.", "Ann Lee")
    path = tmp_path / "file"
    made.save(str(path))
    assert read(path) == "Delivery in week 14."
    document = parse(path, ParserLimits(), comments=True)
    assert document.passages[0].text == "Delivery in week 14.\nComment by Ann Lee: Not before week 16."
    assert document.warnings == []


def test_deleted_paragraph_marks_join_paragraphs(write_docx: Write) -> None:
    number = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    deleted = "<w:rPr><w:del/></w:rPr>"
    body = item("one") + paragraph("los", number + deleted) + paragraph("ses", number) + item("three")
    body += paragraph(f"<w:del>{run('all of it')}</w:del>", deleted) + paragraph("after it")
    body += paragraph("last before a table", deleted) + table(row("a", "b"))
    body += paragraph(f"<w:moveFrom>{run('moved')}</w:moveFrom>", "<w:rPr><w:moveFrom/></w:rPr>")
    body += paragraph("end", deleted)
    path = write_docx(body, numbering=numbering(level(0, "decimal", "%1.")))
    assert read(path).split("\n") == [
        "1. one",
        "2. losses",
        "3. three",
        "after it",
        "last before a table",
        "a | b",
        "end",
    ]
