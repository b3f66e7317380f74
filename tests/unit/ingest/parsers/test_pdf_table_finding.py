"""Any arrangement of words is either a table or not, and never an error."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsers.pdf.lines import Fragment
from ingest.parsers.pdf.tables import tables_among

_TEXTS = st.sampled_from(
    ["Town", "2024", "1,204", "$", "%", "Table 1: Towns", "a longer text of a cell", "x"]
)
_CELL = st.tuples(st.integers(0, 30), st.integers(1, 20), st.integers(4, 30), _TEXTS)
_LINE = st.one_of(st.tuples(_CELL), st.lists(_CELL, min_size=1, max_size=4))


@given(lines=st.lists(st.tuples(st.integers(-6, 20), _LINE), min_size=1, max_size=12))
@settings(max_examples=1000, deadline=None, derandomize=True)
def test_no_arrangement_is_an_error(lines: list[tuple[int, list[tuple[int, int, int, str]]]]) -> None:
    fragments: list[list[Fragment]] = []
    top = 800.0
    for gap, cells in lines:
        top -= 10 + gap
        line = [
            Fragment(20 * x, top, 20 * x + 9 * width, top + height, text) for x, width, height, text in cells
        ]
        fragments.append(sorted(line, key=lambda cell: cell.x0))
    found = tables_among(fragments)
    ends = [0, *(end for _, end, _ in found)]
    assert all(end <= start < stop for end, (start, stop, _) in zip(ends, found, strict=False))
    assert ends[-1] <= len(fragments)


def test_letters_at_odd_places_over_two_columns() -> None:
    places = [
        [(306, 555, 309, 569)],
        [(357, 529, 363, 557)],
        [(23, 511, 106, 530), (120, 511, 377, 536)],
        [(239, 495, 427, 518), (590, 495, 592, 512), (594, 496, 699, 515)],
        [(137, 474, 404, 499)],
        [(71, 456, 326, 481), (566, 459, 713, 479)],
        [(180, 398, 206, 499), (221, 439, 325, 462)],
        [(517, 423, 708, 443)],
    ]
    assert tables_among([[Fragment(*box, "x") for box in line] for line in places]) == []
