"""Relevance: whether a search found anything that is likely to be about the query."""

from collections.abc import Sequence

from ingest.embedding.ranking import MINILM, Ranking
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.search_query import latin_share

_LOOKED_AT = 5
_COVERAGE_WEIGHT = 0.5
_LEAST = 0.45
_LEAST_SIMILARITY = 0.32
_LEAST_COVERAGE = 0.05
# Chosen on queries against their own corpus and against foreign ones (cisi, cranfield, scifact, xquad-en,
# xquad-de together): 2 % of the former and 93 % of the latter are judged irrelevant, against 1 % and 88 % by
# similarity alone. For scripts that the model can't read, lexical coverage decides: 0 to 3 % and 82 to 99 %.


def is_relevant(query: str, found: Sequence[ScoredChunk], ranking: Ranking = MINILM) -> bool | None:
    """Whether any of the first hits is likely to be about the query; None if unknown.

    Unknown for lexical search if the query is in Latin letters, and for dense search if it is not.
    """
    if not found:
        return False
    looked_at = found[:_LOOKED_AT]
    similarities = [ranking.comparable(hit.similarity) for hit in looked_at if hit.similarity is not None]
    similarity = max(similarities, default=None)
    coverage = max((hit.coverage for hit in looked_at if hit.coverage is not None), default=None)
    if latin_share(query) < 0.5:
        return None if coverage is None else coverage >= _LEAST_COVERAGE
    if similarity is None:
        return None
    if coverage is None:
        return similarity >= _LEAST_SIMILARITY
    return similarity + _COVERAGE_WEIGHT * coverage >= _LEAST
