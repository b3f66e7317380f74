"""Measures how well a model reads which languages, and how far apart its cosines are."""

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from ingest.embedding.ranking import MINILM, NO_WEIGHT, Ranking
from ingest.types import Vector
from ingest.words import DEFAULT_LANGUAGE

_READS = 0.7
# The share of probe questions whose answer a model has to find. all-MiniLM-L6-v2 and bge-small-en-v1.5 find
# 0.95 to 1 of the English ones, and at most 0.35 of those in another language.
_ANOTHER_LATIN = "de"
_LIKE = {
    "bg": "ru",
    "sr": "ru",
    "uk": "ru",
    "fa": "ar",
    "ur": "ar",
    "ne": "hi",
}
"""Languages without a probe, and the one in their script that has one."""
_WITHOUT_PROBE = ("bn", "el", "he", "hy", "ta", "th")
"""Languages in scripts that no probe has. Only a model that reads all the others is trusted to read them."""


class _CanEmbed(Protocol):
    def embed_documents(self, texts: list[str]) -> Vector: ...

    def embed_queries(self, texts: list[str]) -> Vector: ...


class Reading(NamedTuple):
    """How a model does in one language: the share of answers that it finds, and its mean cosines."""

    found: float
    unrelated: float
    related: float


def readings(embedder: _CanEmbed) -> dict[str, Reading]:
    """What the model makes of the probe in each of its languages."""
    probe = _probe()
    pairs = [pair for of_language in probe.values() for pair in of_language]
    questions = embedder.embed_queries([question for question, _ in pairs])
    answers = embedder.embed_documents([answer for _, answer in pairs])
    result, start = {}, 0
    for language, of_language in probe.items():
        part = slice(start, start + len(of_language))
        result[language] = _reading(questions[part], answers[part])
        start = part.stop
    return result


def measured(embedder: _CanEmbed) -> Ranking:
    """How much the vectors of a model should count in search.

    In a language that the model reads, as much as those of all-MiniLM-L6-v2 in English. In others they count
    little, and in scripts that the model can't read next to nothing.
    """
    found = readings(embedder)
    english = found[DEFAULT_LANGUAGE]
    weights = {language: _weight(reading) for language, reading in found.items()}
    weights |= {language: weights[like] for language, like in _LIKE.items()}
    reads_all = all(reading.found >= _READS for reading in found.values())
    weights |= dict.fromkeys(_WITHOUT_PROBE, min(weights.values()) if reads_all else NO_WEIGHT)
    in_latin_letters = weights.pop(_ANOTHER_LATIN)
    return msgspec.structs.replace(
        MINILM,
        weight=max(in_latin_letters, MINILM.weight),
        weights=weights,
        unrelated=round(english.unrelated, 4),
        related=round(english.related, 4),
    )


def _reading(questions: Vector, answers: Vector) -> Reading:
    cosines = questions @ answers.T
    right = np.arange(len(cosines))
    found = np.concatenate([cosines.argmax(axis=0) == right, cosines.argmax(axis=1) == right]).mean()
    others = cosines[~np.eye(len(cosines), dtype=bool)]
    return Reading(float(found), float(others.mean()), float(cosines.diagonal().mean()))


def _weight(reading: Reading) -> float:
    """The weight in a language by the reading there.

    In a hybrid score, cosines are divided by the best. The closer they lie together, the less they decide at
    the same weight, so the weight makes up for it.
    """
    if reading.found < _READS:
        return NO_WEIGHT
    wanted = MINILM.weight_in(DEFAULT_LANGUAGE)
    decides = wanted / (1 - wanted) * _spread(MINILM.unrelated, MINILM.related)
    return round(decides / (decides + _spread(reading.unrelated, reading.related)), 2)


def _spread(unrelated: float, related: float) -> float:
    return 1 - unrelated / related


@cache
def _probe() -> dict[str, list[tuple[str, str]]]:
    content = tomllib.loads(Path(__file__).with_name("probe.toml").read_text(encoding="utf-8"))
    return msgspec.convert(content, dict[str, list[tuple[str, str]]])
