"""A query in the form the search statement takes: embedding, terms, and their weights."""

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec
import numpy as np
import regex

from ingest.types import Vector
from ingest.words import DEFAULT_LANGUAGE, likeliest_language, query_words, term_id

MAX_TERMS = 256
# all-MiniLM-L6-v2 was trained on English and copes with similar scripts. Others are unknown characters to it,
# so there the dense score only breaks ties of the lexical one.
DENSE_WEIGHT_ENGLISH, DENSE_WEIGHT_LATIN, DENSE_WEIGHT_OTHER = 0.6, 0.3, 0.001
_OTHER_SCRIPTS = "ar bg bn el fa he hi hy ja ko ne ru sr ta th uk ur zh"
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")


class SearchQuery(msgspec.Struct, frozen=True):
    """A query for dense search (`embedding`), lexical search (`terms`), or hybrid search (both).

    `embedding` has shape (dimensions,) and length 1. `terms` has how often each term id is asked for.
    `dense_weight` is the share of the dense score in a hybrid score, from 0 to 1. `languages` are those of
    the documents.
    """

    embedding: Vector | None = None
    terms: Mapping[int, float] | None = None
    dense_weight: float = DENSE_WEIGHT_ENGLISH
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


def dense_weight(query: str, languages: Collection[str]) -> float:
    """The weight of the dense score in a hybrid search, given the languages of the documents."""
    language = likeliest_language(query, languages or [DEFAULT_LANGUAGE])
    if language == DEFAULT_LANGUAGE:
        return DENSE_WEIGHT_ENGLISH
    return DENSE_WEIGHT_OTHER if language in _OTHER_SCRIPTS.split() else DENSE_WEIGHT_LATIN
