"""Which of the found chunks to give: none that says what a better one says or stands beside it. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from luma_rag.retrieval.hits import ScoredChunk

_LEAST_COMMON = 0.8
"""Of the shorter of two texts this share has to stand in the other, word for word."""
_RUN = 4


def deduplicate(found: Iterable[ScoredChunk], k: int, per_document: int | None = None) -> list[ScoredChunk]:
    """The first `k` of `found`, which comes best first, ranked from 1; at most `per_document` of a document.

    Left out is the neighbour, in its passage, of a chunk that is chosen: the same place would be shown twice,
    and whoever wants to read on has `luma_rag.retrieval.context_window`. Left out is a copy, too: a text that
    is the same as a chosen one wherever both can be compared. One may begin or end later, as copies of a
    document are cut at different places, but in between no word differs; with another number or name it is
    no copy.
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
    """A text as its words, without case."""

    def __init__(self, text: str) -> None:
        words = text.casefold().split()
        self._words = len(words)
        self._line = _line(words)
        self._beginning = _line(words[:_RUN])

    def is_copy_of(self, other: "_Text") -> bool:
        """Whether both are the same where they overlap, and that is most of the shorter one."""
        # Of nearly all pairs neither begins within the other, and this tells it at once.
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
            # There is a space more than there are words.
            if self._line.startswith(common) and common.count(" ") > least:
                return True
            at = other._line.find(self._beginning, at + 1)
        return False


def _line(words: Sequence[str]) -> str:
    # With a space at either end, so that only whole words are found in it.
    return f" {' '.join(words)} "
