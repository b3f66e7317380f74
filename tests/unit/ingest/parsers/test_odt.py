"""OpenDocument texts."""

from pathlib import Path

import pytest

from ingest.errors import EncryptedError, LimitError, NoTextError, PermanentError
from ingest.parsers import parse
from ingest.parsers.odt import read
from ingest.parsers.reading import Reading
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.office_files import write_odt, write_zip


def text(tmp_path: Path, body: str, **parts: str) -> list[str]:
    document = parse(write_odt(tmp_path / "a.odt", body, **parts), ParserLimits())
    return "\n".join(passage.text for passage in document.passages).split("\n")


def test_headings_and_title(tmp_path: Path, limits: ParserLimits) -> None:
    path = write_odt(
        tmp_path / "a.odt",
        '<text:p text:style-name="P1">Ferry rules</text:p><text:h text:outline-level="1">Dues</text:h>'
        '<text:p>One.</text:p><text:section><text:h text:outline-level="2">Ports</text:h><text:p>'
        "Two.</text:p>"
        "</text:section>",
        styles='<style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>',
        more='<style:style style:name="Title" style:family="paragraph"/>',
    )
    document = parse(path, limits)
    assert (document.type, document.title) == ("odt", "Ferry rules")
    assert [(passage.heading, passage.text) for passage in document.passages] == [
        ("Dues", "Ferry rules\nDues\nOne."),
        ("Dues > Ports", "Ports\nTwo."),
    ]


def test_text_as_it_is_shown(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="T1" style:family="text"><style:text-properties '
        'text:display="none"/></style:style>'
        '<style:style style:name="T2" style:family="text"><style:text-properties '
        'style:text-position="super 58%"/></style:style>'
        '<style:style style:name="T3" style:family="text"><style:text-properties '
        'style:text-line-through-style="solid"/></style:style>'
    )
    assert text(
        tmp_path,
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>deleted</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes>"
        '<text:p>One\n   <text:span>two</text:span><text:s text:c="1"/>three<text:tab/>four'
        "<text:line-break/>five</text:p>"
        '<text:p>$320<text:span text:style-name="T2">1</text:span> <text:span text:style-name="T3">'
        "old</text:span>"
        '<text:span text:style-name="T1">secret</text:span></text:p>'
        "<text:table-of-content><text:index-body><text:p>Dues 3</text:p></text:index-body>"
        "</text:table-of-content>",
        styles=styles,
    ) == ["One two three\tfour", "five", "$320[1] ~~old~~"]


def test_lists(tmp_path: Path) -> None:
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('b', '')}</text:list>"
    assert text(
        tmp_path,
        f'<text:list text:style-name="L1">{item.format("a", inner)}{item.format("c", "")}</text:list>',
        styles='<text:list-style style:name="L1"><text:list-level-style-number text:level="1"/>'
        '<text:list-level-style-bullet text:level="2"/></text:list-style>',
    ) == ["1. a", "  - b", "2. c"]


def test_table_in_order(tmp_path: Path, limits: ParserLimits) -> None:
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    path = write_odt(
        tmp_path / "a.odt",
        "<text:p>before</text:p><table:table><table:table-header-rows><table:table-row>"
        + cell.format("", "Port")
        + cell.format(' table:number-columns-spanned="2"', "Dues")
        + "<table:covered-table-cell/></table:table-row></table:table-header-rows><table:table-row>"
        + cell.format(' table:number-rows-spanned="2"', "Bodo")
        + cell.format(' table:number-columns-repeated="2"', "14")
        + "</table:table-row><table:table-row><table:covered-table-cell/>"
        + cell.format("", "15")
        + cell.format(' table:number-columns-repeated="1000000"', "")
        + "</table:table-row></table:table><text:p>after</text:p>",
    )
    (passage,) = parse(path, limits).passages
    assert passage.text.split("\n") == [
        "before",
        "Port | Dues | Dues",
        "Bodo | 14 | 14",
        "Bodo | 15",
        "after",
    ]
    assert passage.tables[0].header == "before > Port | Dues"


def test_notes_boxes_and_running_lines(tmp_path: Path, limits: ParserLimits) -> None:
    path = write_odt(
        tmp_path / "a.odt",
        "<text:p>They rise.<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>See annex."
        "</text:p></text:note-body></text:note><draw:frame><draw:text-box><text:p>Boxed</text:p></draw:text-box>"
        "</draw:frame><office:annotation><dc:creator>Ann</dc:creator><text:p>Really?</text:p></office:annotation>"
        "<draw:frame><draw:object/></draw:frame></text:p>",
        more="<office:master-styles><style:master-page><style:header><text:p>Harbor <text:page-number>1"
        "</text:page-number></text:p></style:header></style:master-page></office:master-styles>",
        title="Rules of ferries",
    )
    document = parse(path, limits)
    assert document.title == "Rules of ferries"
    assert [passage.text for passage in document.passages] == [
        "They rise.\nNote 1: See annex.\nBoxed",
        "Harbor",
    ]
    assert [warning.code for warning in document.reading_warnings] == [
        "embedded_object_unread",
        "comments_left_out",
    ]
    with path.open("rb") as file:
        wanted = read(file, Reading(limits, comments=True))
    assert "Comment by Ann: Really?" in wanted.passages[0].text


def test_bad_files(tmp_path: Path, limits: ParserLimits) -> None:
    path = tmp_path / "a.odt"
    mimetype = {"mimetype": "application/vnd.oasis.opendocument.text"}
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    with pytest.raises(EncryptedError):
        parse(write_zip(path, mimetype | {"content.xml": "?", "META-INF/manifest.xml": manifest}), limits)
    with pytest.raises(PermanentError, match="damaged"):
        parse(write_zip(path, mimetype | {"content.xml": "<x"}), limits)
    with pytest.raises(NoTextError):
        parse(write_odt(path, ""), limits)
    with pytest.raises(LimitError):
        parse(write_odt(path, " " * 200_000_000), limits)


def test_hostile_xml(tmp_path: Path, limits: ParserLimits) -> None:
    span = "<text:span>" * 200 + "deep" + "</text:span>" * 200
    assert text(tmp_path, f"<text:p>{span}</text:p>") == ["deep"]
    with pytest.raises(PermanentError, match="damaged"):
        text(tmp_path, "<text:section>" * 100_000 + "</text:section>" * 100_000)
    row = '<table:table-row><table:table-cell table:number-columns-repeated="99999999"><text:p>x</text:p>'
    assert (
        len(
            text(
                tmp_path, f"<table:table>{(row + '</table:table-cell></table:table-row>') * 3}</table:table>"
            )[0]
        )
        < 1000
    )
