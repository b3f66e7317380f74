"""A PDF becomes passages: by pdfium, and by pypdf where pdfium finds nothing.

On 33 reports and papers (1,768 pages), pypdf takes fifteen times as long for the text; for title and outline
pdfium takes 0.13 s and pypdf 4.9 s. So pypdf is not opened for a file that pdfium reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import pypdfium2
import pypdfium2.raw

from ingest.errors import EncryptedError, LimitError, PermanentError
from ingest.parsers.pdf import by_pypdf
from ingest.parsers.pdf.attachments import attached_passages
from ingest.parsers.pdf.continued import continue_tables, find_captions
from ingest.parsers.pdf.leading_bytes import without_leading_bytes
from ingest.parsers.pdf.outline import headings_of
from ingest.parsers.pdf.pages import PageText, texts_of
from ingest.parsers.pdf.reading import PageReader, ReadPage
from ingest.parsers.pdf.reports import DAMAGED, attached_files, dynamic_form, warnings_of
from ingest.parsers.pdf.running import drop_running_lines
from ingest.parsers.pdf.xfa import form_data
from ingest.parsers.text import clean, readable, usable_title
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, Passage, RecognizedPage

# pypdf reads some 35 pages/s. If it finds no text on this many consecutive pages, the file is a scan.
_PAGES_TO_BELIEVE = 20


def parse_pdf(
    file: BinaryIO,
    limits: ParserLimits,
    *,
    attached: bool = False,
    recognized: Mapping[int, RecognizedPage] | None = None,
) -> ParsedDocument:
    """Parse a PDF: one passage per page with text, with the page's position in the outline as its heading.

    Web addresses behind words of a page are a further passage of it.

    `recognized` has pages, by number, that can't be read otherwise; `unread` are those that remain.
    A file that opens with the empty password is read normally. Files attached to it are read as further
    passages; those `attached` to an attached one are only named. `warnings` report what is not read.

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
        whole = without_leading_bytes(file)
        if whole is not None:
            return parse_pdf(whole, limits, attached=attached, recognized=recognized)
        return _parse_with_pypdf(file, limits, encrypted=error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD)
    with document:
        _check_pages(len(document), limits)
        form = document.get_formtype()
        if form not in {pypdfium2.raw.FORMTYPE_NONE, pypdfium2.raw.FORMTYPE_XFA_FULL}:
            document.init_forms()
        reader = PageReader(document, by_pypdf.Details(file), recognized)
        pages = list(_within(limits, map(reader.read, range(len(document)))))
        headings = headings_of(document)
        labels = [document.get_page_label(index) for index in range(len(document))]
        title = usable_title(document.get_metadata_value("Title"))
        inner, read, unread = attached_passages(document, limits, deeper=not attached)
        more = attached_files(read, unread)
        data = ""
        if form == pypdfium2.raw.FORMTYPE_XFA_FULL:
            data = clean(form_data(document))
            more.append(dynamic_form(data))
    read_texts = _texts(pages)
    texts = _ask_pypdf(file, limits, pages, [None if page is None else page.text for page in read_texts])
    passages = _passages(texts, headings, labels, [page.links for page in pages], read_texts)
    if data:
        passages.append(Passage(text=data, page=1, heading="Form data"))
    passages += inner
    tried = recognized is not None
    warnings, unread_pages = warnings_of(pages, texts, found=bool(passages), tried=tried, more=more)
    return ParsedDocument("pdf", passages, title, len(texts), warnings, unread_pages)


def _texts(pages: list[ReadPage]) -> list[PageText | None]:
    contents = [page.content for page in pages]
    drop_running_lines(contents)
    for content in contents:
        if content is not None:
            find_captions(content)
    continue_tables(contents)
    return texts_of(contents)


def _passages(
    texts: list[str | None],
    headings: list[str | None],
    labels: list[str],
    links: list[list[str]],
    read_texts: Sequence[PageText | None] = (),
) -> list[Passage]:
    """The text of each page, followed by its links: among the text, they would change how it is divided.

    `read_texts` tell the tables of the pages whose text is from there.
    """
    passages = []
    for index, (text, heading, label) in enumerate(zip(texts, headings, labels, strict=True)):
        printed = " ".join(clean(label).split())[:1000] if label not in {"", str(index + 1)} else None
        if text and readable(text):
            known = read_texts[index] if read_texts else None
            tables = known.tables if known is not None and known.text == text else ()
            passages.append(Passage(text, index + 1, heading, printed, tables))
        behind = clean("\n".join(links[index]))
        if behind and readable(behind):
            passages.append(Passage(behind, index + 1, heading, printed))
    return passages


def _parse_with_pypdf(file: BinaryIO, limits: ParserLimits, *, encrypted: bool) -> ParsedDocument:
    """Parse a file that pdfium can't open; `encrypted` is true if pdfium requires a password."""
    try:
        reader = by_pypdf.opened(file)
        _check_pages(len(reader.pages), limits)
        texts = _within_limits(
            limits, (by_pypdf.page_text(reader, index) for index in range(len(reader.pages)))
        )
        title = usable_title(reader.metadata.title if reader.metadata else None)
    except (MemoryError, PermanentError):
        raise
    except Exception as error:
        raise (EncryptedError(by_pypdf.ENCRYPTED) if encrypted else PermanentError(DAMAGED)) from error
    passages = _passages(texts, [None] * len(texts), [""] * len(texts), [[]] * len(texts))
    pages = [ReadPage(is_blank=True) for _ in texts]
    warnings, _ = warnings_of(pages, texts, found=bool(passages), tried=False, more=[])
    return ParsedDocument(type="pdf", passages=passages, title=title, pages=len(texts), warnings=warnings)


def _ask_pypdf(
    file: BinaryIO, limits: ParserLimits, pages: list[ReadPage], texts: list[str | None]
) -> list[str | None]:
    """`texts`, completed by pypdf: pages that pdfium could not load, or all if it found no characters."""
    none_found = not any(page.characters for page in pages)
    doubtful = [index for index, text in enumerate(texts) if text is None or none_found]
    if not doubtful:
        return texts
    try:
        reader = by_pypdf.opened(file)
        if len(reader.pages) != len(texts):
            # If the two disagree on page boundaries, pypdf's text could get a wrong page number.
            return texts
        answers = list(texts)
        for asked, index in enumerate(doubtful):
            if asked == _PAGES_TO_BELIEVE and not any(readable(answers[i] or "") for i in doubtful[:asked]):
                return texts
            answers[index] = by_pypdf.page_text(reader, index) or texts[index]
    except MemoryError:
        raise
    except Exception:
        return texts
    return _within_limits(limits, iter(answers))


def _within(limits: ParserLimits, pages: Iterator[ReadPage]) -> Iterator[ReadPage]:
    room = limits.output_mb * 2**20
    for page in pages:
        room -= page.size
        _check_room(room, limits)
        yield page


def _within_limits(limits: ParserLimits, texts: Iterator[str | None]) -> list[str | None]:
    """All of `texts`; stops once they exceed `limits.output_mb`."""
    kept = []
    room = limits.output_mb * 2**20
    for text in texts:
        room -= len(text or "")
        _check_room(room, limits)
        kept.append(text)
    return kept


def _check_room(room: int, limits: ParserLimits) -> None:
    if room < 0:
        raise LimitError(
            f"The PDF holds more than {limits.output_mb} MB of text, which is the limit. Split it into "
            "smaller files."
        )


def _check_pages(pages: int, limits: ParserLimits) -> None:
    if pages > limits.pages:
        raise LimitError(
            f"The PDF has {pages:,} pages and the limit is {limits.pages:,}. Split it into smaller files."
        )
