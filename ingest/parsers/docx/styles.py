"""The styles of a DOCX: which paragraphs are headings or list items."""

import re

from lxml import etree

from ingest.parsers.docx.names import VAL, w

TITLE_LEVEL = 0
"""The level of a paragraph in the style Title: above heading 1."""

_BODY_TEXT = 9  # the value of outlineLvl for "no heading"
_HEADING = re.compile(r"^heading ?([1-9])$", re.IGNORECASE)


class Styles:
    """The paragraph styles. A style inherits from the style it is based on."""

    def __init__(self, root: etree._Element | None) -> None:
        self._styles: dict[str, etree._Element] = {}
        self._default: str | None = None
        for style in () if root is None else root.iterfind(w("style")):
            name = style.get(w("styleId"))
            if name is None or style.get(w("type"), "paragraph") != "paragraph":
                continue
            self._styles[name] = style
            if style.get(w("default")) in ("1", "true", "on"):
                self._default = name

    def heading_level(self, paragraph: etree._Element) -> int | None:
        """1 to 9 for a heading, `TITLE_LEVEL` for the title, None for other text."""
        own = paragraph.find(f"{w('pPr')}/{w('outlineLvl')}")
        if own is not None:
            return _level(own)
        style = self.style_of(paragraph)
        if style is not None and style not in self._styles:
            # A reference to a missing style still tells the intention.
            return _level_by_name(style)
        for element in self._chain(style):
            outline = element.find(f"{w('pPr')}/{w('outlineLvl')}")
            if outline is not None:
                return _level(outline)
            # The name is English in files of every language; the id is not ("berschrift1").
            name = element.find(w("name"))
            level = _level_by_name(name.get(VAL, "")) if name is not None else None
            if level is not None:
                return level
        return None

    def numbering(self, paragraph: etree._Element) -> tuple[str, int | None, str | None] | None:
        """The list and level of a paragraph as (numId, ilvl, defining style), or None.

        `ilvl` is None if the style names only the list; the list then finds the level by the style.
        """
        found = _numbering(paragraph)
        if found is not None:
            return (*found, None)
        for element in self._chain(self.style_of(paragraph)):
            found = _numbering(element)
            if found is not None:
                return (*found, element.get(w("styleId")))
        return None

    def list_of_style(self, style: str) -> str | None:
        """The numId of a numbering style."""
        element = self._styles.get(style)
        found = None if element is None else _numbering(element)
        return None if found is None else found[0]

    def style_of(self, paragraph: etree._Element) -> str | None:
        """The style id of a paragraph."""
        element = paragraph.find(f"{w('pPr')}/{w('pStyle')}")
        return self._default if element is None else element.get(VAL)

    def _chain(self, style: str | None) -> list[etree._Element]:
        chain: list[etree._Element] = []
        while style is not None and (element := self._styles.get(style)) is not None and element not in chain:
            chain.append(element)
            based_on = element.find(w("basedOn"))
            style = None if based_on is None else based_on.get(VAL)
        return chain


def _level(outline: etree._Element) -> int | None:
    value = outline.get(VAL, "")
    return int(value) + 1 if value.isdecimal() and int(value) < _BODY_TEXT else None


def _level_by_name(name: str) -> int | None:
    if name.lower() == "title":
        return TITLE_LEVEL
    match = _HEADING.match(name)
    return int(match[1]) if match else None


def _numbering(element: etree._Element) -> tuple[str, int | None] | None:
    properties = element.find(f"{w('pPr')}/{w('numPr')}")
    number = None if properties is None else properties.find(w("numId"))
    if properties is None or number is None:
        return None
    level = properties.find(w("ilvl"))
    value = "" if level is None else level.get(VAL, "")
    return number.get(VAL, "0"), int(value) if value.isdecimal() else None
