"""What a search finds."""

import msgspec


class Hit(msgspec.Struct, frozen=True):
    """A chunk that was found; `rank` counts from 1.

    `score` depends on the mode. Dense: the cosine of chunk and query, at most 1. Lexical: BM25, at least 0
    and without an upper limit, to be compared within one answer only. Hybrid: a mean of cosine and BM25,
    each as a share of the best there is, from 0 to 1, where 1 is the best in both; it tells how chunks
    compare, and not how well they fit. Reranked: what the reranker gave, on a scale of its own; hits beyond
    the first 32, which are not reranked, follow with the score of their mode.
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
    """A hit with what else is known of it.

    `similarity` is the cosine of chunk and query, whatever the mode; None where the query was not embedded.
    `coverage` is how much of the query's words the chunk holds: BM25 as a share of all weights in the query,
    from 0 to 1; None where words were not searched. `passage` and `ordinal` are the numbers of the passage
    and of the chunk in the document. `before` and `after` are what stands round the chunk in its passage, if
    that was asked for.
    """

    similarity: float | None
    coverage: float | None
    passage: int
    ordinal: int
    before: str = ""
    after: str = ""
