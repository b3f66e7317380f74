"""What a DOCX shows from other parts: charts, SmartArt, pictures, and documents inside it."""

import io
from collections.abc import Callable
from pathlib import Path

import docx
import pytest

from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument
from tests.unit.ingest.parsers.conftest import TRANSITIONAL
from tests.unit.ingest.parsers.wordml import paragraph, run

Write = Callable[..., Path]
A = f'xmlns:a="{TRANSITIONAL}/drawingml/2006/main"'
R = f'xmlns:r="{TRANSITIONAL}/officeDocument/2006/relationships"'


def read(path: Path) -> ParsedDocument:
    return parse(path, ParserLimits())


def text(path: Path) -> str:
    return "\n".join(passage.text for passage in read(path).passages)


def codes(path: Path) -> list[str]:
    return [warning.code for warning in read(path).reading_warnings]


def drawing(inside: str, properties: str = "") -> str:
    return f"<w:r><w:drawing><wp:inline><wp:docPr {properties}/>{inside}</wp:inline></w:drawing></w:r>"


def points(values: dict[int, str]) -> str:
    return "".join(f'<c:pt idx="{at}"><c:v>{value}</c:v></c:pt>' for at, value in values.items())


def series(name: str, categories: dict[int, str], values: dict[int, str]) -> str:
    return (
        f"<c:ser><c:tx><c:v>{name}</c:v></c:tx><c:cat><c:strCache>{points(categories)}</c:strCache></c:cat>"
        f"<c:val><c:numCache>{points(values)}</c:numCache></c:val></c:ser>"
    )


def test_chart_with_titles_and_values(write_docx: Write) -> None:
    months = {0: "Jan", 1: "Feb", 2: "Jan"}
    chart = (
        f'<c:chartSpace xmlns:c="{TRANSITIONAL}/drawingml/2006/chart" {A}><c:title><a:t>Sales of </a:t>'
        f"<a:t>lamps</a:t></c:title>{series('North', months, {0: '4.3', 1: '12.199999999999999', 2: '7'})}"
        f"{series('South', months, {1: '2'})}<c:valAx><c:title><a:t>Units</a:t></c:title></c:valAx>"
        "</c:chartSpace>"
    )
    path = write_docx(
        paragraph(run("Before.") + drawing('<c:chart r:id="c1"/>')),
        related={"c1": ("chart", "charts/chart1.xml", chart)},
    )
    assert text(path).split("\n") == [
        "Before.",
        "Sales of lamps",
        "Units",
        " | North | South",
        "Jan | 4.3",
        "Feb | 12.2 | 2",
        "Jan | 7",
    ]


def test_smartart_as_a_list(write_docx: Write) -> None:
    def point(name: str, words: str, kind: str = "node") -> str:
        return f'<dgm:pt modelId="{name}" type="{kind}"><dgm:t><a:p><a:t>{words}</a:t></a:p></dgm:t></dgm:pt>'

    def link(source: str, target: str, order: int = 0, kind: str = "parOf") -> str:
        return f'<dgm:cxn type="{kind}" srcId="{source}" destId="{target}" srcOrd="{order}"/>'

    data = (
        f'<dgm:dataModel xmlns:dgm="{TRANSITIONAL}/drawingml/2006/diagram" {A}>{point("0", "", "doc")}'
        f"{point('3', 'Second keeper')}{point('2', 'First keeper')}{point('1', 'Director')}"
        f"{point('9', 'shown twice', 'pres')}{point('4', 'Left alone')}"
        f"{link('0', '1')}{link('1', '3', 1)}{link('1', '2', 0)}{link('2', '1')}{link('9', '3', 0, 'presOf')}"
        "</dgm:dataModel>"
    )
    path = write_docx(
        paragraph(drawing('<dgm:relIds r:dm="d1"/>')),
        related={"d1": ("diagramData", "diagrams/data1.xml", data)},
    )
    assert text(path).split("\n") == ["- Director", "  - First keeper", "  - Second keeper", "- Left alone"]


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ('descr="Plan of the harbor&#10;with two moles"', "[Figure: Plan of the harbor with two moles]\nend"),
        ('title="The plan"', "[Figure: The plan]\nend"),
        ('descr="C:\\pictures\\plan.png"', "end"),
        ('descr="image1.jpg"', "end"),
        ('descr="Plan" hidden="1"', "end"),
        ('name="Picture 1"', "end"),
    ],
)
def test_alternative_text_of_pictures(properties: str, shown: str, write_docx: Write) -> None:
    assert text(write_docx(paragraph(drawing("", properties)) + paragraph("end"))) == shown


def test_alternative_text_of_old_pictures_and_alternatives(write_docx: Write) -> None:
    old = '<w:r><w:pict><v:shape alt="Old plan"/></w:pict></w:r>'
    new = drawing("", 'descr="New plan"')
    both = f"<mc:Choice>{new}</mc:Choice><mc:Fallback>{old}</mc:Fallback>"
    either = paragraph(f"<mc:AlternateContent>{both}</mc:AlternateContent>")
    assert text(write_docx(paragraph(old) + either)) == "[Figure: Old plan]\n[Figure: New plan]"


def word_file(*paragraphs: str) -> bytes:
    made = docx.Document()
    for line in paragraphs:
        made.add_paragraph(line)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def embedded(key: str, program: str) -> str:
    return paragraph(f'<w:r><w:object><o:OLEObject r:id="{key}" ProgID="{program}"/></w:object></w:r>')


def test_embedded_word_document_is_read(write_docx: Write) -> None:
    path = write_docx(
        paragraph("before") + embedded("o1", "Word.Document.12") + paragraph("after"),
        related={"o1": ("package", "embeddings/one.docx", word_file("The annex.", "Its end."))},
    )
    assert text(path) == "before\nThe annex.\nIts end.\nafter"
    assert codes(path) == ["embedded_document_read"]


def test_other_embedded_objects_are_reported(write_docx: Write) -> None:
    path = write_docx(
        paragraph("x") + embedded("o1", "Excel.Sheet.12") + embedded("o2", "Equation.3") + embedded("o3", ""),
        related={
            "o1": ("package", "embeddings/one.xlsx", b"PK"),
            "o3": ("package", "embeddings/two.docx", b"PK, but no archive"),
        },
    )
    (warning,) = read(path).reading_warnings
    assert warning.code == "embedded_object_unread"
    assert warning.text == "3 embedded objects were not read (made by: Equation.3, Excel.Sheet.12)."


def test_a_document_inside_itself_ends(write_docx: Write) -> None:
    inner = b""
    for depth in range(6):
        path = write_docx(
            paragraph(f"depth {depth}") + embedded("o1", "Word.Document.12"),
            related={"o1": ("package", "embeddings/one.docx", inner)},
        )
        inner = path.read_bytes()
    assert text(path).split("\n") == ["depth 5", "depth 4", "depth 3"]
    assert codes(path) == ["embedded_document_read", "embedded_object_unread"]


PAGE = """<html><head><title>no</title><style>p {}</style></head><body>loose <b>words</b><h2>Licenses</h2>
<p>The pilot must<br>hold   one.</p><ul><li>gr\u00fcn</li></ul><script>no()</script>
<table><tr><th>Day</th><th>Officer</th></tr><tr><td>Monday</td><td><p>Haug</p></td></tr></table></body></html>"""
READ = [
    "loose words",
    "Licenses",
    "The pilot must",
    "hold one.",
    "- gr\u00fcn",
    "Day | Officer",
    "Monday | Haug",
]
MHT = (
    "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n"
    "--x\nContent-Type: text/html; charset={}\n\n{}\n--x--"
)


@pytest.mark.parametrize(
    ("name", "data", "lines"),
    [
        ("a.htm", PAGE.encode(), READ),
        ("a.htm", PAGE.encode("windows-1252"), READ),
        ("a.htm", PAGE.encode("utf-16"), READ),
        ("a.mht", MHT.format("windows-1252", PAGE).encode("windows-1252"), READ),
        ("a.txt", b"first line\r\nsecond line", ["first line", "second line"]),
        ("a.docx", word_file("from Word"), ["from Word"]),
    ],
)
def test_inserted_documents_are_read_in_their_place(
    name: str, data: bytes, lines: list[str], write_docx: Write
) -> None:
    path = write_docx(
        paragraph("before") + '<w:altChunk r:id="a1"/>' + paragraph("after"),
        related={"a1": ("aFChunk", name, data)},
    )
    assert text(path).split("\n") == ["before", *lines, "after"]
    assert codes(path) == ["embedded_document_read"]


def test_heading_of_an_inserted_page(write_docx: Write) -> None:
    path = write_docx('<w:altChunk r:id="a1"/>', related={"a1": ("aFChunk", "a.htm", PAGE.encode())})
    assert [passage.heading for passage in read(path).passages] == [None, "Licenses"]


@pytest.mark.parametrize("data", [b"{\\rtf1 text}", b"\x00\x01\x02", b"PK, but no archive"])
def test_inserted_documents_of_other_kinds_are_reported(data: bytes, write_docx: Write) -> None:
    path = write_docx(
        paragraph("text") + '<w:altChunk r:id="a1"/>', related={"a1": ("aFChunk", "a.bin", data)}
    )
    assert text(path) == "text"
    assert codes(path) == ["embedded_document_unread"]


def test_damaged_chart_is_reported(write_docx: Write) -> None:
    path = write_docx(
        paragraph(run("text") + drawing('<c:chart r:id="c1"/>')),
        related={"c1": ("chart", "charts/chart1.xml", "<oops")},
    )
    assert text(path) == "text"
    assert [(warning.code, warning.text) for warning in read(path).reading_warnings] == [
        ("damaged_part", "A part of the document is damaged and was left out: chart1.xml.")
    ]
