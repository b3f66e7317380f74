"""Assembles a DOCX: sections under their headings, notes after their reference, headers last."""

from typing import BinaryIO

from lxml import etree

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers.docx.body import Block, BodyReader
from ingest.parsers.docx.names import w
from ingest.parsers.docx.numbering import Numbering
from ingest.parsers.docx.package import DAMAGED, Package
from ingest.parsers.docx.styles import TITLE_LEVEL, Styles
from ingest.parsers.text import clean, readable, usable_title
from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, Passage

_DUBLIN_CORE_TITLE = "{http://purl.org/dc/elements/1.1/}title"
# Some people style whole paragraphs as headings. These are read as text.
_LONGEST_HEADING = 200


def parse_docx(file: BinaryIO, limits: ParserLimits) -> ParsedDocument:
    """Parse a DOCX: one passage per section, with the path of its headings.

    Included: lists with their numbers, tables as rows of cells, text boxes, content controls, equations,
    tracked insertions, footnotes and endnotes after the block that references them, headers and footers once
    in a final passage. Excluded: tracked deletions, comments, page numbers.

    Raises:
        EncryptedError: it needs a password.
        NoTextError: it has no text.
        LimitError: it unpacks to more data, or has more text, than `limits` allow.
        PermanentError: it is damaged.
        OSError: `file` can't be read.
    """
    with Package(file, limits) as package:
        main = package.main_part()
        root = package.xml(main)
        body = None if root is None else root.find(w("body"))
        if root is None or body is None:
            raise PermanentError(DAMAGED)
        document = _Document(package, main)
        try:
            title, passages = document.sections(body)
            running = document.headers_and_footers()
        except RecursionError:
            raise PermanentError(DAMAGED) from None
        if running:
            passages.append(Passage(text=running))
        warnings = list(package.warnings)
        if next(root.iter(w("altChunk")), None) is not None:
            warnings.append("Another document is embedded in this one and was not read.")
        title = usable_title(_core_title(package)) or usable_title(title)
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
    return ParsedDocument(type="docx", passages=passages, title=title, warnings=warnings)


class _Document:
    """The main part and the parts it refers to."""

    def __init__(self, package: Package, main: str) -> None:
        self._package = package
        self._related = package.relationships(main)
        styles = Styles(self._part("styles"))
        self._reader = BodyReader(styles, Numbering(self._part("numbering"), styles))
        # Notes number their lists separately.
        self._aside = BodyReader(styles, Numbering(self._part("numbering"), styles))
        self._notes = {
            (kind, note.get(w("id"), "")): note
            for kind in ("footnote", "endnote")
            for note in self._children(f"{kind}s", w(kind))
        }
        self._notes_read = 0

    def sections(self, body: etree._Element) -> tuple[str | None, list[Passage]]:
        """The document's title, if a paragraph has that style, and its sections."""
        title: str | None = None
        passages: list[Passage] = []
        path: dict[int, str] = {}
        lines: list[str] = []
        only_headings = True

        def close() -> None:
            text = clean("\n".join(lines))
            if readable(text):
                passages.append(
                    Passage(text=text, heading=" > ".join(path[at] for at in sorted(path)) or None)
                )
            lines.clear()

        for block in self._reader.blocks(body):
            level = block.level if len(block.text) <= _LONGEST_HEADING else None
            if level is not None:
                # A heading directly under a higher one does not start a new passage.
                if not (only_headings and (not path or level > max(path))):
                    close()
                path = {at: heading for at, heading in path.items() if at < level}
                heading = " ".join(clean(block.text).split())
                if level == TITLE_LEVEL:
                    title = title or heading
                else:
                    path[level] = heading
                only_headings = True
            else:
                only_headings = False
            lines.append(block.text)
            lines += self._notes_of(block)
        close()
        return title, passages

    def headers_and_footers(self) -> str:
        """Lines of headers and footers, each once."""
        lines: dict[str, None] = {}
        for kind in ("header", "footer"):
            for relationship in self._related:
                root = self._package.xml(relationship.target) if relationship.kind == kind else None
                if root is not None:
                    for block in self._aside.blocks(root):
                        lines.update(dict.fromkeys(filter(readable, clean(block.text).split("\n"))))
        return "\n".join(lines)

    def _notes_of(self, block: Block) -> list[str]:
        """The notes referenced since the last call, in the order of their references."""
        texts = []
        for reference in self._reader.notes:
            note = self._notes.get(reference)
            text = "" if note is None else " ".join(part.text for part in self._aside.blocks(note))
            if readable(text):
                self._notes_read += 1
                texts.append(f"Note {self._notes_read}: {text}")
        self._reader.notes.clear()
        return texts

    def _part(self, kind: str) -> etree._Element | None:
        return next((self._package.xml(r.target) for r in self._related if r.kind == kind), None)

    def _children(self, kind: str, tag: str) -> list[etree._Element]:
        root = self._part(kind)
        return [] if root is None else list(root.iterfind(tag))


def _core_title(package: Package) -> str | None:
    for relationship in package.relationships():
        if relationship.kind == "core-properties":
            root = package.xml(relationship.target)
            return None if root is None else root.findtext(_DUBLIN_CORE_TITLE)
    return None
