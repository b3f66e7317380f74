"""Web pages inside a DOCX (altChunk), which Word shows as part of the text."""

import email
import email.message
from collections.abc import Iterator

from lxml import etree

from ingest.parsers.blocks import Block, one_line
from ingest.parsers.tables import as_lines

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEFT_OUT = frozenset({"script", "style", "head", "title", "noscript", "template"})
_BLOCKS = frozenset(
    {
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "section",
        "article",
        "address",
        "hr",
    }
    | {"header", "footer", "main", "aside", "nav", "figure", "figcaption", "form", "fieldset", "center"}
    | {"table", "tr", "td", "th", "tbody", "thead", "tfoot", "caption", "body", "html", *_HEADINGS}
)
_MULTIPART = (b"mime-version:", b"from:", b"content-type: multipart")


def html_blocks(data: bytes) -> Iterator[Block]:
    """The blocks of a web page, or of one packed with its pictures into one file (MHTML)."""
    encoding = None
    if data[:2000].lstrip().lower().startswith(_MULTIPART):
        data, encoding = _page_of(data)
    if encoding is None and b"charset" not in data[:2000].lower():
        encoding = _encoding(data)
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, encoding=encoding)
    root = etree.fromstring(data, parser) if data.strip() else None
    if root is not None:
        yield from _blocks(root)


def _blocks(element: etree._Element) -> Iterator[Block]:
    """The blocks below `element`; text that stands between blocks is one as well."""
    words: list[str] = []

    def close() -> Iterator[Block]:
        text = one_line("".join(words))
        words.clear()
        if text:
            yield Block(f"- {text}" if element.tag == "li" else text, _HEADINGS.get(element.tag))

    def walk(parent: etree._Element) -> Iterator[Block]:
        words.append(parent.text or "")
        for child in parent:
            if child.tag == "br":
                yield from close()
            elif child.tag in _BLOCKS:
                yield from close()
                yield from _table(child) if child.tag == "table" else _blocks(child)
            elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT:
                yield from walk(child)
            words.append(child.tail or "")

    yield from walk(element)
    yield from close()


def _table(table: etree._Element) -> Iterator[Block]:
    rows = [
        [" ".join(block.text for block in _blocks(cell)) for cell in row if cell.tag in ("td", "th")]
        for row in table.iter("tr")
    ]
    caption = table.find("caption")
    if caption is not None:
        yield from _blocks(caption)
    if any(map(any, rows)):
        yield as_lines([row for row in rows if any(row)], int(next(table.iter("th"), None) is not None))


def _page_of(data: bytes) -> tuple[bytes, str | None]:
    for part in email.message_from_bytes(data).walk():
        if part.get_content_type() == "text/html":
            content = part.get_payload(decode=True)
            return (content if isinstance(content, bytes) else b""), part.get_content_charset()
    return b"", None


def _encoding(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"
