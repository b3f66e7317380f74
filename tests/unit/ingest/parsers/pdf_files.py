"""Small PDF files, written by hand where no library writes what they need."""

from collections.abc import Callable
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

Draw = Callable[[Canvas], object]


def drawn_pdf(path: Path, *pages: Draw) -> Path:
    """Write a PDF with one page for each of these functions."""
    canvas = Canvas(str(path), pagesize=A4)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def at(*texts: tuple[float, float, str], size: float = 11, font: str = "Helvetica") -> Draw:
    """Draw each text at its place, in this order."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont(font, size)
        for x, y, text in texts:
            canvas.drawString(x, y, text)

    return draw


def lines(*texts: str, x: float = 60, y: float = 780, leading: float = 14) -> Draw:
    """Draw lines below each other."""
    return at(*((x, y - leading * number, text) for number, text in enumerate(texts)))


def written_pdf(
    path: Path,
    content: str,
    *,
    font: str = "/Type /Font /Subtype /Type1 /BaseFont /Helvetica",
    characters: dict[int, str] | None = None,
    page: str = "",
    catalog: str = "",
    more: tuple[str, ...] = (),
) -> Path:
    """Write a PDF of one page with this content, in the font /F1.

    `characters` maps codes of the font to Unicode (its /ToUnicode). `more` are objects from number 7 on, to
    which the entries of `page` and `catalog` may refer.
    """
    pairs = "".join(
        f"<{code:02X}> <{text.encode('utf-16-be').hex()}>\n" for code, text in (characters or {}).items()
    )
    unicode_map = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <00> <FF> endcodespacerange\n"
        f"{len(characters or {})} beginbfchar\n{pairs}endbfchar endcmap end end"
    )
    reference = "/ToUnicode 6 0 R" if characters else ""
    objects = [
        f"<</Type /Catalog /Pages 2 0 R {catalog}>>",
        "<</Type /Pages /Kids [3 0 R] /Count 1>>",
        "<</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        f"/Resources <</Font <</F1 5 0 R>> {page}>>>>",
        _stream(content),
        f"<<{font} {reference}>>",
        _stream(unicode_map),
        *more,
    ]
    data = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = len(data)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    data += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    data += f"trailer <</Size {len(objects) + 1} /Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n".encode()
    path.write_bytes(data)
    return path


def shown(*texts: tuple[float, float, str]) -> str:
    """A content that shows texts, given as hexadecimal codes, at their places."""
    return "".join(f"BT /F1 12 Tf {x} {y} Td <{codes}> Tj ET\n" for x, y, codes in texts)


def _stream(content: str) -> str:
    return f"<</Length {len(content)}>>\nstream\n{content}\nendstream"
