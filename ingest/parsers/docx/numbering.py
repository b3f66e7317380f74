"""Bullets and numbers of list items and headings, counted as Word does (ECMA-376 part 1, 17.9)."""

import re

from lxml import etree

from ingest.parsers.docx.names import VAL, w
from ingest.parsers.docx.styles import Styles

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_ROMAN = [
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
]  # fmt: skip
_LARGEST_ROMAN = 3999


class Numbering:
    """Labels the paragraphs of lists. It counts: call it once per paragraph, in order."""

    def __init__(self, root: etree._Element | None, styles: Styles) -> None:
        self._styles = styles
        self._lists: dict[str, etree._Element] = {}
        self._definitions: dict[str, etree._Element] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._restarted: set[tuple[str, int]] = set()
        if root is not None:
            self._lists = {element.get(w("numId"), ""): element for element in root.iterfind(w("num"))}
            self._definitions = {
                element.get(w("abstractNumId"), ""): element for element in root.iterfind(w("abstractNum"))
            }

    def label(self, paragraph: etree._Element) -> tuple[str, int]:
        """The label ("-", "3.", "2.1"; "" outside lists) and the 0-based level of a paragraph."""
        place = self._styles.numbering(paragraph)
        if place is None:
            return "", 0
        number, level, style = place
        definition = self._definition(number)
        if definition is None:
            return "", 0
        levels = {element.get(w("ilvl"), ""): element for element in definition.iterfind(w("lvl"))}
        if level is None:
            level = next(
                (int(at) for at, element in levels.items() if at.isdecimal() and _linked(element, style)), 0
            )
        level = min(level, _LEVELS - 1)
        override = next(
            (x for x in self._lists[number].iterfind(w("lvlOverride")) if x.get(w("ilvl")) == str(level)),
            None,
        )
        if override is not None and (replacement := override.find(w("lvl"))) is not None:
            levels[str(level)] = replacement
        if str(level) not in levels:
            return "", level
        counts = self._count(number, definition, level, levels, override)
        return _text(level, levels, counts), level

    def _definition(self, number: str) -> etree._Element | None:
        definition = None
        # A definition may refer to a numbering style, which names a list, which has the actual definition.
        for _ in range(3):
            if number not in self._lists:
                return None
            definition = self._definitions.get(_value(self._lists[number], "abstractNumId") or "")
            link = None if definition is None else _value(definition, "numStyleLink")
            following = None if link is None else self._styles.list_of_style(link)
            if following is None:
                break
            number = following
        return definition

    def _count(
        self,
        number: str,
        definition: etree._Element,
        level: int,
        levels: dict[str, etree._Element],
        override: etree._Element | None,
    ) -> list[int | None]:
        # Lists that share a definition continue its count unless they restart it.
        counts = self._counts.setdefault(definition.get(w("abstractNumId"), ""), [None] * _LEVELS)
        restart = None if override is None else _number(override, "startOverride")
        now = counts[level]
        if restart is not None and (number, level) not in self._restarted:
            self._restarted.add((number, level))
            counts[level] = restart
        elif now is None:
            counts[level] = _number(levels[str(level)], "start") or 0
        else:
            counts[level] = now + 1
        for upper in range(level):
            if counts[upper] is None:
                element = levels.get(str(upper))
                counts[upper] = (_number(element, "start") or 0) if element is not None else 1
        for deeper in range(level + 1, _LEVELS):
            element = levels.get(str(deeper))
            if element is None or _number(element, "lvlRestart") != 0:
                counts[deeper] = None
        return counts


def _text(level: int, levels: dict[str, etree._Element], counts: list[int | None]) -> str:
    form = _value(levels[str(level)], "numFmt") or "decimal"
    if form == "bullet":
        return "-"
    legal = levels[str(level)].find(w("isLgl")) is not None

    def place(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        element = levels.get(str(at))
        kind = "decimal" if element is None or legal else _value(element, "numFmt") or "decimal"
        return _format(counts[at] or 0, kind)

    return _PLACE.sub(place, _value(levels[str(level)], "lvlText") or "").strip()


def _format(count: int, kind: str) -> str:
    """`count` in the list's number format; unknown formats (Chinese, Thai ...) become digits."""
    text = str(count)
    if kind == "none":
        text = ""
    elif kind == "decimalZero":
        text = f"{count:02}"
    elif kind in ("lowerLetter", "upperLetter") and 0 < count <= 26 * 9:
        # Word counts a, b, ... z, aa, bb, ... zz, aaa.
        text = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
    elif kind in ("lowerRoman", "upperRoman") and 0 < count <= _LARGEST_ROMAN:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (count // value)
            count %= value
    return text.upper() if kind.startswith("upper") else text


def _linked(level: etree._Element, style: str | None) -> bool:
    return style is not None and _value(level, "pStyle") == style


def _value(element: etree._Element, name: str) -> str | None:
    child = element.find(w(name))
    return None if child is None else child.get(VAL)


def _number(element: etree._Element, name: str) -> int | None:
    value = _value(element, name)
    return int(value) if value is not None and value.isdecimal() and len(value) < 9 else None
