"""Tables that go on over a page end get their header again, so that a value never stands without it."""

import itertools

import msgspec

from ingest.parsers.pdf.pages import Page, PageLine

_FEWEST_COLUMNS = 3
_FEWEST_ROWS = 3
_FEWEST_CONTINUING = 2
_SLACK = 4.0


def repeat_headers(pages: list[Page | None]) -> None:
    """Repeat the header of a table on each page that it goes on."""
    header: PageLine | None = None
    for page, following in itertools.pairwise(pages):
        if page is None or following is None:
            header = None
            continue
        header = _header_of_last_table(page, header)
        if header is None:
            continue
        start = _continuation(following, page.lines[-1], header)
        if start is None:
            header = None
        else:
            following.lines.insert(start, msgspec.structs.replace(header))


def _header_of_last_table(page: Page, repeated: PageLine | None) -> PageLine | None:
    """The header of the table at the end of the page; None without one."""
    if not page.lines:
        return None
    last = page.lines[-1]
    rows: list[PageLine] = []
    for line in reversed(page.lines):
        if not _same_columns(line, last):
            break
        rows.append(line)
    if len(rows) < _FEWEST_ROWS:
        return None
    top = rows[-1]
    if repeated is not None and top.text == repeated.text:
        return top
    return top if _is_header(top) and not _is_header(rows[-2]) else None


def _continuation(page: Page, last: PageLine, header: PageLine) -> int | None:
    """Where the rows of the table begin; None if the page has none, or has a header of its own."""
    for start, line in enumerate(page.lines[:_FEWEST_ROWS]):
        if _same_columns(line, last):
            rows = page.lines[start : start + _FEWEST_CONTINUING]
            goes_on = len(rows) == _FEWEST_CONTINUING and all(_same_columns(row, last) for row in rows)
            return start if goes_on and not _is_header(line) and line.text != header.text else None
    return None


def _same_columns(line: PageLine, other: PageLine) -> bool:
    return (
        len(line.cells) == len(other.cells) >= _FEWEST_COLUMNS
        and line.main
        and all(
            cell[0] <= another[1] + _SLACK and another[0] <= cell[1] + _SLACK
            for cell, another in zip(line.cells, other.cells, strict=True)
        )
    )


def _is_header(line: PageLine) -> bool:
    """Whether a line has words where the rows below have numbers: its last cells begin with letters."""
    return not any(map(str.isdigit, line.text)) and any(map(str.isalpha, line.text))
