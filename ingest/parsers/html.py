"""Web pages, also packed with their pictures into one file (MHTML)."""

import email
import re
from typing import BinaryIO

from ingest.parsers.blocks import TITLE_LEVEL, Block
from ingest.parsers.decoding import Decoded, decode, read_bytes
from ingest.parsers.detect_text import encoding_of_unicode
from ingest.parsers.html_blocks import html_blocks
from ingest.parsers.reading import Reading
from ingest.parsers.sections import Sections
from ingest.parsers.text import readable
from ingest.types import ParsedDocument

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w.:-]+)|encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_DECLARED_WITHIN = 4096
_MULTIPART = (b"mime-version:", b"from:", b"content-type: multipart")


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a page: headings, lists, tables, and text as it is shown. Its navigation is left out.

    Raises:
        NoTextError: it has no text.
        LimitError: it is longer than allowed.
    """
    decoded = page_text(read_bytes(file, how.limits))
    blocks = html_blocks(decoded.text)
    if not any(readable(block.text) for block in blocks if block.level != TITLE_LEVEL):
        blocks = html_blocks(decoded.text, boilerplate=True)
    sections = Sections(split=True)
    for block in blocks:
        sections.add(block)
    return sections.document("html", warnings=decoded.warnings())


def blocks_of_page(data: bytes, charset: str | None = None) -> list[Block]:
    """The blocks of a page in a document of another format, which may tell its encoding."""
    return [block for block in html_blocks(page_text(data, charset).text) if block.level != TITLE_LEVEL]


def page_text(data: bytes, declared: str | None = None) -> Decoded:
    """The source of a page in whatever encoding it is."""
    if data[:2000].lstrip().lower().startswith(_MULTIPART):
        data, declared = _page_of(data)
    if declared is None and (found := _CHARSET.search(data[:_DECLARED_WITHIN])):
        declared = (found[1] or found[2]).decode("latin-1")
    if declared is not None and declared.lower().startswith("utf-16") and encoding_of_unicode(data) is None:
        # It was read as bytes, so it can't be (https://html.spec.whatwg.org, 13.2.3.2).
        declared = "utf-8"
    return decode(data, declared)


def _page_of(data: bytes) -> tuple[bytes, str | None]:
    for part in email.message_from_bytes(data).walk():
        if part.get_content_type() == "text/html":
            content = part.get_payload(decode=True)
            return (content if isinstance(content, bytes) else b""), part.get_content_charset()
    return b"", None
