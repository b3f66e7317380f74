"""A question as the search statement takes it: its embedding, its terms, and how they are balanced."""

from collections import Counter
from collections.abc import Collection

import msgspec
import regex

from ingest.types import Vector
from ingest.words import DEFAULT_LANGUAGE, likeliest_language, number, query_words

MOST_TERMS = 256
# all-MiniLM-L6-v2 was trained on English, and makes do with what is written like it. Other scripts it takes
# for strings of unknown letters; there, meaning decides only between what is as good by its words.
MEANING_ENGLISH, MEANING_LATIN, MEANING_OTHER = 0.6, 0.5, 0.001
_OTHER_SCRIPTS = "ar bg bn el fa he hi hy ja ko ne ru sr ta th uk ur zh"
_LETTER, _LATIN = regex.compile(r"\p{L}"), regex.compile(r"\p{Latin}")


class Question(msgspec.Struct, frozen=True):
    """What is searched for, by meaning, by words, or both; what is not to be searched is None.

    `embedding` has shape (dimensions,) and length 1. `terms` counts the terms by their numbers. `meaning` is
    the share of meaning in the score, from 0 to 1, where both are searched.
    """

    embedding: Vector | None = None
    terms: Counter[int] | None = None
    meaning: float = MEANING_ENGLISH


def query_terms(query: str, languages: Collection[str]) -> Counter[int]:
    """The terms that `query` may stand for in documents of these languages; at most `MOST_TERMS`."""
    found: Counter[int] = Counter()
    for language in sorted(languages):
        # A word may have one stem in each language; what they share must not count twice.
        found |= Counter(map(number, query_words(query, language)))
    return Counter(dict(list(found.items())[:MOST_TERMS]))


def latin_share(query: str) -> float:
    """The share of Latin letters among all letters, 1 where there is none."""
    if query.isascii():
        return 1.0
    letters = len(_LETTER.findall(query))
    return len(_LATIN.findall(query)) / letters if letters else 1.0


def meaning_share(query: str, languages: Collection[str]) -> float:
    """How much meaning counts beside words for this query, where the documents have these languages."""
    language = likeliest_language(query, languages or [DEFAULT_LANGUAGE])
    if language == DEFAULT_LANGUAGE:
        return MEANING_ENGLISH
    return MEANING_OTHER if language in _OTHER_SCRIPTS.split() else MEANING_LATIN
