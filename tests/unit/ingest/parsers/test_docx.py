import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers import parse
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.wordml import cell, item, level, numbering, paragraph, row, run, table

Write = Callable[..., Path]


def changed(path: Path, part: str, old: str, new: str) -> Path:
    """A copy of a DOCX with `old` replaced in a part."""
    copy = path.with_name("changed.docx")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as written:
        for name in archive.namelist():
            data = archive.read(name).decode()
            if name == part:
                assert old in data
                data = data.replace(old, new)
            written.writestr(name, data)
    return copy


def read(path: Path) -> str:
    document = parse(path, ParserLimits())
    assert document.warnings == []
    return "\n".join(passage.text for passage in document.passages)


def test_document_as_written_by_word(tmp_path: Path) -> None:
    made = docx.Document()
    made.core_properties.title = "House Rules"
    made.add_heading("House Rules", 0)
    made.add_paragraph("Before all.")
    made.add_heading("Kitchen", 1)
    made.add_heading("Dishes", 2)
    made.add_paragraph("Wash them.")
    made.add_paragraph("plates", "List Bullet")
    made.add_paragraph("cups", "List Number")
    made.add_heading("Garden", 1)
    grid = made.add_table(rows=2, cols=2)
    for at, text in enumerate(["tool", "place", "spade", "shed"]):
        grid.cell(at // 2, at % 2).text = text
    made.sections[0].header.paragraphs[0].text = "Acme House"
    path = tmp_path / "file"
    made.save(str(path))
    document = parse(path, ParserLimits())
    assert (document.type, document.title, document.pages, document.warnings) == (
        "docx",
        "House Rules",
        None,
        [],
    )
    assert [(passage.heading, passage.page, passage.text) for passage in document.passages] == [
        (None, None, "House Rules\nBefore all."),
        ("Kitchen > Dishes", None, "Kitchen\nDishes\nWash them.\n- plates\n1. cups"),
        ("Garden", None, "Garden\ntool | place\nspade | shed"),
        (None, None, "Acme House"),
    ]


def test_headings_by_outline_level_and_inherited_style(write_docx: Write) -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Eigen"><w:basedOn w:val="berschrift1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Body"><w:name w:val="Body"/><w:basedOn w:val="berschrift1"/>'
        '<w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style>'
    )
    path = write_docx(
        paragraph("Eins", '<w:pStyle w:val="Eigen"/>')
        + paragraph("Text", '<w:pStyle w:val="Body"/>')
        + paragraph("Tief", '<w:outlineLvl w:val="2"/>')
        + paragraph("Mehr", '<w:pStyle w:val="Loop"/>')
        + paragraph("Wort " * 60, '<w:pStyle w:val="Eigen"/>'),
        styles=styles,
    )
    document = parse(path, ParserLimits())
    assert [passage.heading for passage in document.passages] == ["Eins", "Eins > Tief"]
    assert "Wort" in document.passages[1].text


def test_heading_without_text_is_separate_from_the_next(write_docx: Write) -> None:
    path = write_docx(
        "".join(paragraph(text, '<w:pStyle w:val="Heading1"/>') for text in ("A", "B")) + paragraph("Text")
    )
    document = parse(path, ParserLimits())
    assert [(passage.heading, passage.text) for passage in document.passages] == [
        ("A", "A"),
        ("B", "B\nText"),
    ]


def test_list_numbering_matches_word(write_docx: Write) -> None:
    text = read(
        write_docx(
            item("a") + item("a1", 1) + item("a2", 1) + item("b") + item("b1", 1) + item("deep", 2)
            + paragraph("between") + item("c") + item("anew", 0, 2) + item("none", 0, 0),
            numbering=numbering(
                level(0, "decimal", "%1."), level(1, "lowerLetter", "%1.%2)"), level(2, "bullet", "\uf0b7")
            ),
        )
    )  # fmt: skip
    assert text.split("\n") == [
        "1. a", "  1.a) a1", "  1.b) a2", "2. b", "  2.a) b1", "    - deep",
        "between", "3. c", "1. anew", "none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "start", "label"),
    [
        ("upperRoman", 49, "XLIX"),
        ("lowerLetter", 27, "aa"),
        ("decimalZero", 3, "03"),
        ("none", 3, ""),
        ("thai", 3, "3"),
    ],
)
def test_number_formats(write_docx: Write, form: str, start: int, label: str) -> None:
    path = write_docx(item("x"), numbering=numbering(level(0, form, "%1", start)))
    assert read(path) == f"{label} x".strip()


def test_tables(write_docx: Write) -> None:
    restart, go_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    inner = table(row("n1", "n2"), row("n3", "n4"))
    text = read(
        write_docx(
            table(
                row("head", cell("wide", '<w:gridSpan w:val="2"/>')),
                row(cell("tall", restart), "b", "c"),
                row(cell("", go_on), cell(paragraph("two") + paragraph("lines")), "f"),
                f"<w:sdt><w:sdtContent>{row('in', 'control')}</w:sdtContent></w:sdt>",
                "<w:tr><w:trPr><w:del/></w:trPr>" + cell("gone") + "</w:tr>",
                row(cell(inner), "right"),
                row("", cell(paragraph("alone") + paragraph("in its row"))),
            )
        )
    )
    assert text.split("\n") == [
        "head | wide | wide",
        "tall | b | c",
        "tall | two lines | f",
        "in | control",
        "n1 | n2; n3 | n4 | right",
        "alone",
        "in its row",
    ]


def test_text_boxes_are_extracted_once(write_docx: Write) -> None:
    box = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"
    drawing = (
        '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>'
        f"<wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    )
    old = f"<w:txbxContent>{paragraph('old box')}</w:txbxContent>"
    only_old = f"<w:r><w:pict><v:textbox>{old}</v:textbox></w:pict></w:r>"
    assert read(write_docx(paragraph(run("anchor") + drawing + only_old))) == "anchor\nin the box\nold box"


def test_content_controls_at_every_level(write_docx: Write) -> None:
    def control(content: str) -> str:
        return f"<w:sdt><w:sdtPr><w:text/></w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"

    body = control(control(paragraph("block"))) + paragraph(run("in") + control(run("line")))
    body += table(f"<w:tr>{control(cell('a cell'))}{cell('b')}</w:tr>")
    assert read(write_docx(body)) == "block\ninline\na cell | b"


def test_tracked_changes_are_accepted_and_comments_dropped(write_docx: Write) -> None:
    body = paragraph(
        run("kept ") + f"<w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        f"<w:moveFrom>{run('from')}</w:moveFrom><w:moveTo>{run(' to')}</w:moveTo>"
        '<w:commentRangeStart w:id="0"/><w:r><w:commentReference w:id="0"/></w:r>'
    )
    path = write_docx(body, comments=f'<w:comment w:id="0">{paragraph("remark")}</w:comment>')
    document = parse(path, ParserLimits())
    assert [passage.text for passage in document.passages] == ["kept new to"]
    assert [(warning.code, warning.text) for warning in document.reading_warnings] == [
        ("comments_left_out", "1 comment of a reviewer was left out.")
    ]


def test_notes_follow_the_paragraph(write_docx: Write) -> None:
    path = write_docx(
        paragraph(run("One") + '<w:r><w:endnoteReference w:id="2"/></w:r>' + run(" and two."))
        + table(row("a", cell(paragraph(run("b") + '<w:r><w:footnoteReference w:id="2"/></w:r>'))))
        + paragraph("Next."),
        footnotes=f'<w:footnote w:id="2">{paragraph("at the foot")}</w:footnote>',
        endnotes=f'<w:endnote w:id="2">{paragraph("at the end")}</w:endnote>'
        f'<w:endnote w:id="3">{paragraph("never referred to")}</w:endnote>',
    )
    assert read(path).split("\n") == [
        "One and two.",
        "Note 1: at the end",
        "a | b",
        "Note 2: at the foot",
        "Next.",
    ]


def test_headers_and_footers_appear_once_without_page_numbers(write_docx: Write) -> None:
    field = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    page = field.format("begin") + "<w:r><w:instrText> PAGE </w:instrText></w:r>" + field.format("separate")
    page += run("17") + field.format("end")
    total = f'<w:fldSimple w:instr="NUMPAGES">{run("99")}</w:fldSimple>'
    path = write_docx(
        paragraph("Body"),
        header1=paragraph("Acme Ltd") + paragraph(run("Seite ") + page + run(" von ") + total),
        header2=paragraph("Acme Ltd"),
        footer1=paragraph(run("Confidential until 2030, page ") + page),
    )
    assert read(path).split("\n") == ["Body", "Acme Ltd", "Confidential until 2030, page"]


def test_special_characters_between_words(write_docx: Write) -> None:
    body = paragraph(
        run("a") + "<w:r><w:tab/></w:r>" + run("b") + "<w:r><w:br/></w:r>" + run("c")
        + "<w:r><w:noBreakHyphen/></w:r>" + f"<w:hyperlink>{run('link')}</w:hyperlink>"
        + '<w:r><w:sym w:font="Wingdings" w:char="F0FC"/><w:sym w:font="Symbol" w:char="F061"/>'
        '<w:sym w:font="Wingdings" w:char="F04A"/><w:sym w:char="zz"/></w:r>'
    )  # fmt: skip
    assert read(write_docx(body)) == "a\tb\nc-link\u2713\u03b1"


def test_equations(write_docx: Write) -> None:
    def text(letters: str) -> str:
        return f"<m:r><m:t>{letters}</m:t></m:r>"

    fraction = f"<m:f><m:num>{text('a+b')}</m:num><m:den>{text('c')}</m:den></m:f>"
    power = f"<m:sSup><m:e>{text('x')}</m:e><m:sup>{text('2')}</m:sup></m:sSup>"
    path = write_docx(
        paragraph(f"<m:oMathPara><m:oMath>{power}{text('=')}{fraction}</m:oMath></m:oMathPara>")
    )
    assert read(path) == "x^2=(a+b)/c"


def test_strict_open_xml(write_docx: Write) -> None:
    styles = '<w:style w:type="paragraph" w:styleId="H"><w:name w:val="heading 1"/></w:style>'
    path = write_docx(
        paragraph("Head", '<w:pStyle w:val="H"/>') + paragraph("Text"), strict=True, styles=styles
    )
    with zipfile.ZipFile(path) as archive:
        assert b"purl.oclc.org" in archive.read("word/document.xml")
    (passage,) = parse(path, ParserLimits()).passages
    assert (passage.heading, passage.text) == ("Head", "Head\nText")


@pytest.mark.parametrize("kind", ["document.macroEnabled", "template.macroEnabledTemplate"])
def test_macro_enabled_file(kind: str, write_docx: Write) -> None:
    path = changed(
        write_docx(paragraph("Text")),
        "[Content_Types].xml",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
        f"application/vnd.ms-word.{kind}.main+xml",
    )
    assert read(path) == "Text"


@pytest.mark.parametrize(
    "lie",
    [
        '<Relationship Id="x" Type="http://a/image" Target="media/missing.png"/>',
        '<Relationship Id="x" Type="http://a/header"/>',
        '<Relationship Id="x" Type="http://a/footnotes" Target="../../document.xml"/>',
        # python-docx expects no more than one part of this kind.
        '<Relationship Id="x" Type="http://a/styles" Target="document.xml"/>'
        '<Relationship Id="y" Type="http://a/styles" Target="document.xml"/>',
        '<Relationship Type="http://a/header" Target="document.xml"/>',
    ],
)
def test_relationships_that_lie(lie: str, write_docx: Write) -> None:
    path = changed(
        write_docx(paragraph("Text")),
        "word/_rels/document.xml.rels",
        "</Relationships>",
        f"{lie}</Relationships>",
    )
    assert read(path).startswith("Text")


def test_names_of_parts_in_other_case(write_docx: Write) -> None:
    path = write_docx(paragraph("Text"), header1=paragraph("Head"))
    assert read(changed(path, "word/_rels/document.xml.rels", "header1.xml", "HEADER1.XML")) == "Text\nHead"


def test_properties_of_an_unknown_kind(write_docx: Write) -> None:
    path = write_docx(paragraph("Text"), title="Title")
    space = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
    document = parse(changed(path, "docProps/core.xml", space, "urn:x"), ParserLimits())
    assert (document.title, document.passages[0].text) == (None, "Text")


def test_title_from_properties_or_text(write_docx: Write) -> None:
    body = paragraph("In the Text", '<w:pStyle w:val="Title"/>') + paragraph("x")
    assert parse(write_docx(body, title="In the File"), ParserLimits()).title == "In the File"
    assert parse(write_docx(body, title="Microsoft Word - x.doc"), ParserLimits()).title == "In the Text"


def test_missing_text_is_an_error(write_docx: Write) -> None:
    with pytest.raises(NoTextError, match="no text"):
        parse(write_docx(paragraph(" \u2022 ")), ParserLimits())


def test_embedded_document_is_reported(write_docx: Write) -> None:
    document = parse(write_docx(paragraph("x") + '<w:altChunk r:id="q"/>'), ParserLimits())
    assert [warning.text for warning in document.reading_warnings] == [
        "Another document is embedded in this one and was not read."
    ]


@pytest.mark.parametrize("part", ["footnotes", "styles", "header"])
def test_damaged_secondary_part_is_skipped(part: str, write_docx: Write) -> None:
    document = parse(write_docx(paragraph("x"), footer=paragraph("y"), **{part: "<oops"}), ParserLimits())
    assert [passage.text for passage in document.passages] == ["x", "y"]
    (warning,) = document.reading_warnings
    assert warning.text == f"A part of the document is damaged and was left out: {part}.xml."


def test_damaged_main_part(write_docx: Write) -> None:
    with pytest.raises(PermanentError, match="damaged"):
        parse(write_docx("<oops"), ParserLimits())


def test_entities_are_not_followed(tmp_path: Path, write_docx: Write) -> None:
    (tmp_path / "secret").write_text("the secret")
    path = write_docx(paragraph("before <!-- --> &lt;after"))
    evil = tmp_path / "evil.docx"
    kinds = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}"><!ENTITY y "inner">]>'
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(evil, "w") as new:
        for name in old.namelist():
            data = old.read(name).decode()
            if name == "word/document.xml":
                data = kinds + data.replace("before", "before&x;&y;")
            new.writestr(name, data)
    text = parse(evil, ParserLimits()).passages[0].text
    assert "secret" not in text
    assert "before" in text


def test_zip_bomb_is_not_unpacked(write_docx: Write) -> None:
    path = write_docx(" " * 60_000_000 + paragraph("x"))
    assert path.stat().st_size < 200_000
    with pytest.raises(LimitError, match="unpacks to more"):
        parse(path, ParserLimits(memory_mb=128))


def test_extreme_nesting(write_docx: Write) -> None:
    path = write_docx("<w:sdt>" * 1500 + paragraph("x") + "</w:sdt>" * 1500)
    with pytest.raises(PermanentError):
        parse(path, ParserLimits())


def test_output_limit(write_docx: Write) -> None:
    with pytest.raises(LimitError, match="more than 0 MB of text"):
        parse(write_docx(paragraph("x")), ParserLimits(output_mb=0))
