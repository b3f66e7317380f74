"""Deduplication of hits: drop copies and direct neighbors of better ones. Pure functions."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from luma_rag.retrieval.hits import ScoredChunk

_LEAST_COMMON = 0.8
"""The share of the shorter text that two copies must have in common, word for word."""
_RUN = 4


def deduplicate(found: Iterable[ScoredChunk], k: int, per_document: int | None = None) -> list[ScoredChunk]:
    """The first `k` distinct chunks of `found` (best first), re-ranked from 1; at most `per_document` per
    document.

    A direct neighbor of a chosen chunk in its passage is dropped, because it shows the same place;
    `luma_rag.retrieval.context_window` provides it where needed. A copy is dropped too: a text that equals a
    chosen one wherever the two overlap. It may begin or end elsewhere, since copies of a document are cut at
    different places, but every word in the overlap must match. A different number or name makes it a
    different text.
    """
    chosen: list[ScoredChunk] = []
    texts: list[_Text] = []
    chunk_count: Counter[int] = Counter()
    for each in found:
        if per_document is not None and chunk_count[each.doc_id] >= per_document:
            continue
        text = _Text(each.text)
        if any(_are_neighbours(each, other) for other in chosen) or any(map(text.is_copy_of, texts)):
            continue
        chosen.append(msgspec.structs.replace(each, rank=len(chosen) + 1))
        if len(chosen) == k:
            break
        texts.append(text)
        chunk_count[each.doc_id] += 1
    return chosen


def _are_neighbours(one: ScoredChunk, other: ScoredChunk) -> bool:
    return (
        one.doc_id == other.doc_id and one.passage == other.passage and abs(one.ordinal - other.ordinal) == 1
    )


class _Text:
    """The casefolded words of a text."""

    def __init__(self, text: str) -> None:
        words = text.casefold().split()
        self._words = len(words)
        self._line = _line(words)
        self._beginning = _line(words[:_RUN])

    def is_copy_of(self, other: "_Text") -> bool:
        """Whether the texts are equal where they overlap, and the overlap covers most of the shorter one."""
        # A cheap test that excludes nearly all pairs: neither begins within the other.
        if self._beginning not in other._line and other._beginning not in self._line:
            return False
        least = max(_RUN, int(_LEAST_COMMON * min(self._words, other._words)))
        return self._begins_within(other, least) or other._begins_within(self, least)

    def _begins_within(self, other: "_Text", least: int) -> bool:
        if self._words < _RUN:
            return self._line == other._line
        at = other._line.find(self._beginning)
        while at >= 0:
            common = other._line[at : at + len(self._line)]
            # There is one more space than there are words.
            if self._line.startswith(common) and common.count(" ") > least:
                return True
            at = other._line.find(self._beginning, at + 1)
        return False


def _line(words: Sequence[str]) -> str:
    # Spaces at both ends make substring search match whole words only.
    return f" {' '.join(words)} "
