"""Assembles a DOCX: sections under their headings, notes after their reference, headers last."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.part import Part, XmlPart
from docx.oxml.parser import parse_xml
from lxml import etree

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers.blocks import Block
from ingest.parsers.docx.body import BodyReader
from ingest.parsers.docx.fields import show_boxes
from ingest.parsers.docx.headings import with_headings
from ingest.parsers.docx.inline import Reference
from ingest.parsers.docx.names import w
from ingest.parsers.docx.numbering import Numbering
from ingest.parsers.docx.opening import open_document
from ingest.parsers.docx.related import Related
from ingest.parsers.docx.remarks import Remarks
from ingest.parsers.docx.styles import Styles
from ingest.parsers.package import DAMAGED, Package, raise_if_memory
from ingest.parsers.sections import Sections
from ingest.parsers.text import clean, readable, usable_title
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, Passage

_DEEPEST = 3
"""Documents inside documents, this one included."""


def parse_docx(file: BinaryIO, limits: ParserLimits, *, comments: bool = False) -> ParsedDocument:
    """Parse a DOCX: one passage per section, with the path of its headings.

    Included: lists with their numbers, tables as rows of cells, text boxes, content controls, form fields,
    equations, charts, SmartArt, descriptions of pictures, addresses of links, documents inside this one,
    tracked insertions, footnotes and endnotes after the block that references them, headers and footers once
    in a final passage. Struck-through text is marked. Excluded: tracked deletions, hidden text, page numbers,
    and comments unless they are wanted.

    Raises:
        EncryptedError: it needs a password.
        NoTextError: it has no text.
        LimitError: it unpacks to more data, or has more text, than `limits` allow.
        PermanentError: it is damaged.
        OSError: `file` can't be read.
    """
    remarks = Remarks()
    sections = Sections()
    try:
        document = _Reader(_opened(file, limits, remarks), limits, remarks, comments=comments)
        for block, notes in document.blocks():
            sections.add(block, notes)
        sections.close()
        running = document.headers_and_footers()
    except RecursionError:
        raise PermanentError(DAMAGED) from None
    passages = sections.passages
    if running:
        passages.append(Passage(text=running))
    if not passages:
        raise NoTextError(
            "The document holds no text. If its pages are pictures, run them through text recognition (OCR) "
            "and use the result."
        )
    if sum(len(passage.text) for passage in passages) > limits.output_mb * 2**20:
        raise LimitError(
            f"The document holds more than {limits.output_mb} MB of text, which is the limit. Split it into "
            "smaller files."
        )
    title = usable_title(document.title) or usable_title(sections.title)
    return ParsedDocument(type="docx", passages=passages, title=title, warnings=remarks.warnings())


def _opened(file: BinaryIO, limits: ParserLimits, remarks: Remarks) -> Document:
    with Package(file, limits) as package:
        document = open_document(package)
        remarks.damaged |= dict.fromkeys(sorted(package.damaged))
    return document


class _Reader:
    """The main part of a document and the parts it refers to. `depth` is 1 for a document in no other."""

    def __init__(
        self,
        document: Document,
        limits: ParserLimits,
        remarks: Remarks,
        *,
        comments: bool,
        depth: int = 1,
    ) -> None:
        self._document = document
        self._limits = limits
        self._remarks = remarks
        self._comments = comments
        self._depth = depth
        self._addresses_told: set[str] = set()
        self._styles = Styles(self._root(RELATIONSHIP_TYPE.STYLES))
        self._notes = {
            (kind, note.get(w("id"), "")): note
            for kind, relationship in (
                ("footnote", RELATIONSHIP_TYPE.FOOTNOTES),
                ("endnote", RELATIONSHIP_TYPE.ENDNOTES),
                ("comment", RELATIONSHIP_TYPE.COMMENTS),
            )
            for note in self._children(relationship, w(kind))
        }
        self._note_readers: dict[str, BodyReader] = {}
        self._notes_read = 0

    @property
    def title(self) -> str | None:
        """The title among the document's properties."""
        try:
            title: str = self._document.core_properties.title
        except AttributeError:
            # Their root is none that python-docx knows.
            return None
        return title

    def blocks(self) -> list[tuple[Block, list[str]]]:
        """The blocks of the body, each with the notes that it refers to."""
        root = self._document.element
        body = root.find(w("body"))
        if body is None:
            raise PermanentError(DAMAGED)
        show_boxes(root)
        reader = self._reader(self._document.part)
        blocks, notes = [], []
        for block in reader.blocks(body):
            blocks.append(block)
            notes.append(self._notes_of(reader.take_references()))
        return list(zip(with_headings(blocks, self._styles), notes, strict=True))

    def headers_and_footers(self) -> str:
        """Lines of headers and footers, each once."""
        lines: dict[str, None] = {}
        # Not by `document.sections`, which lacks those that no section refers to.
        for kind in (RELATIONSHIP_TYPE.HEADER, RELATIONSHIP_TYPE.FOOTER):
            for relationship in self._document.part.rels.values():
                if relationship.reltype == kind:
                    part = relationship.target_part
                    show_boxes(part.element)
                    for block in self._reader(part).blocks(part.element):
                        lines.update(dict.fromkeys(filter(readable, clean(block.text).split("\n"))))
        return "\n".join(lines)

    def _reader(self, part: Part) -> BodyReader:
        nested = self._document_inside if self._depth < _DEEPEST else None
        related = Related(part, self._remarks, nested)
        # Parts number their lists separately.
        numbering = Numbering(self._root(RELATIONSHIP_TYPE.NUMBERING), self._styles)
        return BodyReader(self._styles, numbering, related, self._addresses_told)

    def _document_inside(self, data: bytes) -> Iterator[Block]:
        document = _opened(io.BytesIO(data), self._limits, self._remarks)
        reader = _Reader(
            document, self._limits, self._remarks, comments=self._comments, depth=self._depth + 1
        )
        for block, notes in reader.blocks():
            yield block._replace(paragraph=None)
            yield from map(Block, notes)

    def _notes_of(self, references: list[Reference]) -> list[str]:
        """The notes referenced, in the order of their references."""
        texts = []
        for reference in references:
            note = self._notes.get((reference.kind, reference.key))
            if note is None:
                continue
            if reference.kind == "comment" and not self._comments:
                self._remarks.comments_left_out += 1
                continue
            text = " ".join(part.text for part in self._note_reader(reference.kind).blocks(note))
            if not readable(text):
                continue
            if reference.kind == "comment":
                texts.append(f"Comment by {note.get(w('author'), '') or 'an unnamed reviewer'}: {text}")
            else:
                self._notes_read += 1
                texts.append(f"Note {self._notes_read}: {text}")
        return texts

    def _note_reader(self, kind: str) -> BodyReader:
        if kind not in self._note_readers:
            relationship = {
                "footnote": RELATIONSHIP_TYPE.FOOTNOTES,
                "endnote": RELATIONSHIP_TYPE.ENDNOTES,
                "comment": RELATIONSHIP_TYPE.COMMENTS,
            }[kind]
            self._note_readers[kind] = self._reader(self._document.part.part_related_by(relationship))
        return self._note_readers[kind]

    def _root(self, relationship: str) -> etree._Element | None:
        try:
            part = self._document.part.part_related_by(relationship)
        except KeyError:
            return None
        if isinstance(part, XmlPart):
            return part.element
        try:
            return parse_xml(part.blob)
        except etree.XMLSyntaxError as error:
            raise_if_memory(error)
            self._remarks.damaged[str(part.partname)] = None
            return None

    def _children(self, relationship: str, tag: str) -> list[etree._Element]:
        root = self._root(relationship)
        return [] if root is None else list(root.iterfind(tag))
