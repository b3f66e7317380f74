"""Fields of a paragraph: page numbers, links and forms. Each has a begin, a code, a result and an end."""

import re

from lxml import etree

from ingest.parsers.docx.names import VAL, w, w14
from ingest.parsers.docx.styles import switched_on

CHECKED, UNCHECKED = "[x]", "[ ]"

_PAGE_FIELDS = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES"})
_LINK = re.compile(r'\s*HYPERLINK\s+(?:"([^"]+)"|([^\s"\\]\S*))', re.IGNORECASE)


class Fields:
    """The fields that are open at a place in the text, from the outermost. Fields can go over paragraphs."""

    def __init__(self) -> None:
        self._codes: list[str] = []

    def begin(self, code: str = "") -> None:
        """Open a field."""
        self._codes.append(code)

    def add_code(self, text: str) -> None:
        """Append to the code of the innermost field."""
        if self._codes:
            self._codes[-1] += text

    def end(self) -> str | None:
        """Close the innermost field. Returns the address it links to, if it does."""
        match = _LINK.match(self._codes.pop()) if self._codes else None
        return None if match is None else match[1] or match[2]

    def are_page_number(self) -> bool:
        """Whether the innermost field is a page number, which isn't part of the text."""
        return bool(self._codes) and _is_page(self._codes[-1])

    def are_choice(self) -> bool:
        """Whether the innermost field is a drop-down list, whose choice `form_value` gives."""
        return bool(self._codes) and self._codes[-1].split(None, 1)[:1] == ["FORMDROPDOWN"]

    def forget_page_numbers(self) -> None:
        """Close page numbers that a broken file never ends, lest they swallow the rest of the text."""
        if self._codes:
            self._codes = [code for code in self._codes if not _is_page(code)]


def form_value(begin: etree._Element) -> str:
    """What a form field shows: `[x]` or `[ ]`, the chosen entry of a list, or "" if it is text anyway."""
    data = begin.find(w("ffData"))
    box = None if data is None else data.find(w("checkBox"))
    if box is not None:
        state = box.find(w("checked"))
        return _box(switched_on(box.find(w("default")) if state is None else state))
    choices = None if data is None else data.find(w("ddList"))
    if choices is None:
        return ""
    entries = [entry.get(VAL, "") for entry in choices.iterfind(w("listEntry"))]
    chosen = choices.find(w("result"))
    chosen = choices.find(w("default")) if chosen is None else chosen
    number = "0" if chosen is None else chosen.get(VAL, "")
    return entries[int(number)] if number.isdecimal() and int(number) < len(entries) else ""


def show_boxes(root: etree._Element) -> None:
    """Put `[x]` or `[ ]` in the place of the sign that a check box (a content control) shows."""
    for box in list(root.iter(w14("checkbox"))):
        control = box.getparent().getparent()
        content = None if control is None else control.find(w("sdtContent"))
        sign = None if content is None else next(content.iter(w("t"), w("sym")), None)
        if sign is None:
            continue
        state = box.find(w14("checked"))
        checked = state is not None and state.get(w14("val"), "1") in ("1", "true", "on")
        sign.tag = w("t")
        sign.text = _box(checked)


def _box(checked: bool) -> str:
    return CHECKED if checked else UNCHECKED


def _is_page(code: str) -> bool:
    return bool(_PAGE_FIELDS.intersection(code.upper().split(None, 1)[:1]))
