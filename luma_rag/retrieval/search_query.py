"""A query in the form the search statement takes: embedding, terms, and their weights."""

from collections import Counter
from collections.abc import Collection

import msgspec
import regex

from ingest.types import Vector
from ingest.words import DEFAULT_LANGUAGE, likeliest_language, query_words, term_id

MAX_TERMS = 256
# all-MiniLM-L6-v2 was trained on English and copes with similar scripts. Others are unknown characters to it,
# so there the dense score only breaks ties of the lexical one.
DENSE_WEIGHT_ENGLISH, DENSE_WEIGHT_LATIN, DENSE_WEIGHT_OTHER = 0.6, 0.5, 0.001
_OTHER_SCRIPTS = "ar bg bn el fa he hi hy ja ko ne ru sr ta th uk ur zh"
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")


class SearchQuery(msgspec.Struct, frozen=True):
    """A query for dense search (`embedding`), lexical search (`terms`), or hybrid search (both).

    `embedding` has shape (dimensions,) and length 1. `terms` counts the term ids. `dense_weight` is the share
    of the dense score in a hybrid score, from 0 to 1.
    """

    embedding: Vector | None = None
    terms: Counter[int] | None = None
    dense_weight: float = DENSE_WEIGHT_ENGLISH


def query_terms(query: str, languages: Collection[str]) -> Counter[int]:
    """The term ids that `query` may stand for in documents of these languages; at most `MAX_TERMS`."""
    found: Counter[int] = Counter()
    for language in sorted(languages):
        # A word may have one stem per language; a stem that languages share counts once.
        found |= Counter(map(term_id, query_words(query, language)))
    return Counter(dict(list(found.items())[:MAX_TERMS]))


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
