"""Relevance judgments: turn search hits into a ranking of judged units for the metrics."""

from collections.abc import Mapping, Sequence

import msgspec

from luma_rag.evaluation.questions import Place, Question
from luma_rag.retrieval.hits import Hit

# The share of words of the shorter text that quote and passage must have in common.
_SHARED_WORDS = 0.5


class Ranking(msgspec.Struct, frozen=True):
    """The hits of a question as units: the known place that a hit is in, or a hit outside all known places. A
    place counts once, at its first hit. `grades` are those of the known places.
    """

    question: str
    units: list[str]
    grades: dict[str, int]
    milliseconds: float


def rank(
    question: Question, hits: Sequence[Hit], names: Mapping[int, frozenset[str]], milliseconds: float
) -> Ranking:
    """Judge the hits for a question; `names` are the names of each document.

    If a question names documents only, a document that is not named is one unit as well.
    """
    by_document = all(place.page is None and place.quote is None for place in question.places)
    units: dict[str, None] = {}
    for hit in hits:
        called = names.get(hit.doc_id, frozenset()) | {str(hit.doc_id)}
        places = [
            f"place {number}"
            for number, place in enumerate(question.places)
            if place.document in called and _stands_in(hit, place)
        ]
        other = f"document {hit.doc_id}" if by_document else f"passage {hit.vec_id}"
        units.update(dict.fromkeys(places or [other]))
    grades = {f"place {number}": place.grade for number, place in enumerate(question.places)}
    return Ranking(question.id, list(units), grades, milliseconds)


def _stands_in(hit: Hit, place: Place) -> bool:
    if place.quote is not None:
        quote, text = set(place.quote.lower().split()), set(hit.text.lower().split())
        needed = _SHARED_WORDS * min(len(quote), len(text))
        return len(quote & text) >= max(needed, 1)
    return place.page is None or place.page == hit.page
