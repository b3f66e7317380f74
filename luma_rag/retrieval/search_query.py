"""A query in the form the search statement takes: embedding, terms, and their weights."""

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec
import numpy as np
import regex

from ingest.embedding.ranking import MINILM, Ranking
from ingest.types import Vector
from ingest.words import DEFAULT_LANGUAGE, likeliest_language, query_words, term_id

MAX_TERMS = 256
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")


class SearchQuery(msgspec.Struct, frozen=True):
    """A query for dense search (`embedding`), lexical search (`terms`), or hybrid search (both).

    `embedding` has shape (dimensions,) and length 1. `terms` has how often each term id is asked for.
    `dense_weight` is the share of the dense score in a hybrid score, from 0 to 1. `languages` are those of
    the documents.
    """

    embedding: Vector | None = None
    terms: Mapping[int, float] | None = None
    dense_weight: float = MINILM.weight_in(DEFAULT_LANGUAGE)
    languages: tuple[str, ...] = ()


def query_terms(query: str, languages: Collection[str]) -> Counter[int]:
    """The possible term ids of `query` in documents of these languages; at most `MAX_TERMS`."""
    found: Counter[int] = Counter()
    for language in sorted(languages):
        # A word may have one stem per language; a stem that languages share counts once.
        found |= Counter(map(term_id, query_words(query, language)))
    return Counter(dict(list(found.items())[:MAX_TERMS]))


def mean_embedding(one: Vector, other: Vector) -> Vector:
    """The mean of the embeddings of two forms of a question, of length 1.

    The scores of a search are linear in its query. One search for the mean is therefore a fusion of the
    searches for both, at the price of one.
    """
    mean: Vector = one + other
    return mean / np.linalg.norm(mean)


def mean_terms(one: Mapping[int, float], other: Mapping[int, float]) -> dict[int, float]:
    """The mean of the terms of two forms of a question; see `mean_embedding`."""
    return {term: (one.get(term, 0) + other.get(term, 0)) / 2 for term in [*one, *other]}


def latin_share(query: str) -> float:
    """The share of Latin letters among all letters; 1 without letters."""
    if query.isascii():
        return 1.0
    letters = len(_LETTER.findall(query))
    return len(_LATIN.findall(query)) / letters if letters else 1.0


def question_language(query: str, languages: Collection[str]) -> str:
    """The language of a question, given those of the documents."""
    return likeliest_language(query, languages or [DEFAULT_LANGUAGE])


def dense_weight(query: str, languages: Collection[str], ranking: Ranking = MINILM) -> float:
    """The weight of the dense score in a hybrid search, given the languages of the documents."""
    return ranking.weight_in(question_language(query, languages))
