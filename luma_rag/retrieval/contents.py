"""Recognizes tables of contents. Pure functions.

A table of contents repeats the headings of a document, so it has the words of many questions and the answer
to hardly any.
"""

import string
from collections.abc import Iterator

import msgspec

_LEAST_SHARE = 0.6
"""The share of lines that are entries. The rest are titles on two lines, or a heading."""
_LEAST_WITH_LEADERS, _LEAST = 3, 5
"""The number of entries; more without leaders, because a table of numbers may look the same."""
_SPACE, _LEADERS = " \t|", ".…·_"
_LEAST_DOTS = 3
_LAST_PAGE = 1_899
"""Larger numbers are years or amounts."""
_MOST_DIGITS = 6


class _Entry(msgspec.Struct, frozen=True):
    page: int
    has_leader: bool


def is_contents(text: str) -> bool:
    """Whether the text is a table of contents: lines that end in page numbers, which never fall."""
    lines = [line for line in (line.rstrip(_SPACE) for line in text.splitlines()) if line]
    least = max(_LEAST_WITH_LEADERS, _LEAST_SHARE * len(lines))
    # Fast for other texts, which are nearly all.
    numbered = [line for line in lines if line[-1] in string.digits]
    if len(numbered) < least:
        return False
    entries = list(_entries(numbered))
    with_leaders = sum(entry.has_leader for entry in entries)
    pages = [entry.page for entry in entries]
    return (
        len(entries) >= (least if with_leaders >= _LEAST_WITH_LEADERS else max(least, _LEAST))
        and pages == sorted(pages)
        and pages[-1] <= _LAST_PAGE
    )


def _entries(lines: list[str]) -> Iterator[_Entry]:
    for line in lines:
        before = line.rstrip(string.digits)
        title = before.rstrip(_SPACE + _LEADERS)
        gap = before[len(title) :]
        has_leader = "…" in gap or sum(map(gap.count, _LEADERS)) >= _LEAST_DOTS
        if any(map(str.isalpha, title)) and (has_leader or gap.endswith(tuple(_SPACE))):
            # A number of more digits is no page number; its first ones suffice to tell.
            yield _Entry(int(line[len(before) :][:_MOST_DIGITS]), has_leader)
