"""What is measured about a model: which languages it reads, and how far apart its cosines are."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from ingest.embedding import Embedder
from ingest.embedding.measuring import _probe, measured, readings
from ingest.embedding.ranking import MINILM, NO_WEIGHT, Ranking
from ingest.types import Vector

TOPICS = {text: topic for pairs in _probe().values() for topic, pair in enumerate(pairs) for text in pair}


class StandIn:
    """Knows what the texts of the probe are about, in all languages but `unread`.

    Unrelated texts have the cosine `unrelated`, and related ones 1.
    """

    def __init__(self, unrelated: float, unread: str = "") -> None:
        self._unread = {text for pair in _probe()[unread] for text in pair} if unread else set()
        self._unrelated = unrelated

    def embed_documents(self, texts: Sequence[str]) -> Vector:
        topics = np.array([-1 if text in self._unread else TOPICS[text] for text in texts])
        vectors = np.sqrt(1 - self._unrelated) * np.eye(11)[topics]
        return np.hstack([vectors, np.full((len(texts), 1), np.sqrt(self._unrelated))]).astype(np.float32)

    embed_queries = embed_documents


def test_the_constants_of_the_packaged_model_are_its_measures(embedder: Embedder) -> None:
    found = measured(embedder)
    assert found.unrelated == pytest.approx(MINILM.unrelated, abs=0.005)
    assert found.related == pytest.approx(MINILM.related, abs=0.005)
    assert found.weight_in("en") == pytest.approx(MINILM.weight_in("en"), abs=0.01)
    assert (found.weight_in("de"), found.weight_in("pl")) == (MINILM.weight, MINILM.weight)
    for language in ["ar", "bn", "el", "hi", "ja", "ru", "th", "uk", "zh"]:
        assert found.weight_in(language) == MINILM.weight_in(language) == NO_WEIGHT


def test_an_english_model_finds_english_answers_only(embedder: Embedder) -> None:
    found = {language: reading.found for language, reading in readings(embedder).items()}
    assert found.pop("en") >= 0.95
    assert max(found.values()) < 0.5


def test_a_model_that_reads_all_languages_counts_in_all_of_them() -> None:
    found = measured(StandIn(0.085))
    languages = ["en", "de", "fr", "ar", "fa", "zh", "ko", "bn", "th"]
    assert {found.weight_in(language) for language in languages} == {0.6}


def test_a_script_that_is_not_read_does_not_count() -> None:
    found = measured(StandIn(0.085, unread="ar"))
    assert found.weight_in("ar") == found.weight_in("ur") == NO_WEIGHT
    # Neither do scripts that nothing is known about.
    assert found.weight_in("th") == NO_WEIGHT
    assert found.weight_in("zh") == found.weight_in("fr") == 0.6


def test_the_closer_the_cosines_the_higher_the_weight() -> None:
    weights = [measured(StandIn(unrelated)).weight_in("en") for unrelated in (0.1, 0.4, 0.7)]
    assert weights == sorted(weights)
    # What a fully related text gains over an unrelated one, against a lexical score, is the same.
    gains = [w / (1 - w) * (1 - u) for w, u in zip(weights, (0.1, 0.4, 0.7), strict=True)]
    assert gains == pytest.approx([gains[0]] * 3, rel=0.05)


def test_cosines_are_comparable() -> None:
    ranking = Ranking(weight=0.5, weights={}, unrelated=0.4, related=0.8)
    assert ranking.comparable(0.4) == pytest.approx(MINILM.unrelated)
    assert ranking.comparable(0.8) == pytest.approx(MINILM.related)
    assert MINILM.comparable(0.3) == pytest.approx(0.3)


def test_what_was_measured_can_be_stored() -> None:
    assert msgspec.json.decode(msgspec.json.encode(MINILM), type=Ranking) == MINILM
