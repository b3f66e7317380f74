"""Reads the pages of an open PDF one by one."""

from collections.abc import Mapping

import msgspec
import numpy as np
import pypdfium2

from ingest.parsers.pdf.annotations import added_text, links
from ingest.parsers.pdf.by_pypdf import Details
from ingest.parsers.pdf.characters import Bools, Characters, read_characters, text_objects
from ingest.parsers.pdf.language import agree, has_moved_letters
from ingest.parsers.pdf.lines import Fragment, turned
from ingest.parsers.pdf.objects import Marked, ReplacedText, marked_objects, picture_share
from ingest.parsers.pdf.page import lines_of_page
from ingest.parsers.pdf.pages import Page, page_of
from ingest.parsers.pdf.recognized import with_recognized
from ingest.parsers.pdf.unread import is_picture, may_be_picture, readable_characters
from ingest.types import RecognizedPage

_NEAR = 1.5


class ReadPage(msgspec.Struct, frozen=True):
    """What a page holds. `content` is None if pdfium can't load the page.

    `characters` counts those that pdfium found, readable or not. `is_picture` and `is_garbled` tell that text
    of the page is missing, `is_moved` that its letters are wrong, `is_recognized` that text was found in its
    picture, `is_blank` that nothing is drawn on it. `notes` counts comments that were left out.
    """

    content: Page | None = None
    links: list[str] = []
    characters: int = 0
    is_picture: bool = False
    is_garbled: bool = False
    is_moved: bool = False
    is_recognized: bool = False
    is_blank: bool = False
    notes: int = 0

    @property
    def size(self) -> int:
        """The number of characters of the text."""
        lines = self.content.lines if self.content else []
        return sum(len(line.text) for line in lines) + sum(map(len, self.links))


class PageReader:
    """Reads pages of one document."""

    def __init__(
        self,
        document: pypdfium2.PdfDocument,
        details: Details,
        recognized: Mapping[int, RecognizedPage] | None = None,
    ) -> None:
        """`details` are those of the same file, `recognized` its recognized pages by number, from 1."""
        self._document, self._details, self._recognized = document, details, recognized or {}

    def read(self, number: int) -> ReadPage:
        """The page with this number, counted from 0."""
        try:
            page = self._document[number]
        except pypdfium2.PdfiumError:
            return ReadPage()
        try:
            text_page = page.get_textpage()
        except pypdfium2.PdfiumError:
            page.close()
            return ReadPage()
        try:
            return self._read(number, page, text_page)
        finally:
            # One by one: otherwise all pages of a large file stay in memory.
            text_page.close()
            page.close()

    def _read(self, number: int, page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage) -> ReadPage:
        everything = read_characters(text_page)
        shown, passed_over = self._visible(page, text_page, everything)
        characters, is_garbled = readable_characters(text_page, shown, self._details, number)
        for replaced in passed_over:
            characters = _with_replaced(characters, replaced)
        characters = _on_paper(page, characters)
        added, notes = added_text(self._document, page)
        is_moved = has_moved_letters(characters.text)
        recognized = self._recognized.get(number + 1)
        if recognized is not None and is_moved:
            # Words that are recognized as they are have the right letters.
            is_moved = not agree(characters.text, [line.text for line in recognized.lines])
        found: list[Fragment] = []
        left, bottom, _, _ = page.get_bbox()
        if recognized is not None and recognized.is_readable:
            keeps_own = not is_garbled and not is_moved and not page.get_rotation()
            characters, found = with_recognized(characters, recognized, (left, bottom), keeps_own=keeps_own)
        lines, turns = lines_of_page(characters, added + found)
        if recognized is not None and found:
            content = page_of(lines, bottom, bottom + recognized.height)
        else:
            _, bottom, _, top = turned(page.get_bbox(), turns)
            content = page_of(lines, bottom, top)
        text = "\n".join(line.text for line in content.lines)
        is_read = recognized is not None and recognized.is_readable
        return ReadPage(
            content,
            links(self._document, page, characters, text),
            len(everything),
            is_picture=_is_picture(page, text) if recognized is None else not recognized.is_readable,
            is_garbled=is_garbled and not is_read,
            is_moved=is_moved and not is_read,
            is_recognized=bool(found),
            is_blank=not text and next(page.get_objects(max_depth=1), None) is None,
            notes=notes,
        )

    def _visible(
        self, page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, characters: Characters
    ) -> tuple[Characters, list[ReplacedText]]:
        """The characters, those of hidden layers blank, and the texts of objects that pdfium passes over."""
        marked = marked_objects(page)
        hidden = self._hidden(marked)
        if not hidden and not marked.replaced:
            return characters, []
        objects = text_objects(text_page)
        if hidden:
            characters = _blank(characters, np.array([address in hidden for address in objects]))
        gone = hidden.union(objects)
        return characters, [replaced for replaced in marked.replaced if not replaced.objects & gone]

    def _hidden(self, marked: Marked) -> set[int]:
        if not marked.layers:
            return set()
        layers = self._details.hidden_layers()
        return {address for address, layer in marked.layers.items() if layer in layers}


def _is_picture(page: pypdfium2.PdfPage, text: str) -> bool:
    return may_be_picture(text) and is_picture(picture_share(page))


def _blank(characters: Characters, hidden: Bools) -> Characters:
    """`characters` in which the hidden ones are line ends, so that all keep their places."""
    text = "".join(
        "\n" if is_hidden else character
        for character, is_hidden in zip(characters.text, hidden.tolist(), strict=True)
    )
    return Characters(
        text, np.where(hidden[:, None], np.float32(0), characters.boxes), characters.quarter_turns
    )


def _on_paper(page: pypdfium2.PdfPage, characters: Characters) -> Characters:
    """The characters inside the visible page: a quote of others would be invisible to the reader."""
    left, bottom, right, top = page.get_bbox()
    boxes = characters.boxes
    inside = (boxes[:, 2] > left) & (boxes[:, 0] < right) & (boxes[:, 3] > bottom) & (boxes[:, 1] < top)
    # Spaces and line ends that pdfium added may be anywhere.
    return characters.only(inside | (boxes[:, 3] <= boxes[:, 1]))


def _with_replaced(characters: Characters, replaced: ReplacedText) -> Characters:
    """`characters` with a text where its object is drawn, behind the character that ends there."""
    boxes = characters.boxes
    drawn = boxes[:, 3] > boxes[:, 1]
    before = drawn & (abs(boxes[:, 2] - replaced.x) < _NEAR)
    before &= (boxes[:, 1] - _NEAR <= replaced.y) & (replaced.y <= boxes[:, 3])
    if not before.any():
        return characters
    at = int(np.flatnonzero(before)[-1])
    rest = at + 1
    if rest < len(characters) and not drawn[rest] and characters.text[rest] == " ":
        # The space that pdfium saw in the place of the text.
        rest += 1
    box = boxes[at].copy()
    box[0] = box[2]
    following = rest < len(characters) and drawn[rest] and boxes[rest, 0] >= box[0]
    box[2] = boxes[rest, 0] if following and boxes[rest, 0] - box[0] < 100 else box[0]
    count = len(replaced.text)
    return Characters(
        characters.text[: at + 1] + replaced.text + characters.text[rest:],
        np.concatenate((boxes[: at + 1], np.repeat(box[None], count, axis=0), boxes[rest:])),
        np.concatenate(
            (
                characters.quarter_turns[: at + 1],
                np.repeat(characters.quarter_turns[at], count),
                characters.quarter_turns[rest:],
            )
        ).astype(np.int8),
    )
