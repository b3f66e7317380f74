"""Tells which kind of text a file is from its first bytes; its name decides where they can't."""

import codecs
import csv
import re

from ingest.errors import UnsupportedTypeError
from ingest.parsers.formats import suffix_of, type_of_suffix
from ingest.types import DocumentType

BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings."""

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
# ISO-2022-JP and terminals use ESC, and a text may have a few mistakes.
_LARGEST_SHARE_OF_CONTROLS = 0.005
_DOS_END = b"\x1a"
_SAMPLE = 2**16
_LONGEST_LINE = 200

_TO_SKIP = re.compile(r"\s*(?:<\?[^>]*\?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_PART_OF_PAGE = re.compile(
    r"<(?:head|body|title|meta|link|script|style|div|p|h[1-6]|table|ul|ol|main|article|section|header|center|font|span|br)"
    r"[\s/>]",
    re.IGNORECASE,
)
_OTHER_XML = {
    "<svg": "an SVG picture. Save it as PDF and use that.",
    "<?mso-application": "an XML document of an Office program. Save it as DOCX or XLSX and use that.",
    "<office:document": "a flat OpenDocument file. Save it as ODT or PDF and use that.",
}
_MAIL_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*):(?:[ \t]|$)")
_MAIL_HEADERS = frozenset(
    {"from", "to", "subject", "date", "received", "message-id", "mime-version", "return-path", "delivered-to"}
    | {"content-type", "cc", "reply-to", "x-mailer", "sender", "dkim-signature"}
)
_MAILBOX = re.compile(r"From \S+.* \d\d:\d\d.* \d{4}$")
_SAVED_PAGE = re.compile(r"^(?:Snapshot-Content-Location:|From: <Saved by)", re.IGNORECASE | re.MULTILINE)
_MARKDOWN = (
    re.compile(r"^#{1,6} \S", re.MULTILINE),
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"^\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+[ \t]*(?::?-{3,}:?)?[ \t]*$", re.MULTILINE),
    re.compile(r"\[[^\[\]\n]{1,200}\]\([^)\s]{1,500}\)"),
    re.compile(r"\*\*[^*\n]{1,200}\*\*"),
    re.compile(r"\A---\n.*?^---$", re.MULTILINE | re.DOTALL),
)
_TAG = re.compile(r"<[a-z][^<>]{0,500}>", re.IGNORECASE)
_ROWS_TO_BELIEVE, _HEADERS_TO_BELIEVE, _MARKS_TO_BELIEVE = 3, 3, 2


def text_type(head: bytes, name: str) -> DocumentType | None:
    """The type of a text that begins with `head`, None if it is no text.

    Raises:
        UnsupportedTypeError: it is text of a kind that can't be read.
    """
    text = sample(head)
    if text is None:
        return None
    start = _without_declarations(text)
    claimed = type_of_suffix(name)
    if _PAGE.match(start):
        return "html"
    _refuse_other_xml(text, start)
    if claimed in ("md", "csv"):
        return claimed
    headers = _mail_headers(text)
    if headers >= _HEADERS_TO_BELIEVE or (headers and claimed == "eml"):
        return "html" if _SAVED_PAGE.search(text[:2000]) else "eml"
    has_other_name = claimed == "txt" or (suffix_of(name) != "" and claimed is None)
    if not has_other_name and (_PART_OF_PAGE.match(start) or (claimed == "html" and _TAG.search(text))):
        return "html"
    return "txt" if has_other_name else _by_look(text)


def _by_look(text: str) -> DocumentType:
    if sum(1 for mark in _MARKDOWN if mark.search(text)) >= _MARKS_TO_BELIEVE:
        return "md"
    return "csv" if _is_table(text) else "txt"


def _without_declarations(text: str) -> str:
    """The text behind comments and declarations of XML at its beginning."""
    skipped = _TO_SKIP.match(text)
    return text if skipped is None else text[skipped.end() :]


def _refuse_other_xml(text: str, start: str) -> None:
    for beginning, advice in _OTHER_XML.items():
        if start.lower().startswith(beginning) or (beginning.startswith("<?") and beginning in text[:500]):
            raise UnsupportedTypeError(f"This is {advice}")
    if _MAILBOX.match(text.lstrip().partition("\n")[0][:_LONGEST_LINE].rstrip()):
        raise UnsupportedTypeError(
            "This is a mailbox with many mails (mbox). Save each as EML and use those."
        )


def sample(head: bytes) -> str | None:
    """The beginning of a text, not always in the right encoding, or None if it is no text."""
    head = head[:_SAMPLE].rstrip(_DOS_END)
    encoding = encoding_of_unicode(head)
    if encoding is None:
        try:
            # The last character may be cut.
            text = codecs.getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError:
            text = head.decode("latin-1")
        return None if "\0" in text or not mostly_printable(text) else text
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    return text if mostly_printable(text) else None


def mostly_printable(text: str) -> bool:
    """Whether a text has no more control characters than mistakes explain."""
    return sum(1 for _ in _CONTROLS.finditer(text)) <= len(text) * _LARGEST_SHARE_OF_CONTROLS


def encoding_of_unicode(head: bytes) -> str | None:
    """The encoding that a byte order mark tells, or UTF-16 by the zeros of its Latin letters."""
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    first = head[:2000]
    first = first[: len(first) // 2 * 2]
    if len(first) >= 8 and b"\0" in first:
        even, odd = first[::2].count(0), first[1::2].count(0)
        half = len(first) // 2
        if odd > 0.7 * half and even < 0.05 * half:
            return "utf-16-le"
        if even > 0.7 * half and odd < 0.05 * half:
            return "utf-16-be"
    return None


def _mail_headers(text: str) -> int:
    """How many well-known headers of mails a text begins with."""
    found = set()
    for line in text.lstrip("\r\n").splitlines()[:200]:
        if not line:
            break
        if line[0] in " \t":
            continue
        header = _MAIL_HEADER.match(line)
        if header is None:
            return 0
        found.add(header[1].lower())
    return len(found & _MAIL_HEADERS)


def _is_table(text: str) -> bool:
    """Whether each of the first lines has the same number of values, and more than two."""
    # The last line may be cut.
    lines = text.splitlines()
    lines = [line for line in lines[: min(20, len(lines) - (len(text) >= _SAMPLE))] if line.strip()]
    if len(lines) < _ROWS_TO_BELIEVE:
        return False
    for delimiter in ("\t", ";", ","):
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=delimiter)}
        except csv.Error:
            continue
        if len(widths) == 1 and widths.pop() > (1 if delimiter == "\t" else 2):
            return True
    return False
