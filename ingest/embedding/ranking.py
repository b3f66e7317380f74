"""How much the vectors of a model count in search, a property of the model."""

from collections.abc import Mapping

import msgspec


class Ranking(msgspec.Struct, frozen=True):
    """How the cosines of a model enter hybrid scores and the judgment of relevance.

    `weight` is the share of the dense score in a hybrid score, from 0 to 1; `weights` are the exceptions, by
    the language of the question. `unrelated` and `related` are typical cosines of a question with a text
    about something else and with its answer: between them, cosines of different models can be compared.
    """

    weight: float
    weights: Mapping[str, float]
    unrelated: float
    related: float

    def weight_in(self, language: str) -> float:
        """The share of the dense score for a question in `language`, an ISO 639-1 code."""
        return self.weights.get(language, self.weight)

    def comparable(self, cosine: float) -> float:
        """The cosine that all-MiniLM-L6-v2 would have, for thresholds that were chosen with it."""
        share = (cosine - self.unrelated) / (self.related - self.unrelated)
        return MINILM.unrelated + share * (MINILM.related - MINILM.unrelated)


NO_WEIGHT = 0.001
"""For languages that a model can't read: there the dense score only breaks ties of the lexical one."""
_UNREAD = "ar bg bn el fa he hi hy ja ko ne ru sr ta th uk ur zh"

MINILM = Ranking(
    weight=0.3,
    weights={"en": 0.6} | dict.fromkeys(_UNREAD.split(), NO_WEIGHT),
    unrelated=0.04,
    related=0.467,
)
"""all-MiniLM-L6-v2 was trained on English and copes with similar scripts; it can't read others."""
