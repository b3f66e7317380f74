"""Fragments become lines, in the order in which people read them: columns of prose one after the other.

A table is read row by row. Its columns differ from those of prose in what they hold: prose has lines of
several words that fill most of the column.
"""

import statistics

import msgspec

from ingest.parsers.pdf.lines import LINE_HYPHEN, Fragment, is_ideographic
from ingest.parsers.pdf.rows import Row
from ingest.parsers.pdf.tables import Grid, tables_among

_PROSE_WORDS = 3
_PROSE_LINES = 3
_PROSE_SHARE = 0.4
_MUCH_PROSE = 10
_FILLED = 0.5
# Deeper columns within columns are tables.
_DEPTH = 4
_TALL = 1.7
# Characters of "12." and of a bullet.
_NUMBERING = 3


class Line(msgspec.Struct):
    """Fragments on one baseline, from left to right, or the box of a `row` of the table `grid`.

    `main` is false for text that runs in another direction than most of the page.
    """

    cells: list[Fragment]
    main: bool = True
    row: Row | None = None
    grid: Grid | None = None

    @property
    def text(self) -> str:
        """The text of all cells; wide gaps become single spaces."""
        if self.row is not None:
            return self.row.text()
        text = self.cells[0].text
        for before, cell in zip(self.cells, self.cells[1:], strict=False):
            apart = cell.x0 - before.x1 > 0.12 * min(cell.height, before.height)
            text = text.removesuffix(LINE_HYPHEN) + "-" if text.endswith(LINE_HYPHEN) else text
            spaced = text.endswith(" ") or cell.text.startswith(" ")
            text += f" {cell.text}" if apart and not spaced else cell.text
        return text

    @property
    def x0(self) -> float:
        """The left end."""
        return min(cell.x0 for cell in self.cells)

    @property
    def x1(self) -> float:
        """The right end."""
        return max(cell.x1 for cell in self.cells)

    @property
    def y0(self) -> float:
        """The lower end."""
        return min(cell.y0 for cell in self.cells)

    @property
    def y1(self) -> float:
        """The upper end."""
        return max(cell.y1 for cell in self.cells)


def lines_in_order(fragments: list[Fragment], *, right_to_left: bool = False) -> list[Line]:
    """The lines of upright fragments of a page."""
    if not fragments:
        return []
    _attach_drop_caps(fragments)
    return _region(fragments, right_to_left, _DEPTH)


def _region(fragments: list[Fragment], right_to_left: bool, depth: int) -> list[Line]:
    gutter = _gutter(fragments) if depth and len(fragments) >= 2 * _PROSE_LINES else None
    if gutter is None:
        return _with_tables(lines_of(fragments))
    lines: list[Line] = []
    across: list[Line] = []
    for band in _bands(fragments, gutter):
        left = [fragment for fragment in band if fragment.x0 < gutter]
        right = [fragment for fragment in band if fragment.x0 >= gutter]
        if left and right and _is_column(left) and _is_column(right):
            lines += _with_tables(across)
            across = []
            for side in (right, left) if right_to_left else (left, right):
                lines += _region(side, right_to_left, depth - 1)
        else:
            across += lines_of(band)
    return lines + _with_tables(across)


def _gutter(fragments: list[Fragment]) -> float | None:
    """Where a second column of prose begins; None without one."""
    first = min(fragment.x0 for fragment in fragments)
    width = max(fragment.x1 for fragment in fragments) - first
    starts: dict[int, int] = {}
    for fragment in fragments:
        if fragment.x0 > first + 0.15 * width:
            start = round(fragment.x0 / 2)
            starts[start] = starts.get(start, 0) + 1
    candidates = sorted(start for start, count in starts.items() if count >= _PROSE_LINES)
    for candidate in candidates:
        gutter = candidate * 2 - 2.0
        left = [fragment for fragment in fragments if fragment.x1 <= gutter + 1]
        right = [fragment for fragment in fragments if fragment.x0 >= gutter]
        if len(left) + len(right) >= 0.5 * len(fragments) and _is_column(left) and _is_column(right):
            return gutter
    return None


def _bands(fragments: list[Fragment], gutter: float) -> list[list[Fragment]]:
    """The fragments from top to bottom, divided where one crosses the gutter."""
    crossing = [fragment for fragment in fragments if fragment.x0 < gutter < fragment.x1 - 1]
    others = [fragment for fragment in fragments if not fragment.x0 < gutter < fragment.x1 - 1]
    bands: list[list[Fragment]] = []
    others.sort(key=lambda fragment: -(fragment.y0 + fragment.y1))
    position = 0
    for line in lines_of(crossing):
        middle = (line.y0 + line.y1) / 2
        start = position
        while position < len(others) and (others[position].y0 + others[position].y1) / 2 > middle:
            position += 1
        if position > start:
            bands.append(others[start:position])
        bands.append(line.cells)
    if position < len(others):
        bands.append(others[position:])
    return bands


def _is_column(fragments: list[Fragment]) -> bool:
    """Whether lines of prose fill this column, or several such columns."""
    if len(fragments) < _PROSE_LINES:
        return False
    width = statistics.quantiles((fragment.x1 - fragment.x0 for fragment in fragments), n=10)[-1]
    prose = sum(
        fragment.x1 - fragment.x0 >= _FILLED * width and _is_prose(fragment.text) for fragment in fragments
    )
    # A figure in the column may consist of many short texts.
    share = _PROSE_SHARE if prose < _MUCH_PROSE else _PROSE_SHARE / 2
    if prose < _PROSE_LINES or prose < share * len(fragments):
        return False
    return not _has_row_labels(lines_of(fragments))


def _has_row_labels(lines: list[Line]) -> bool:
    """Whether short texts stand at the left of prose, as in the rows of a table."""
    labeled = sum(
        len(line.cells) > 1
        and len(line.cells[0].text) > _NUMBERING
        and not _is_prose(line.cells[0].text)
        and _is_prose(line.cells[1].text)
        for line in lines
    )
    return labeled >= 2 and labeled >= 0.1 * len(lines)


def _is_prose(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    if letters < 0.6 * len(text):
        return False
    return text.count(" ") + 1 >= _PROSE_WORDS or (letters >= 8 and is_ideographic(text[len(text) // 2]))


def lines_of(fragments: list[Fragment]) -> list[Line]:
    """Lines from top to bottom, of fragments that share a baseline and lie side by side."""
    lines: list[Line] = []
    for fragment in sorted(fragments, key=lambda fragment: -(fragment.y0 + fragment.y1)):
        for line in reversed(lines[-4:]):
            if _on_line(fragment, line):
                line.cells.append(fragment)
                break
        else:
            lines.append(Line([fragment]))
    for line in lines:
        if len(line.cells) > 1:
            line.cells.sort(key=lambda cell: cell.x0)
    return lines


def _with_tables(lines: list[Line]) -> list[Line]:
    """`lines` in which each row of a table is one line."""
    ordered: list[Line] = []
    done = 0
    for start, end, table in tables_among([line.cells for line in lines]):
        ordered += _with_whole_cells(lines[done:start])
        for row in table.rows:
            box = Fragment(row.x0, row.y0, row.x1, row.y1, "")
            ordered.append(Line([box], row=row, grid=table.grid))
        done = end
    return ordered + _with_whole_cells(lines[done:])


def _with_whole_cells(lines: list[Line]) -> list[Line]:
    """`lines` in which the lines of a table's cell follow each other: each row is one line."""
    rows: list[Line] = []
    bottom = 0.0
    for line in lines:
        if rows and len(rows[-1].cells) > 2 and _continues(line, rows[-1], bottom):
            for cell in line.cells:
                above = next(other for other in rows[-1].cells if abs(other.x0 - cell.x0) < 3)
                above.text = f"{above.text} {cell.text}"
                above.x1 = max(above.x1, cell.x1)
        else:
            rows.append(line)
        bottom = line.y0
    return rows


def _continues(line: Line, row: Line, bottom: float) -> bool:
    """Whether each cell of `line` goes on with the text of a cell of `row`, but not the first."""
    if bottom - line.y1 > 0.4 * line.cells[0].height or any(map(str.isdigit, line.text)):
        return False
    return all(
        any(abs(other.x0 - cell.x0) < 3 and _has_words(other.text) for other in row.cells[1:])
        for cell in line.cells
    )


def _has_words(text: str) -> bool:
    return sum(map(str.isalpha, text)) > 0.6 * len(text)


def _on_line(fragment: Fragment, line: Line) -> bool:
    # Called for each fragment and the lines near it: without calls of its own, it takes half the time.
    first = line.cells[0]
    y0, y1, first_y0, first_y1 = fragment.y0, fragment.y1, first.y0, first.y1
    height = y1 - y0 if y1 - y0 < first_y1 - first_y0 else first_y1 - first_y0
    if (y1 if y1 < first_y1 else first_y1) - (y0 if y0 > first_y0 else first_y0) < 0.6 * height:
        return False
    left, right = fragment.x0 + 0.35 * height, fragment.x1 - 0.35 * height
    # A loop: lines of a table have many cells.
    for cell in line.cells:  # noqa: SIM110
        if left < cell.x1 and right > cell.x0:
            return False
    return True


def _attach_drop_caps(fragments: list[Fragment]) -> None:
    """Put each large initial before the rest of its word."""
    usual = statistics.median(fragment.height for fragment in fragments)
    for cap in [fragment for fragment in fragments if _is_drop_cap(fragment, usual)]:
        beside = [
            fragment
            for fragment in fragments
            if fragment is not cap
            and fragment.text[0].isalpha()
            and 0 <= fragment.x0 - cap.x1 + 0.3 * usual < 2 * usual
            and cap.y0 < (fragment.y0 + fragment.y1) / 2 < cap.y1
        ]
        if len(beside) > 1 or (beside and cap.height > 2 * usual):
            first = max(beside, key=lambda fragment: fragment.y1)
            first.text = cap.text + first.text
            first.x0 = cap.x0
            fragments.remove(cap)


def _is_drop_cap(fragment: Fragment, usual: float) -> bool:
    return len(fragment.text) == 1 and fragment.text.isupper() and fragment.height > _TALL * usual
