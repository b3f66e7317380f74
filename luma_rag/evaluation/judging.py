"""Which hits are right: the hits of a search become a ranking of judged units, as the measures want it."""

from collections.abc import Mapping, Sequence

import msgspec

from luma_rag.evaluation.questions import Place, Question
from luma_rag.retrieval.hits import Hit

# Of the shorter of quote and passage, this share of the words has to be common to both.
_SHARED_WORDS = 0.5


class Ranking(msgspec.Struct, frozen=True):
    """What a search found for a question, as units: the known place that a hit stands in, or a hit that
    stands in none. A place counts once, at its first hit. `grades` are those of the known places."""

    question: str
    units: list[str]
    grades: dict[str, int]
    milliseconds: float


def rank(
    question: Question, hits: Sequence[Hit], names: Mapping[int, frozenset[str]], milliseconds: float
) -> Ranking:
    """Judge the hits for a question; `names` are what each document may be called.

    Where a question names documents only, a document that no place names is one unit as well.
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
