"""Retrieval metrics from `ir-measures`, with the uncertainty of a finite set of questions.

Intervals are percentile bootstraps over questions (Sakai, "Evaluating evaluation metrics based on the
bootstrap", SIGIR 2006). Two runs over the same questions are compared by a paired randomization test
(Smucker, Allan, Carterette, "A comparison of statistical significance tests for information retrieval
evaluation", CIKM 2007).
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from luma_rag.evaluation.judging import Ranking

MEASURES = ("nDCG@10", "R@5", "R@10", "R@100", "RR", "Success@5")
"""Names as in `ir-measures`. The mean of `RR` is the mean reciprocal rank (MRR). `Success@5` is the share of
questions with a known place among the first five hits; for questions that name pages it is the page hit rate.
"""

_RESAMPLES = 5000
_SEED = 7


class Measured(msgspec.Struct, frozen=True):
    """A metric over all questions: its mean, 95 % confidence interval, and each question's value by id."""

    mean: float
    low: float
    high: float
    values: dict[str, float]


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds per search, including the embedding of the query."""

    p50: float
    p95: float
    slowest: float


class Difference(msgspec.Struct, frozen=True):
    """The difference of a metric between two runs, over the questions common to both.

    `mean` is the second minus the first; `p` is the probability of a difference this large by chance.
    """

    questions: int
    mean: float
    p: float


def measure(rankings: Sequence[Ranking]) -> dict[str, Measured]:
    """Every metric over the rankings of a run, which has at least one."""
    # Imports scipy, which nothing else needs.
    import ir_measures

    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    judged = {ranking.question: ranking.grades for ranking in rankings}
    # The metrics sort by score and would break ties in their own order.
    found = {
        ranking.question: {unit: -float(place) for place, unit in enumerate(ranking.units)}
        for ranking in rankings
    }
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(judged, 0.0) for name in MEASURES}
    for metric in ir_measures.iter_calc(measures, judged, found):
        values[str(metric.measure)][metric.query_id] = metric.value
    return {name: _with_interval(of_questions) for name, of_questions in values.items()}


def latency(rankings: Sequence[Ranking]) -> Latency:
    """The latency of the searches."""
    times = [ranking.milliseconds for ranking in rankings]
    p50, p95 = np.percentile(times, [50, 95])
    return Latency(round(float(p50), 2), round(float(p95), 2), round(max(times), 2))


def compare(first: Measured, second: Measured) -> Difference:
    """The difference between two runs over their common questions.

    Raises:
        ValueError: they have no question in common.
    """
    common = sorted(first.values.keys() & second.values.keys())
    if not common:
        raise ValueError("The two runs have no question in common.")
    a = np.array([first.values[question] for question in common])
    b = np.array([second.values[question] for question in common])
    differences = b - a
    random = np.random.default_rng(_SEED)
    # One permutation at a time: with thousands of questions, all of them together would take gigabytes.
    as_large = sum(
        abs(random.choice((-1.0, 1.0), size=len(common)) @ differences) >= abs(differences.sum()) - 1e-9
        for _ in range(_RESAMPLES)
    )
    p = (int(as_large) + 1) / (_RESAMPLES + 1)
    return Difference(len(common), round(float(differences.mean()), 4), round(p, 4))


def _with_interval(values: dict[str, float]) -> Measured:
    array = np.fromiter(values.values(), float)
    random = np.random.default_rng(_SEED)
    means = [random.choice(array, size=len(array)).mean() for _ in range(_RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Measured(round(float(array.mean()), 4), round(float(low), 4), round(float(high), 4), values)
