"""Running headers and footers, which stay on the first of their pages only.

On every page, they would be in every other chunk, and between the halves of sentences.
"""

import re
from collections import defaultdict

from ingest.parsers.pdf.pages import Page, PageLine

_DEPTH = 4
_FEWEST = 3
_SHARE = 0.3
_MARGIN = 0.15
_SAME_PLACE = 4.0
_NUMBERS = re.compile(r"\d+|\b[ivxl]+\b", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def drop_running_lines(pages: list[Page | None]) -> None:
    """Drop lines that stand at the same place at the edge of several pages, except on the first."""
    for at_top in (True, False):
        edges = {
            number: _edge(page, at_top)
            for number, page in enumerate(pages)
            if page is not None and page.lines
        }
        dropped: dict[int, list[PageLine]] = defaultdict(list)
        # From the edge inwards, as long as all lines are running ones: further in, a repeated line is text.
        for depth in range(_DEPTH):
            running: dict[int, PageLine] = {}
            for group in _alike(edges, depth):
                repeated = _repeated(group)
                running |= dict(repeated)
                for number, line in repeated[1:]:
                    dropped[number].append(line)
            edges = {number: edge for number, edge in edges.items() if number in running}
        for number, lines in dropped.items():
            page = pages[number]
            if page is not None:
                # By identity: the same words may stand elsewhere on the page.
                gone = set(map(id, lines))
                # A page of nothing else would be lost.
                page.lines = [line for line in page.lines if id(line) not in gone] or page.lines


def _edge(page: Page, at_top: bool) -> list[PageLine]:
    """The lines in the margin, from the edge on; none of a table, whose header may be on every page."""
    margin = _MARGIN * (page.top - page.bottom)
    lines = sorted((line for line in page.lines if line.main), key=lambda line: line.y0 + line.y1)
    ordered = lines[::-1] if at_top else lines
    edge: list[PageLine] = []
    for line, inner in zip(ordered[:_DEPTH], [*ordered[1:], None], strict=False):
        in_margin = line.y0 > page.top - margin if at_top else line.y1 < page.bottom + margin
        is_table = at_top and inner is not None and _is_same_table(line, inner)
        if not in_margin or is_table:
            break
        edge.append(line)
    return edge


def _is_same_table(line: PageLine, inner: PageLine) -> bool:
    if line.grid is not None:
        return line.grid is inner.grid
    return len({*line.starts} & {*inner.starts}) > 1


def _alike(edges: dict[int, list[PageLine]], depth: int) -> list[list[tuple[int, PageLine]]]:
    groups: dict[str, list[tuple[int, PageLine]]] = defaultdict(list)
    for number, edge in edges.items():
        if depth < len(edge):
            text = _SPACES.sub(" ", _NUMBERS.sub("#", edge[depth].text.casefold()))
            groups[text].append((number, edge[depth]))
    return list(groups.values())


def _repeated(group: list[tuple[int, PageLine]]) -> list[tuple[int, PageLine]]:
    """Those of lines with the same words that stand at the same height, if there are enough of them."""
    if len(group) < _FEWEST:
        return []
    heights = sorted(line.y0 for _, line in group)
    usual = heights[len(heights) // 2]
    same = [(number, line) for number, line in group if abs(line.y0 - usual) <= _SAME_PLACE]
    span = same[-1][0] - same[0][0] + 1 if same else 1
    return same if len(same) >= max(_FEWEST, _SHARE * span) else []
