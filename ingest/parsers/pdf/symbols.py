"""Currencies and units that programs set at the edge of a column belong to their numbers."""

import re
from collections.abc import Sequence

from ingest.parsers.pdf.lines import Fragment

_SYMBOL_BEFORE = re.compile(r"(?:US|C|A)?[$€£¥]|\(|[≤≥<>±]")
_SYMBOL_BEHIND = re.compile(r"[%)]{1,2}|\*{1,3}|†|‡|bps|\[\d+\]")
_CURRENCY_OF_NEXT = re.compile(r"(?<=[\d)\u2014%\u2013-])\s+([$€£¥])\s*$")


def with_symbols(cells: Sequence[Fragment]) -> list[Fragment]:
    """Cells with their currencies and units, which programs set at the edge of a column."""
    joined: list[Fragment] = []
    for cell in _apart(cells):
        text = cell.text.strip()
        before = joined[-1] if joined else None
        if before is not None and (
            _SYMBOL_BEFORE.fullmatch(before.text.strip()) or _SYMBOL_BEHIND.fullmatch(text)
        ):
            apart = cell.x0 - before.x1 > 0.12 * cell.height
            space = " " if apart and not _SYMBOL_BEHIND.fullmatch(text) else ""
            joined[-1] = Fragment(
                before.x0,
                min(before.y0, cell.y0),
                cell.x1,
                max(before.y1, cell.y1),
                f"{before.text.strip()}{space}{text}",
            )
        else:
            joined.append(cell)
    return joined


def _apart(cells: Sequence[Fragment]) -> list[Fragment]:
    """Cells in which the currency of the next column, if it stands close to a number, is one by itself."""
    found: list[Fragment] = []
    for number, cell in enumerate(cells):
        match = _CURRENCY_OF_NEXT.search(cell.text) if number + 1 < len(cells) else None
        if match is None:
            found.append(cell)
            continue
        at = cell.x1 - (cell.x1 - cell.x0) * len(match[1]) / len(cell.text)
        found.append(Fragment(cell.x0, cell.y0, at - 0.2 * cell.height, cell.y1, cell.text[: match.start()]))
        found.append(Fragment(at, cell.y0, cell.x1, cell.y1, match[1]))
    return found
