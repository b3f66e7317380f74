"""Adjusts the scores of a hybrid search by what the statement can't see. Pure functions, except for a cache.

Titles and file names are compared as they are now: a renamed document is found by its new name at once.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from luma_rag.retrieval.contents import is_contents
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.search_query import query_terms

TITLE_WEIGHT = 0.1
"""The weight of a document's title and file name, beside 1 for the score of its text."""
CONTENTS_FACTOR = 0.7
"""The factor on the score of a table of contents."""


def title_scores(
    names: Sequence[str], weights: Mapping[int, float], languages: tuple[str, ...]
) -> list[float]:
    """For each document name, the sum of the weights of the query's terms in it; `weights` is by term id."""
    return [sum(weights[term] for term in _terms(name, languages) & weights.keys()) for name in names]


def adjusted(found: Sequence[ScoredChunk], titles: Sequence[float]) -> list[ScoredChunk]:
    """The chunks with adjusted scores, best first. `titles` are the title scores of their documents."""
    best_title = max(titles, default=0.0)
    scored = []
    for hit, title in zip(found, titles, strict=True):
        score = hit.score
        if best_title > 0:
            score = (score + TITLE_WEIGHT * title / best_title) / (1 + TITLE_WEIGHT)
        if is_contents(hit.text):
            score *= CONTENTS_FACTOR
        scored.append(msgspec.structs.replace(hit, score=score))
    # The sort is stable: equal scores keep their order.
    scored.sort(key=lambda hit: -hit.score)
    return [msgspec.structs.replace(hit, rank=rank) for rank, hit in enumerate(scored, start=1)]


@lru_cache(1 << 12)
def _terms(name: str, languages: tuple[str, ...]) -> frozenset[int]:
    return frozenset(query_terms(name, languages))
