import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers import parse
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument

TRANSITIONAL = "http://schemas.openxmlformats.org"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"


@pytest.fixture
def limits() -> ParserLimits:
    return ParserLimits()


@pytest.fixture
def read(tmp_path: Path, limits: ParserLimits) -> Callable[[str, bytes | str], ParsedDocument]:
    """Write a file and read it."""

    def write_and_read(name: str, data: bytes | str) -> ParsedDocument:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return parse(path, limits)

    return write_and_read


@pytest.fixture
def write_pdf(tmp_path: Path) -> Callable[..., Path]:
    """Write a PDF with the given pages, each a list of lines; `draw(canvas)` is called on the first page."""

    def write(
        pages: list[list[str]],
        *,
        title: str | None = None,
        outline: dict[int, list[tuple[int, str]]] | None = None,
        draw: Callable[[Canvas], None] | None = None,
        encrypt: object = None,
    ) -> Path:
        path = tmp_path / "made.pdf"
        canvas = Canvas(str(path), pagesize=A4, encrypt=encrypt)
        if title is not None:
            canvas.setTitle(title)
        for number, lines in enumerate(pages, 1):
            if draw is not None and number == 1:
                draw(canvas)
            for level, entry in (outline or {}).get(number, []):
                canvas.bookmarkPage(entry)
                canvas.addOutlineEntry(entry, entry, level)
            for at, line in enumerate(lines):
                canvas.drawString(72, 760 - 16 * at, line)
            canvas.showPage()
        canvas.save()
        return path

    return write


@pytest.fixture
def write_docx(tmp_path: Path) -> Callable[..., Path]:
    """Write a DOCX with the given XML inside `w:body`; `parts` maps part types (`styles`) to their XML.

    A type may have a number (`header2`). `strict` uses the namespaces of Strict Open XML. `related` maps ids
    to an address, or to the type, name and content of a part.
    """

    def write(
        body: str,
        *,
        strict: bool = False,
        title: str = "",
        related: dict[str, str | tuple[str, str, str | bytes]] | None = None,
        **parts: str,
    ) -> Path:
        path = tmp_path / "made.docx"
        spaces = (
            f'xmlns:w="{TRANSITIONAL}/wordprocessingml/2006/main" '
            f'xmlns:r="{TRANSITIONAL}/officeDocument/2006/relationships" '
            f'xmlns:m="{TRANSITIONAL}/officeDocument/2006/math" '
            f'xmlns:a="{TRANSITIONAL}/drawingml/2006/main" '
            f'xmlns:mc="{TRANSITIONAL}/markup-compatibility/2006" '
            f'xmlns:c="{TRANSITIONAL}/drawingml/2006/chart" '
            f'xmlns:dgm="{TRANSITIONAL}/drawingml/2006/diagram" '
            f'xmlns:wp="{TRANSITIONAL}/drawingml/2006/wordprocessingDrawing" '
            'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
            'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
            'xmlns:wps="http://schemas.microsoft.com/office/word/2010/shape"'
        )
        relation = f"{TRANSITIONAL}/officeDocument/2006/relationships"
        names = {kind: kind.rstrip("0123456789") for kind in parts}
        files = {
            "[Content_Types].xml": f'<Types xmlns="{TRANSITIONAL}/package/2006/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{WORD}.document.main+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{TRANSITIONAL}/package/2006/relationships">'
            f'<Relationship Id="a" Type="{relation}/officeDocument" Target="word/document.xml"/>'
            f'<Relationship Id="b" Type="{TRANSITIONAL}/package/2006/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/></Relationships>',
            "docProps/core.xml": (
                f'<c:coreProperties xmlns:c="{TRANSITIONAL}/package/2006/metadata/core-properties" '
                f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></c:coreProperties>'
            ),
            "word/document.xml": f"<w:document {spaces}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": (
                f'<Relationships xmlns="{TRANSITIONAL}/package/2006/relationships">'
            )
            + "".join(
                f'<Relationship Id="{kind}" Type="{relation}/{name}" Target="{kind}.xml"/>'
                for kind, name in names.items()
            )
            + "".join(
                f'<Relationship Id="{key}" Type="{relation}/hyperlink" TargetMode="External" Target="{to}"/>'
                if isinstance(to, str)
                else f'<Relationship Id="{key}" Type="{relation}/{to[0]}" Target="{to[1]}"/>'
                for key, to in (related or {}).items()
            )
            + "</Relationships>",
        }
        data = {f"word/{to[1]}": to[2] for to in (related or {}).values() if not isinstance(to, str)}
        roots = {"header": "hdr", "footer": "ftr"}
        for kind, xml in parts.items():
            root = roots.get(names[kind], names[kind])
            files[f"word/{kind}.xml"] = f"<w:{root} {spaces}>{xml}</w:{root}>"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, _strict(text) if strict else text)
            for name, content in data.items():
                archive.writestr(name, content)
        return path

    return write


def _strict(xml: str) -> str:
    for family in ("wordprocessingml", "officeDocument"):
        xml = xml.replace(f"{TRANSITIONAL}/{family}/2006", f"http://purl.oclc.org/ooxml/{family}")
    return xml
