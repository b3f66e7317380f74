"""The parts of a mail (MIME)."""

from collections.abc import Iterator
from email.message import EmailMessage
from typing import NamedTuple, cast

from ingest.parsers.blocks import one_line

ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
"""Types of parts that can't be read without a key."""


class Part(NamedTuple):
    """A part of a mail that is no container. `is_alternative` if it says the same as another."""

    message: EmailMessage
    is_alternative: bool

    @property
    def is_body(self) -> bool:
        """Whether it is text of the mail rather than a file."""
        return self.message.get_filename() is None and self.message.get_content_disposition() != "attachment"

    @property
    def name(self) -> str:
        """The name of the file, of an attached mail its subject."""
        name = one_line(self.message.get_filename() or "")
        if not name and self.message.get_content_type() == "message/rfc822":
            inner = self.message.get_payload()
            subject = (
                header(cast(EmailMessage, inner[0]), "Subject") if isinstance(inner, list) and inner else ""
            )
            name = f"{subject or 'mail'}.eml"
        return name or f"without a name ({self.message.get_content_type()})"

    def content(self) -> bytes:
        """The bytes of the file."""
        if self.message.get_content_maintype() == "message":
            inner = self.message.get_payload()
            return cast(EmailMessage, inner[0]).as_bytes() if isinstance(inner, list) and inner else b""
        data = self.message.get_payload(decode=True)
        return data if isinstance(data, bytes) else b""


def parts(mail: EmailMessage) -> Iterator[Part]:
    """The parts, in order. An attached mail is one part."""
    waiting = [Part(mail, is_alternative=False)]
    while waiting:
        part = waiting.pop()
        payload = part.message.get_payload()
        kind = part.message.get_content_type()
        if not kind.startswith("multipart/") or kind in ENCRYPTED or not isinstance(payload, list):
            yield part
            continue
        is_alternative = part.is_alternative or kind == "multipart/alternative"
        waiting += [Part(cast(EmailMessage, child), is_alternative) for child in reversed(payload)]


def header(mail: EmailMessage, name: str) -> str:
    """The value of a header on one line, empty without one."""
    try:
        return one_line(str(mail.get(name) or ""))
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):
        # The package trips over some that are damaged.
        return ""


def charset_of(message: EmailMessage) -> str | None:
    """The encoding of a text that the mail tells."""
    try:
        return message.get_content_charset()
    except (ValueError, LookupError):
        return None
