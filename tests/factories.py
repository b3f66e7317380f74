"""Small documents for tests."""

from pathlib import Path

import docx
import pypdf
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas


def pdf(path: Path, *pages: str) -> Path:
    """A PDF with these lines on each page."""
    drawing = canvas.Canvas(str(path), pagesize=A4)
    for page in pages:
        text = drawing.beginText(72, 770)
        for line in page.splitlines():
            text.textLine(line)
        drawing.drawText(text)
        drawing.showPage()
    drawing.save()
    return path


def word(path: Path, sections: dict[str, str]) -> Path:
    """A DOCX with a heading and a paragraph for each section."""
    document = docx.Document()
    for heading, text in sections.items():
        document.add_heading(heading, level=1)
        document.add_paragraph(text)
    document.save(str(path))
    return path


def book_with_a_scan(folder: Path) -> Path:
    """A book whose pages are numbered i, ii, 1, 2; the second is a picture."""
    path = folder / "book.pdf"
    drawing = canvas.Canvas(str(path), pagesize=A4)
    for text in ("The preface thanks everybody.", None, "The first chapter begins.", "The second one ends."):
        if text is None:
            drawing.drawImage(ImageReader(Image.new("RGB", (60, 80), "gray")), 0, 0, *A4)
        else:
            drawing.drawString(72, 770, text)
        drawing.showPage()
    drawing.save()
    writer = pypdf.PdfWriter(clone_from=path)
    writer.set_page_label(0, 1, style="/r")
    writer.set_page_label(2, 3, style="/D")
    writer.write(path)
    return path


def handbook(folder: Path) -> Path:
    """A handbook of three pages."""
    return pdf(
        folder / "handbook.pdf",
        "Every employee has thirty days of paid vacation a year.\nUnused days expire at the end of March.",
        "The laboratory is locked at night.\nThe code of the door is changed every month by the porter.",
        "Travel expenses are refunded within two weeks.\nReceipts go to the accounting department.",
    )


def write(path: Path, data: bytes) -> Path:
    """A file of these bytes."""
    path.write_bytes(data)
    return path
