"""Search hits."""

import msgspec


class Hit(msgspec.Struct, frozen=True):
    """A chunk found by a search; `rank` starts at 1.

    The scale of `score` depends on the mode. Dense: cosine similarity, at most 1. Lexical: BM25, unbounded,
    comparable within one response only. Hybrid: a weighted mean of both, each divided by the best score of
    the response, and of the document's title, from 0 to 1; it orders chunks but says nothing about relevance.
    Reranked: a weighted mean of the reranker's score and that of the mode, each scaled from 0 for the worst
    to 1 for the best; hits after the first 32 are not reranked and keep the score of their mode.
    """

    vec_id: str
    doc_id: int
    title: str
    page: int | None
    heading: str | None
    text: str
    score: float
    rank: int


class ScoredChunk(Hit, frozen=True):
    """A hit with its retrieval signals.

    `similarity` is the cosine of chunk and query in every mode; None if the query was not embedded.
    `coverage` is the BM25 score as a share of the query's total term weight, from 0 to 1; None without
    lexical search. `passage` and `ordinal` are the positions of the passage and of the chunk in the document.
    `before` and `after` hold the context window if it was requested.
    """

    similarity: float | None
    coverage: float | None
    passage: int
    ordinal: int
    before: str = ""
    after: str = ""
