"""Columns of a table, from the places of the cells of its lines."""

import bisect
from collections.abc import Sequence

from ingest.parsers.pdf.lines import Fragment

Column = tuple[float, float]
# Shares of the narrower one that a cell and a column may overlap and still stand side by side.
_SLACK = 0.25


def columns_of(lines: Sequence[Sequence[Fragment]]) -> list[Column]:
    """The columns of lines of cells, from left to right.

    Lines with the most cells tell most, so they come first. Cells of the others fill columns or, such as a
    heading over several columns, stand over more than one.
    """
    columns: list[Column] = []
    for cells in sorted(lines, key=len, reverse=True):
        for cell in cells:
            under = covered(columns, cell)
            if len(under) == 1:
                columns[under[0]] = _widened(columns, under[0], cell)
            elif not under:
                columns.append((cell.x0, cell.x1))
                columns.sort()
    return _without_false_gaps(columns, lines)


def covered(columns: Sequence[Column], cell: Fragment) -> list[int]:
    """The numbers of the columns that a cell stands in."""
    found = []
    left, right = cell.x0, cell.x1
    for number in range(max(0, bisect.bisect_left(columns, (left, left)) - 1), len(columns)):
        x0, x1 = columns[number]
        if x0 >= right:
            break
        overlap = (x1 if x1 < right else right) - (x0 if x0 > left else left)
        slack = _SLACK * min(x1 - x0, right - left)
        if overlap > slack:
            found.append(number)
    return found


def placed(columns: Sequence[Column], cell: Fragment) -> tuple[int, int]:
    """The first and last column of a cell; the nearest one if it is in none."""
    under = covered(columns, cell)
    if under:
        return under[0], under[-1]
    middle = (cell.x0 + cell.x1) / 2
    nearest = min(range(len(columns)), key=lambda number: abs(sum(columns[number]) / 2 - middle))
    return nearest, nearest


def _widened(columns: Sequence[Column], number: int, cell: Fragment) -> Column:
    """A column with a cell, but not over its neighbors."""
    x0, x1 = columns[number]
    left = columns[number - 1][1] if number else float("-inf")
    right = columns[number + 1][0] if number + 1 < len(columns) else float("inf")
    return max(min(x0, cell.x0), min(left, x0)), min(max(x1, cell.x1), max(right, x1))


def _without_false_gaps(columns: list[Column], lines: Sequence[Sequence[Fragment]]) -> list[Column]:
    """Joins columns that more lines write across than divide."""
    places = [[placed(columns, cell) for cell in cells] for cells in lines]
    while len(columns) > 1:
        across = [0] * len(columns)
        apart = [0] * len(columns)
        for line in places:
            before = -1
            for first, last in line:
                for number in range(first, last):
                    across[number] += 1
                if first == before + 1 and first:
                    apart[before] += 1
                before = last
        worst = max(range(len(columns) - 1), key=lambda number: across[number] - apart[number])
        if across[worst] <= apart[worst]:
            break
        columns[worst : worst + 2] = [(columns[worst][0], columns[worst + 1][1])]
        places = [
            [(first - (first > worst), last - (last > worst)) for first, last in line] for line in places
        ]
    return columns
