"""Assembles an OpenDocument text: sections under their headings, headers and footers last."""

from typing import BinaryIO

from ingest.errors import EncryptedError, LimitError, PermanentError
from ingest.parsers.decoding import too_much_text
from ingest.parsers.odt.body import BodyReader
from ingest.parsers.odt.names import qualified
from ingest.parsers.odt.styles import Styles
from ingest.parsers.package import DAMAGED, Package
from ingest.parsers.reading import Reading
from ingest.parsers.sections import Sections
from ingest.parsers.text import clean, readable
from ingest.types import ParsedDocument, Passage, ReadingWarning

_BODY = f"{qualified('office:body')}/{qualified('office:text')}"
_RUNNING = tuple(
    qualified(f"style:{name}") for name in ("header", "header-left", "header-first", "footer", "footer-left")
)


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a text: one passage per section, with the path of its headings.

    Notes follow the block that refers to them. Headers and footers come once, at the end. Left out are
    tracked deletions, hidden text, the table of contents, and comments unless they are wanted.

    Raises:
        EncryptedError: it needs a password.
        NoTextError: it has no text.
        LimitError: it unpacks to more data, or has more text, than `how.limits` allow.
        PermanentError: it is damaged.
    """
    with Package(file, how.limits) as package:
        if b"encryption-data" in (package.part("META-INF/manifest.xml") or b""):
            raise EncryptedError(
                "The document is protected with a password. Save a copy without it and use that."
            )
        content, more = package.xml("content.xml"), package.xml("styles.xml")
        body = None if content is None else content.find(_BODY)
        if body is None:
            raise PermanentError(DAMAGED)
        metadata = package.xml("meta.xml")
        title = None if metadata is None else metadata.findtext(f".//{qualified('dc:title')}")
        reader = BodyReader(Styles(content, more), comments=how.comments)
        sections = Sections(split=True)
        for block in reader.blocks(body):
            sections.add(block, reader.take_notes())
        sections.close()
        lines: dict[str, None] = {}
        for element in () if more is None else more.iter(*_RUNNING):
            for block in reader.blocks(element):
                lines.update(dict.fromkeys(filter(readable, clean(block.text).split("\n"))))
        if lines:
            sections.passages.append(Passage("\n".join(lines)))
        if sum(len(passage.text) for passage in sections.passages) > how.limits.output_mb * 2**20:
            raise LimitError(too_much_text(how.limits))
        return sections.document("odt", title=title, warnings=_warnings(reader))


def _warnings(reader: BodyReader) -> list[ReadingWarning]:
    found = []
    if reader.unread_objects:
        text = f"Embedded objects, such as formulas and charts, that were not read: {reader.unread_objects}."
        found.append(ReadingWarning("embedded_object_unread", text))
    if reader.comments_left_out:
        text = f"Comments of reviewers that were left out: {reader.comments_left_out}."
        found.append(ReadingWarning("comments_left_out", text))
    return found
