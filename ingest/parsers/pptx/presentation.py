"""Reads the slides of a presentation, in their order."""

from typing import BinaryIO

import msgspec
from lxml import etree

from ingest.errors import LimitError, NoTextError, PermanentError
from ingest.parsers.blocks import Block
from ingest.parsers.decoding import too_much_text
from ingest.parsers.docx.names import r
from ingest.parsers.package import DAMAGED, Package, Relationship
from ingest.parsers.pptx.shapes import ShapeReader, paragraphs, placeholder
from ingest.parsers.reading import Reading
from ingest.parsers.sections import Sections
from ingest.parsers.text import usable_title
from ingest.types import ParsedDocument, Passage, ReadingWarning

_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_SLIDES = f"{_P}sldIdLst/{_P}sldId"
_SHAPES = f"{_P}cSld/{_P}spTree"
_MOST_PAGES = 1000  # that a warning names


def read(file: BinaryIO, how: Reading) -> ParsedDocument:
    """Read a presentation: a passage for each slide with text, with the notes of its speaker.

    Hidden slides, and what the template repeats on every slide, are left out.

    Raises:
        EncryptedError: it needs a password.
        NoTextError: it has no text.
        LimitError: it unpacks to more data, or has more text or slides, than `how.limits` allow.
        PermanentError: it is damaged.
    """
    with Package(file, how.limits) as package:
        presentation = _Presentation(package)
        names = presentation.slides()
        if len(names) > how.limits.pages:
            raise LimitError(
                f"The presentation has {len(names)} slides; {how.limits.pages} are the limit. Split it."
            )
        passages: list[Passage] = []
        size = 0
        for number, name in enumerate(names, 1):
            for passage in presentation.passages(name, number):
                size += len(passage.text)
                passages.append(passage)
            if size > how.limits.output_mb * 2**20:
                raise LimitError(too_much_text(how.limits))
        if not passages:
            raise NoTextError("The presentation holds no text. If its slides are pictures, save it as PDF.")
        title = usable_title(package.title())
        return ParsedDocument("pptx", passages, title, len(names), presentation.warnings(len(names)))


class _Presentation:
    def __init__(self, package: Package) -> None:
        self._package = package
        self._main = package.main_part()
        self._hidden: list[int] = []
        self._without_text: list[int] = []
        self._unread_objects = 0

    def slides(self) -> list[str]:
        """The names of the slides' parts. A slide that is missing has none."""
        root = self._package.xml(self._main)
        if root is None:
            raise PermanentError(DAMAGED)
        targets = {one.id: one.target for one in self._package.relationships(self._main)}
        return [targets.get(slide.get(r("id"), ""), "") for slide in root.iterfind(_SLIDES)]

    def passages(self, name: str, number: int) -> list[Passage]:
        """The passages of a slide."""
        root = self._package.xml(name) if name else None
        if root is not None and root.get("show") in ("0", "false"):
            self._hidden.append(number)
            return []
        sections = Sections(split=True)
        for block in () if root is None else self._blocks(root, name):
            sections.add(block)
        sections.close()
        if not sections.passages:
            self._without_text.append(number)
        return [msgspec.structs.replace(passage, page=number) for passage in sections.passages]

    def warnings(self, total: int) -> list[ReadingWarning]:
        """What was not read."""
        found = []
        for code, numbers, what in (
            ("hidden_slides", self._hidden, "are hidden and were left out"),
            ("page_without_text", self._without_text, "hold no text. If they are pictures, save them as PDF"),
        ):
            if numbers:
                text = f"{len(numbers)} of {total} slides {what}."
                found.append(ReadingWarning(code, text, numbers[:_MOST_PAGES]))
        if self._unread_objects:
            text = f"Objects of other programs that were not read: {self._unread_objects}."
            found.append(ReadingWarning("embedded_object_unread", text))
        return found

    def _blocks(self, root: etree._Element, name: str) -> list[Block]:
        related = {one.id: one for one in self._package.relationships(name)}
        reader = ShapeReader(lambda key: self._related(related, key))
        tree = root.find(_SHAPES)
        blocks = [] if tree is None else list(reader.blocks(tree))
        self._unread_objects += reader.unread
        # The title comes first, wherever it stands among the shapes.
        blocks.sort(key=lambda block: block.level is None)
        blocks[1:] = [block._replace(level=None) for block in blocks[1:]]
        return blocks + self._notes(related)

    def _related(self, related: dict[str, Relationship], key: str) -> etree._Element | None:
        one = related.get(key)
        return None if one is None or one.external else self._package.xml(one.target)

    def _notes(self, related: dict[str, Relationship]) -> list[Block]:
        found = []
        for one in related.values():
            root = self._package.xml(one.target) if one.kind == "notesSlide" else None
            for shape in () if root is None else root.iter(f"{_P}sp"):
                body = shape.find(f"{_P}txBody")
                if placeholder(shape) == "body" and body is not None and (lines := paragraphs(body)):
                    found.append(Block("Notes: " + "\n".join(lines)))
        return found
