"""PDF text: by pdfium, and by pypdf where pdfium finds nothing.

On 33 reports and papers (1,768 pages), pypdf takes fifteen times as long for the text; for title and outline
pdfium takes 0.13 s and pypdf 4.9 s. So pypdf is not opened for a file that pdfium reads.

Text outside the visible page (beyond its crop box) is skipped: a quote of it would be invisible to the
reader.
"""

import itertools
from collections.abc import Iterator
from typing import BinaryIO

import pypdf
import pypdfium2
import pypdfium2.raw

from ingest.errors import EncryptedError, LimitError, NoTextError, PermanentError
from ingest.parsers.text import clean, readable, usable_title
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, Passage

_OUTLINE_DEPTH = 6
_OUTLINE_ENTRIES = 5000
# pypdf reads some 35 pages/s. If it finds no text on this many consecutive pages, the file is a scan.
_PAGES_TO_BELIEVE = 20

_ENCRYPTED = "The PDF is protected with a password. Save a copy without the password and use that."
_DAMAGED = (
    "The PDF is damaged and could not be read. If a PDF reader still opens it, print or save it as a new PDF "
    "from there and use that."
)


def parse_pdf(file: BinaryIO, limits: ParserLimits) -> ParsedDocument:
    """Parse a PDF: one passage per page with text, with the page's position in the outline as its heading.

    A file that opens with the empty password is read normally. `warnings` report pages without text.

    Raises:
        EncryptedError: it needs a password.
        NoTextError: no page has text.
        LimitError: there are more pages or text than `limits` allow.
        PermanentError: it is damaged.
        OSError: `file` can't be read.
    """
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        return _parse_with_pypdf(file, limits, encrypted=error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD)
    with document:
        _check_pages(len(document), limits)
        # Form fields become part of the page only when the form is drawn onto it.
        form = document.get_formtype()
        if form == pypdfium2.raw.FORMTYPE_ACRO_FORM:
            document.init_forms()
        texts = _within(limits, (_page_text(document, index) for index in range(len(document))))
        headings = _headings(document)
        title = usable_title(document.get_metadata_value("Title"))
    texts = _ask_pypdf(file, limits, texts)
    warnings = []
    if form == pypdfium2.raw.FORMTYPE_XFA_FULL:
        warnings.append(
            "This is an XFA form: what is filled in may be missing. Print it to a new PDF to keep it."
        )
    return _document(texts, headings, title, warnings)


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str | None:
    """Clean text of the page with 0-based index `number`; None if pdfium can't load it."""
    try:
        page = document[number]
        if document.formenv:
            page.flatten()
            page.close()
            page = document[number]
        text_page = page.get_textpage()
        text = text_page.get_text_bounded()
    except pypdfium2.PdfiumError:
        return None
    # Close pages one by one: otherwise all pages of a large file stay in memory.
    text_page.close()
    page.close()
    return clean(text)


def _headings(document: pypdfium2.PdfDocument) -> list[str | None]:
    """For each page, the path of its outline entries; None before the first entry."""
    starts: list[tuple[int, tuple[str, ...]]] = []
    path: list[str] = []
    for bookmark in itertools.islice(document.get_toc(max_depth=_OUTLINE_DEPTH), _OUTLINE_ENTRIES):
        path = [*path[: bookmark.level], " ".join(clean(bookmark.get_title()).split())]
        destination = bookmark.get_dest()
        page = None if destination is None else destination.get_index()
        if page is not None:
            starts.append((page, tuple(part for part in path if part)))
    starts.sort(key=lambda start: start[0])
    headings: list[str | None] = [None] * len(document)
    current: tuple[str, ...] = ()
    following = 0
    for page in range(len(document)):
        here = []
        while following < len(starts) and starts[following][0] <= page:
            here.append(starts[following][1])
            following += 1
        # If several sections begin on a page, only their common path applies to the whole page.
        shared = _shared(here) if here else current
        headings[page] = " > ".join(shared) or None
        current = here[-1] if here else current
    return headings


def _shared(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    shared = tuple(
        column[0]
        for column in itertools.takewhile(lambda column: len(set(column)) == 1, zip(*paths, strict=False))
    )
    return shared or paths[0]


def _parse_with_pypdf(file: BinaryIO, limits: ParserLimits, *, encrypted: bool) -> ParsedDocument:
    """Parse a file that pdfium can't open; `encrypted` is true if pdfium requires a password."""
    try:
        reader = _open(file)
        _check_pages(len(reader.pages), limits)
        texts = _within(limits, (_page_text_by_pypdf(reader, index) for index in range(len(reader.pages))))
        title = usable_title(reader.metadata.title if reader.metadata else None)
    except (MemoryError, PermanentError):
        raise
    except Exception as error:
        raise (EncryptedError(_ENCRYPTED) if encrypted else PermanentError(_DAMAGED)) from error
    if not any(texts) and None in texts:
        raise PermanentError(_DAMAGED)
    return _document(texts, [None] * len(texts), title, [])


def _ask_pypdf(file: BinaryIO, limits: ParserLimits, texts: list[str | None]) -> list[str | None]:
    """`texts`, completed by pypdf: pages that pdfium could not load, or all if it found no text."""
    none_found = not any(readable(text or "") for text in texts)
    doubtful = [index for index, text in enumerate(texts) if text is None or none_found]
    if not doubtful:
        return texts
    try:
        reader = _open(file)
        if len(reader.pages) != len(texts):
            # If the two disagree on page boundaries, pypdf's text could get a wrong page number.
            return texts
        answers = list(texts)
        for asked, index in enumerate(doubtful):
            if asked == _PAGES_TO_BELIEVE and not any(readable(answers[i] or "") for i in doubtful[:asked]):
                return texts
            answers[index] = _page_text_by_pypdf(reader, index) or texts[index]
    except MemoryError:
        raise
    except Exception:
        return texts
    return _within(limits, iter(answers))


def _open(file: BinaryIO) -> pypdf.PdfReader:
    reader = pypdf.PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise EncryptedError(_ENCRYPTED)
    return reader


def _page_text_by_pypdf(reader: pypdf.PdfReader, index: int) -> str | None:
    try:
        return clean(reader.pages[index].extract_text())
    except MemoryError:
        raise
    except Exception:
        # pypdf raises many kinds of errors on damaged pages (KeyError, TypeError, RecursionError ...).
        return None


def _within(limits: ParserLimits, texts: Iterator[str | None]) -> list[str | None]:
    """All of `texts`; stops once they exceed `limits.output_mb`."""
    kept = []
    room = limits.output_mb * 2**20
    for text in texts:
        room -= len(text or "")
        if room < 0:
            raise LimitError(
                f"The PDF holds more than {limits.output_mb} MB of text, which is the limit. Split it into "
                "smaller files."
            )
        kept.append(text)
    return kept


def _check_pages(pages: int, limits: ParserLimits) -> None:
    if pages > limits.pages:
        raise LimitError(
            f"The PDF has {pages:,} pages and the limit is {limits.pages:,}. Split it into smaller files."
        )


def _document(
    texts: list[str | None], headings: list[str | None], title: str | None, warnings: list[str]
) -> ParsedDocument:
    passages = [
        Passage(text=text, page=index + 1, heading=heading)
        for index, (text, heading) in enumerate(zip(texts, headings, strict=True))
        if text and readable(text)
    ]
    failed = [index + 1 for index, text in enumerate(texts) if text is None]
    empty = len(texts) - len(passages) - len(failed)
    if not passages:
        if len(failed) == len(texts):
            raise PermanentError(_DAMAGED)
        raise NoTextError(
            f"No text was found on {_pages(len(texts))}. The PDF is probably a scan: run it through text "
            "recognition (OCR), for instance with OCRmyPDF, and use the result."
        )
    if failed:
        warnings.append(f"{_of(len(failed), len(texts))} could not be read: {_numbers(failed)}.")
    if empty:
        blank = [index + 1 for index, text in enumerate(texts) if text is not None and not readable(text)]
        warnings.append(f"{_of(empty, len(texts))} without text (blank, or a scan): {_numbers(blank)}.")
    return ParsedDocument(type="pdf", passages=passages, title=title, pages=len(texts), warnings=warnings)


def _pages(count: int) -> str:
    return "its only page" if count == 1 else f"any of its {count} pages"


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole} pages"


def _numbers(pages: list[int]) -> str:
    """The first dozen of the page numbers, as text."""
    shown = ", ".join(map(str, pages[:12]))
    return shown if len(pages) <= 12 else f"{shown} and {len(pages) - 12} more"
