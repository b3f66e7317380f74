"""The styles of an OpenDocument text: what is a title, hidden, raised, or numbered."""

from typing import NamedTuple

from lxml import etree

from ingest.parsers.line import Mark
from ingest.parsers.odt.names import qualified

_NAME, _PARENT, _FAMILY = (
    qualified("style:name"),
    qualified("style:parent-style-name"),
    qualified("style:family"),
)
_TEXT_PROPERTIES = qualified("style:text-properties")
_DISPLAY, _POSITION = qualified("text:display"), qualified("style:text-position")
_THROUGH = qualified("style:text-line-through-style")
_NUMBER, _LEVEL = qualified("text:list-level-style-number"), qualified("text:level")
_MOST_PARENTS = 20


class Look(NamedTuple):
    """How text looks."""

    hidden: bool
    mark: Mark


class Styles:
    """The styles of the parts `content.xml` and `styles.xml`."""

    def __init__(self, *roots: etree._Element | None) -> None:
        self._styles: dict[tuple[str, str], etree._Element] = {}
        self._numbered: dict[str, set[int]] = {}
        for root in roots:
            for style in () if root is None else root.iter(qualified("style:style")):
                self._styles[style.get(_FAMILY, ""), style.get(_NAME, "")] = style
            for style in () if root is None else root.iter(qualified("text:list-style")):
                levels = (level.get(_LEVEL, "") for level in style.iterfind(_NUMBER))
                self._numbered[style.get(_NAME, "")] = {int(level) for level in levels if level.isdecimal()}

    def is_title(self, name: str) -> bool:
        """Whether paragraphs in a style are the document's title."""
        return any(style.get(_NAME) == "Title" for style in self._family("paragraph", name))

    def look(self, family: str, name: str) -> Look:
        """How a style of a family (`text` or `paragraph`) looks."""
        hidden, mark = None, None
        for style in self._family(family, name):
            properties = style.find(_TEXT_PROPERTIES)
            if properties is None:
                continue
            if hidden is None and (display := properties.get(_DISPLAY)) is not None:
                hidden = display == "none"
            if mark is None:
                mark = _mark(properties)
        return Look(hidden or False, mark or "")

    def is_numbered(self, name: str, level: int) -> bool:
        """Whether the items of a list are numbered."""
        return level in self._numbered.get(name, ())

    def _family(self, family: str, name: str) -> list[etree._Element]:
        """A style and those it is based on."""
        found: list[etree._Element] = []
        while (style := self._styles.get((family, name))) is not None and len(found) < _MOST_PARENTS:
            found.append(style)
            name = style.get(_PARENT, "")
        return found


def _mark(properties: etree._Element) -> Mark | None:
    if properties.get(_THROUGH, "none") != "none":
        return "struck"
    position = properties.get(_POSITION)
    if position is None:
        return None
    place = position.split()[0] if position.strip() else ""
    if place == "super" or (place.endswith("%") and not place.startswith(("-", "0%"))):
        return "superscript"
    return "subscript" if place == "sub" or place.startswith("-") else ""
