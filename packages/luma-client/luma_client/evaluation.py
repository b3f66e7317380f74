"""Question sets, and what an evaluation measured."""

from datetime import datetime

import msgspec


class KnownPlace(msgspec.Struct, frozen=True):
    """The place of an answer: a document of the namespace and, if known, its page or the words there."""

    doc_id: int
    page: int | None = None
    quote: str | None = None


class NewQuestion(msgspec.Struct, frozen=True):
    """A question for the question set, with the places of its answer."""

    question: str
    places: list[KnownPlace]


class KnownQuestion(msgspec.Struct, frozen=True):
    """A question of the question set."""

    id: int
    question: str
    places: list[KnownPlace]
    created_at: datetime


class Candidate(msgspec.Struct, frozen=True):
    """A question from a chat whose answer the caller rated; `places` are the citations of that answer."""

    message_id: int
    question: str
    rating: int
    comment: str | None
    places: list[KnownPlace]


class Measured(msgspec.Struct, frozen=True):
    """A measure: its mean, the 95 % confidence interval, and the value of each question by its id."""

    mean: float
    low: float
    high: float
    values: dict[str, float]


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds of a search, including the embedding of the query."""

    p50: float
    p95: float
    slowest: float


class Run(msgspec.Struct, frozen=True):
    """What an evaluation measured, by measure.

    `leaked` counts hits that the user may not read, and must be 0. `unknown` are the documents that questions
    name and the namespace doesn't have. `reranked` counts the questions whose hits were reranked.
    """

    mode: str
    k: int
    questions: int
    measures: dict[str, Measured]
    latency: Latency
    leaked: int
    unknown: list[str]
    reranked: int = 0


class FullRun(msgspec.Struct, frozen=True):
    """A stored evaluation."""

    id: int
    user_id: int
    created_at: datetime
    result: Run


class Difference(msgspec.Struct, frozen=True):
    """The difference of a measure between two runs, over the questions that both asked.

    `mean` is the second minus the first; `p` is the probability of so large a difference by chance.
    """

    questions: int
    mean: float
    p: float


class Comparison(msgspec.Struct, frozen=True):
    """How each measure differs between two runs."""

    first: str
    second: str
    differences: dict[str, Difference]
