"""Which of the found chunks to give: none that says what a better one says or stands beside it. Pure."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from luma_rag.retrieval.hits import Found

_LEAST_COMMON = 0.8
"""Of the shorter of two texts this share has to stand in the other, word for word."""


def select(found: Iterable[Found], k: int, per_document: int | None = None) -> list[Found]:
    """The first `k` of `found`, which comes best first, ranked from 1; at most `per_document` of a document.

    Left out is the neighbour, in its passage, of a chunk that is chosen: the same place would be shown twice,
    and whoever wants to read on has `luma_rag.retrieval.surroundings`. Left out is a copy, too: a text that
    is the same as a chosen one wherever both can be compared. One may begin or end later, as copies of a
    document are cut at different places, but in between no word differs; with another number or name it is
    no copy.
    """
    chosen: list[Found] = []
    texts: list[list[str]] = []
    held: Counter[int] = Counter()
    for each in found:
        if per_document is not None and held[each.doc_id] >= per_document:
            continue
        words = each.text.casefold().split()
        if any(_are_neighbours(each, other) for other in chosen) or any(_is_copy(words, o) for o in texts):
            continue
        chosen.append(msgspec.structs.replace(each, rank=len(chosen) + 1))
        if len(chosen) == k:
            break
        texts.append(words)
        held[each.doc_id] += 1
    return chosen


def _are_neighbours(one: Found, other: Found) -> bool:
    return (
        one.doc_id == other.doc_id and one.passage == other.passage and abs(one.ordinal - other.ordinal) == 1
    )


def _is_copy(one: list[str], other: list[str]) -> bool:
    least = max(1, int(_LEAST_COMMON * min(len(one), len(other))))
    return _begins_within(one, other, least) or _begins_within(other, one, least)


def _begins_within(outer: list[str], inner: list[str], least: int) -> bool:
    """Whether `inner` begins inside of `outer`, and both are the same until one of them ends."""
    if not inner:
        return False
    for start in range(len(outer) - least + 1):
        # Asked first, since it mostly tells: whole stretches take a hundred times as long to compare.
        if outer[start] == inner[0]:
            common = min(len(outer) - start, len(inner))
            if common >= least and outer[start : start + common] == inner[:common]:
                return True
    return False
