"""PowerPoint presentations."""

import zipfile
from pathlib import Path

import pytest

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers import parse
from ingest.settings import ParserLimits
from tests.unit.ingest.parsers.office_files import OPEN_XML, shape, slide_table, write_pptx, write_zip

TITLE = shape("Ferry dues", "title")


def test_each_slide_is_a_page_with_its_title_as_heading(tmp_path: Path, limits: ParserLimits) -> None:
    path = write_pptx(
        tmp_path / "a.pptx",
        shape("They rise to 14 crowns.\nFrom May.") + TITLE + shape("3", "sldNum") + shape("Harbor", "ftr"),
        shape("Ports", "ctrTitle") + shape("Bodo", properties='lvl="1"'),
        notes="Say it slowly.",
    )
    document = parse(path, limits)
    assert (document.type, document.pages) == ("pptx", 2)
    assert [(passage.page, passage.heading, passage.text) for passage in document.passages] == [
        (1, "Ferry dues", "Ferry dues\nThey rise to 14 crowns.\nFrom May.\nNotes: Say it slowly."),
        (2, "Ports", "Ports\n  - Bodo"),
    ]
    assert document.warnings == []


def test_tables_groups_and_pictures(tmp_path: Path, limits: ParserLimits) -> None:
    picture = '<p:pic><p:nvPicPr><p:cNvPr id="1" name="" descr="A map of all ports"/></p:nvPicPr></p:pic>'
    path = write_pptx(
        tmp_path / "a.pptx",
        TITLE
        + f"<p:grpSp><p:nvGrpSpPr/>{shape('Grouped', '')}<p:grpSp>{shape('Deeper', '')}</p:grpSp></p:grpSp>"
        + slide_table([["Port", "Dues", "<"], ["Bodo", "13", "14"], ["^", "15", "16"]])
        + picture,
    )
    (passage,) = parse(path, limits).passages
    assert passage.text.split("\n") == [
        "Ferry dues",
        "Grouped",
        "Deeper",
        "Port | Dues | Dues",
        "Bodo | 13 | 14",
        "Bodo | 15 | 16",
        "[A map of all ports]",
    ]
    assert passage.tables[0].header == "Deeper > Port | Dues"


def test_raised_and_struck_text(tmp_path: Path, limits: ParserLimits) -> None:
    runs = (
        '<p:sp><p:nvSpPr><p:cNvPr id="1" name=""/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:txBody><a:p>'
        '<a:r><a:t>$320</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>1</a:t></a:r>'
        '<a:r><a:rPr strike="sngStrike"/><a:t> old</a:t></a:r><a:br/><a:r><a:t>new</a:t></a:r>'
        "</a:p></p:txBody></p:sp>"
    )
    assert parse(write_pptx(tmp_path / "a.pptx", runs), limits).passages[0].text == "$320[1] ~~old~~\nnew"


def test_hidden_and_empty_slides_are_named(tmp_path: Path, limits: ParserLimits) -> None:
    hidden = shape("hidden").replace('name=""', 'name="" hidden="1"')
    path = write_pptx(tmp_path / "a.pptx", TITLE + hidden, shape("Draft"), "<p:pic/>", hidden=(2,))
    document = parse(path, limits)
    assert [passage.text for passage in document.passages] == ["Ferry dues"]
    assert [(warning.code, warning.pages) for warning in document.reading_warnings] == [
        ("hidden_slides", [2]),
        ("page_without_text", [3]),
    ]


def test_chart(tmp_path: Path, limits: ParserLimits) -> None:
    points = '<c:pt idx="0"><c:v>{}</c:v></c:pt>'
    chart = (
        f'<c:chartSpace xmlns:c="{OPEN_XML}/drawingml/2006/chart"><c:ser><c:tx>{points.format("Dues")}</c:tx>'
        f"<c:cat>{points.format('Bodo')}</c:cat><c:val>{points.format('14')}</c:val></c:ser></c:chartSpace>"
    )
    frame = f'<p:graphicFrame><c:chart xmlns:c="{OPEN_XML}/drawingml/2006/chart" r:id="c1"/></p:graphicFrame>'
    relation = f"{OPEN_XML}/officeDocument/2006/relationships/chart"
    rels = (
        f'<Relationships xmlns="{OPEN_XML}/package/2006/relationships"><Relationship Id="c1" '
        f'Type="{relation}" '
        'Target="../charts/chart1.xml"/></Relationships>'
    )
    path = write_pptx(
        tmp_path / "a.pptx",
        frame,
        parts={"ppt/charts/chart1.xml": chart, "ppt/slides/_rels/slide1.xml.rels": rels},
    )
    assert parse(path, limits).passages[0].text == " | Dues\nBodo | 14"


def test_bad_files(tmp_path: Path, limits: ParserLimits) -> None:
    path = tmp_path / "a.pptx"
    with pytest.raises(NoTextError, match="PDF"):
        parse(write_pptx(path, "<p:pic/>"), limits)
    with pytest.raises(LimitError, match="slides"):
        parse(write_pptx(path, TITLE, TITLE), ParserLimits(pages=1))
    with pytest.raises(LimitError):
        parse(write_pptx(path, " " * 200_000_000), limits)
    with pytest.raises(PermanentError, match="damaged"):
        parse(write_pptx(path, TITLE, parts={"ppt/presentation.xml": "<p:pres"}), limits)
    document = parse(write_pptx(path, TITLE, TITLE, parts={"ppt/slides/slide1.xml": "<p:sld"}), limits)
    assert [warning.code for warning in document.reading_warnings] == ["page_without_text"]


def test_hostile_xml(tmp_path: Path, limits: ParserLimits) -> None:
    deep = "<p:grpSp>" * 200 + shape("deep", "") + "</p:grpSp>" * 200
    assert parse(write_pptx(tmp_path / "a.pptx", deep), limits).passages[0].text == "deep"
    deeper = "<p:grpSp>" * 100_000 + shape("deep", "") + "</p:grpSp>" * 100_000
    with pytest.raises(NoTextError):
        parse(write_pptx(tmp_path / "b.pptx", deeper), limits)
    spaces = f'xmlns:p="{OPEN_XML}/presentationml/2006/main" xmlns:a="{OPEN_XML}/drawingml/2006/main"'
    entity = (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
        f"<p:sld {spaces}>"
        f"<p:cSld><p:spTree>{shape('&e;&b;', '')}{shape('words', '')}</p:spTree></p:cSld></p:sld>"
    )
    path = write_pptx(tmp_path / "c.pptx", TITLE, parts={"ppt/slides/slide1.xml": entity})
    assert parse(path, limits).passages[0].text == "words"


def test_relationship_that_leads_nowhere(tmp_path: Path, limits: ParserLimits) -> None:
    path = write_pptx(tmp_path / "a.pptx", TITLE, shape("Second", "title"))
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist() if "slide1.xml" not in name}
    document = parse(write_zip(path, files), limits)
    assert [passage.page for passage in document.passages] == [1]
