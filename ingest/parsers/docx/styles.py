"""The styles of a DOCX: which paragraphs are headings or list items, and how a run looks."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from ingest.parsers.blocks import TITLE_LEVEL
from ingest.parsers.docx.names import VAL, w
from ingest.parsers.line import Place

_BODY_TEXT = 9  # the value of outlineLvl for "no heading"
_HEADING = re.compile(r"^heading ?([1-9])$", re.IGNORECASE)
_CAPTION = "caption"
_OFF = frozenset({"0", "false", "off", "none"})
# ECMA-376 part 1, 17.7.3: set by two styles at once, such a property is off.
_TOGGLES = {w(name): name for name in ("vanish", "b", "strike", "dstrike")}
_VALUES = {w(name): name for name in ("sz", "vertAlign", "rStyle")}
_PLACES: dict[str, Place] = {"superscript": "superscript", "subscript": "subscript"}
_WORDS_SIZE = 20  # in half-points, where nothing says another

_OUTLINE = f"{w('pPr')}/{w('outlineLvl')}"
_STYLE = f"{w('pPr')}/{w('pStyle')}"
_NUMBERING = f"{w('pPr')}/{w('numPr')}"

_ListPlace = tuple[str, int | None, str | None]
_Format = dict[str, bool | str]


class Look(NamedTuple):
    """How a run looks. `size` is in half-points; `place` is "superscript", "subscript", or ""."""

    hidden: bool
    struck: bool
    bold: bool
    size: int
    place: Place


class Styles:
    """The styles of a document as python-docx opened it. A style inherits from the one it is based on."""

    def __init__(self, root: etree._Element | None) -> None:
        self._styles: dict[str, etree._Element] = {}
        self._default: str | None = None
        self._formats: dict[str | None, _Format] = {}
        self._looks: dict[tuple[object, ...], Look] = {}
        self._levels: dict[str | None, int | None] = {}
        self._places: dict[str | None, _ListPlace | None] = {}
        for style in () if root is None else root.iterfind(w("style")):
            name = style.get(w("styleId"))
            if name is None:
                continue
            self._styles[name] = style
            if style.get(w("type"), "paragraph") == "paragraph" and style.get(w("default")) in (
                "1",
                "true",
                "on",
            ):
                self._default = name
        defaults = None if root is None else root.find(f"{w('docDefaults')}/{w('rPrDefault')}/{w('rPr')}")
        self._defaults = _format(defaults)

    def heading_level(self, paragraph: etree._Element) -> int | None:
        """1 to 9 for a heading, `TITLE_LEVEL` for the title, None for other text."""
        own = paragraph.find(_OUTLINE)
        if own is not None:
            return _level(own)
        style = self.style_of(paragraph)
        if style not in self._levels:
            self._levels[style] = self._level_of_style(style)
        return self._levels[style]

    def is_caption(self, paragraph: etree._Element) -> bool:
        """Whether a paragraph is the caption of a table or figure."""
        return any(_name(element).lower() == _CAPTION for element in self._chain(self.style_of(paragraph)))

    def numbering(self, paragraph: etree._Element) -> _ListPlace | None:
        """The list and level of a paragraph as (numId, ilvl, defining style), or None.

        `ilvl` is None if the style names only the list; the list then finds the level by the style.
        """
        found = _numbering(paragraph)
        if found is not None:
            return (*found, None)
        style = self.style_of(paragraph)
        if style not in self._places:
            self._places[style] = self._place_of_style(style)
        return self._places[style]

    def list_of_style(self, style: str) -> str | None:
        """The numId of a numbering style."""
        element = self._styles.get(style)
        found = None if element is None else _numbering(element)
        return None if found is None else found[0]

    def style_of(self, paragraph: etree._Element) -> str | None:
        """The style id of a paragraph."""
        element = paragraph.find(_STYLE)
        return self._default if element is None else element.get(VAL)

    def look(self, style: str | None, properties: etree._Element | None) -> Look:
        """How a run with the properties `w:rPr` looks in a paragraph of a style."""
        own = _format(properties)
        run_style = str(own.pop("rStyle")) if "rStyle" in own else None
        key = (style, run_style, *own.items())
        if key not in self._looks:
            self._looks[key] = self._resolved(self._format_of(style), self._format_of(run_style), own)
        return self._looks[key]

    def _resolved(self, paragraph: _Format, run: _Format, own: _Format) -> Look:
        def toggled(name: str) -> bool:
            if name in own:
                return bool(own[name])
            return bool(self._defaults.get(name)) or paragraph.get(name, False) != run.get(name, False)

        def value(name: str) -> str:
            found = (layer[name] for layer in (own, run, paragraph, self._defaults) if name in layer)
            return str(next(found, ""))

        size = value("sz")
        place = value("vertAlign")
        return Look(
            hidden=toggled("vanish"),
            struck=toggled("strike") or toggled("dstrike"),
            bold=toggled("b"),
            size=int(size) if size.isdecimal() and len(size) < 5 else _WORDS_SIZE,
            place=_PLACES.get(place, ""),
        )

    def _format_of(self, style: str | None) -> _Format:
        if style not in self._formats:
            found: _Format = {}
            for element in reversed(list(self._chain(style))):
                found |= _format(element.find(w("rPr")))
            self._formats[style] = found
        return self._formats[style]

    def _level_of_style(self, style: str | None) -> int | None:
        if style is not None and style not in self._styles:
            # A reference to a missing style still tells the intention.
            return _level_by_name(style)
        for element in self._chain(style):
            outline = element.find(_OUTLINE)
            if outline is not None:
                return _level(outline)
            # The name is English in files of every language; the id is not ("berschrift1").
            level = _level_by_name(_name(element))
            if level is not None:
                return level
        return None

    def _place_of_style(self, style: str | None) -> _ListPlace | None:
        for element in self._chain(style):
            found = _numbering(element)
            if found is not None:
                return (*found, element.get(w("styleId")))
        return None

    def _chain(self, style: str | None) -> Iterator[etree._Element]:
        seen = set()
        while style is not None and style not in seen and (element := self._styles.get(style)) is not None:
            seen.add(style)
            yield element
            based_on = element.find(w("basedOn"))
            style = None if based_on is None else based_on.get(VAL)


def switched_on(element: etree._Element | None) -> bool:
    """Whether an on/off property is set: absent it is off, without a value it is on."""
    return element is not None and element.get(VAL, "1").lower() not in _OFF


def _format(properties: etree._Element | None) -> _Format:
    found: _Format = {}
    for element in () if properties is None else properties:
        if element.tag in _TOGGLES:
            found[_TOGGLES[element.tag]] = switched_on(element)
        elif element.tag in _VALUES:
            found[_VALUES[element.tag]] = element.get(VAL, "")
    return found


def _name(style: etree._Element) -> str:
    name = style.find(w("name"))
    return "" if name is None else name.get(VAL, "")


def _level(outline: etree._Element) -> int | None:
    value = outline.get(VAL, "")
    return int(value) + 1 if value.isdecimal() and int(value) < _BODY_TEXT else None


def _level_by_name(name: str) -> int | None:
    if name.lower() == "title":
        return TITLE_LEVEL
    match = _HEADING.match(name)
    return int(match[1]) if match else None


def _numbering(element: etree._Element) -> tuple[str, int | None] | None:
    properties = element.find(_NUMBERING)
    number = None if properties is None else properties.find(w("numId"))
    if properties is None or number is None:
        return None
    level = properties.find(w("ilvl"))
    value = "" if level is None else level.get(VAL, "")
    return number.get(VAL, "0"), int(value) if value.isdecimal() else None
