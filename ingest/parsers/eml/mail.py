"""Mails with their attachments (RFC 5322 and MIME)."""

import email
import email.policy
import io
from typing import BinaryIO

from ingest.errors import EncryptedError, LimitError, PermanentError
from ingest.parsers import parse_file
from ingest.parsers.blocks import TITLE_LEVEL, Block
from ingest.parsers.decoding import decode, too_much_text
from ingest.parsers.eml.parts import ENCRYPTED, Part, charset_of, header, parts
from ingest.parsers.html import blocks_of_page
from ingest.parsers.reading import DEEPEST, Reading
from ingest.parsers.sections import Sections
from ingest.types import ParsedDocument, Passage, ReadingWarning

_HEADERS = ("From", "To", "Cc", "Date")
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_MOST_ATTACHMENTS = 1000
_MOST_NAMED = 10
_TOO_DEEP = "The mail is nested too deeply to be read. Save its parts as files of their own and use those."


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a mail: its headers, its text, and what is attached to it, under the name of each file.

    Attachments that can't be read are named in a warning.

    Raises:
        EncryptedError: it is encrypted.
        NoTextError: it has no text.
        LimitError: it has more text than `how.limits` allow.
        PermanentError: it is nested too deeply.
    """
    try:
        return _read(file, how)
    except RecursionError:
        raise PermanentError(_TOO_DEEP) from None


def _read(file: BinaryIO, how: Reading) -> ParsedDocument:
    mail = email.message_from_binary_file(file, policy=email.policy.default)
    subject = header(mail, "Subject")
    found = list(parts(mail))
    if any(part.message.get_content_type() in ENCRYPTED for part in found):
        raise EncryptedError("The mail is encrypted. Save it without encryption, or as PDF, and use that.")
    texts = {part.message.get_content_type(): part for part in reversed(found) if part.is_body}
    plain, page = texts.get("text/plain"), texts.get("text/html")
    sections = Sections(split=True)
    if subject:
        sections.add(Block(subject, TITLE_LEVEL))
    headers = [f"{name}: {value}" for name in _HEADERS if (value := header(mail, name))]
    sections.add(Block("\n".join(headers)))
    for block in _body(plain, page):
        sections.add(block)
    sections.close()
    attached = _Attachments(how)
    for part in found:
        if part is not plain and part is not page:
            attached.add(part)
    sections.passages += attached.passages
    return sections.document("eml", title=subject, warnings=attached.warnings())


class _Attachments:
    """The passages of attached files, and the names of those that are not read."""

    def __init__(self, how: Reading) -> None:
        self.passages: list[Passage] = []
        self._how = how
        self._unread: list[str] = []
        self._warnings: list[ReadingWarning] = []
        self._count = 0
        self._size = 0

    def add(self, part: Part) -> None:
        """Read a part that is not the text of the mail."""
        kind = part.message.get_content_type()
        is_picture_of_text = kind.startswith("image/") and part.message.get("Content-ID") is not None
        if kind in _SIGNATURES or is_picture_of_text or (part.is_alternative and part.is_body):
            return
        self._count += 1
        name = part.name
        inner = None
        if self._how.depth < DEEPEST and self._count <= _MOST_ATTACHMENTS:
            inner = self._document(name, part)
        if inner is None:
            self._unread.append(name)
            return
        for warning in inner.reading_warnings:
            self._warnings.append(ReadingWarning(warning.code, f"{name}: {warning.text}"))
        for passage in inner.passages:
            heading = f"{name} > {passage.heading}" if passage.heading else name
            self.passages.append(Passage(passage.text, heading=heading, tables=passage.tables))
            self._size += len(passage.text)
        if self._size > self._how.limits.output_mb * 2**20:
            raise LimitError(too_much_text(self._how.limits))

    def warnings(self) -> list[ReadingWarning]:
        """The files that were not read, and what was not read of the others."""
        if not self._unread:
            return self._warnings
        names = ", ".join(f"“{name}”" for name in self._unread[:_MOST_NAMED])
        if len(self._unread) > _MOST_NAMED:
            names += f" and {len(self._unread) - _MOST_NAMED} more"
        text = f"Attached files were not read: {names}."
        return [ReadingWarning("attachments_unread", text), *self._warnings]

    def _document(self, name: str, part: Part) -> ParsedDocument | None:
        try:
            return parse_file(
                io.BytesIO(part.content()),
                self._how.limits,
                comments=self._how.comments,
                name=name,
                depth=self._how.depth + 1,
            )
        except MemoryError:
            raise
        except Exception:
            # Whatever is wrong with it, the mail can be read without it.
            return None


def _body(plain: Part | None, page: Part | None) -> list[Block]:
    """The blocks of the text, as a page where that says more: there are tables, or no other."""
    charset = None if plain is None else charset_of(plain.message)
    text = "" if plain is None else decode(plain.content(), charset).text
    blocks = [] if page is None else blocks_of_page(page.content(), charset_of(page.message))
    words = sum(len(block.text.split()) for block in blocks)
    if blocks and (len(text.split()) * 2 < words or any(block.is_table for block in blocks)):
        return blocks
    return [
        Block(f"{paragraph}\n") for paragraph in text.replace("\r\n", "\n").split("\n\n") if paragraph.strip()
    ]
