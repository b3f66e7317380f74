import math

import pytest

from luma_rag.evaluation.judging import Ranking
from luma_rag.evaluation.measures import MEASURES, Measured, compare, latency, measure


def ranking(question: str, units: list[str], grades: dict[str, int], ms: float = 1.0) -> Ranking:
    return Ranking(question, units, grades, ms)


def test_measures_of_a_small_run_are_those_computed_by_hand() -> None:
    found = measure(
        [
            ranking("first", ["a", "x"], {"a": 1, "b": 1}),
            ranking("sixth", ["u", "v", "w", "x", "y", "a"], {"a": 1}),
            ranking("nothing", [], {"a": 1}),
        ]
    )
    assert set(found) == set(MEASURES)
    ideal = 1 + 1 / math.log2(3)
    assert found["nDCG@10"].values == pytest.approx(
        {"first": 1 / ideal, "sixth": 1 / math.log2(7), "nothing": 0}
    )
    assert found["R@5"].values == {"first": 0.5, "sixth": 0, "nothing": 0}
    assert found["R@10"].values == {"first": 0.5, "sixth": 1, "nothing": 0}
    assert found["RR"].values == pytest.approx({"first": 1, "sixth": 1 / 6, "nothing": 0})
    assert found["Success@5"].mean == pytest.approx(1 / 3, abs=1e-4)
    assert found["RR"].low <= found["RR"].mean <= found["RR"].high


def test_the_interval_narrows_with_the_number_of_questions() -> None:
    def width(n: int) -> float:
        found = measure([ranking(str(i), ["a"] if i % 2 else ["x"], {"a": 1}) for i in range(n)])["RR"]
        return found.high - found.low

    assert width(400) < width(40) / 2


def measured(values: list[float]) -> Measured:
    return Measured(sum(values) / len(values), 0, 1, {str(i): value for i, value in enumerate(values)})


def test_a_steady_gain_is_told_from_chance() -> None:
    before = [0.1 * (i % 7) for i in range(60)]
    steady = compare(measured(before), measured([value + 0.02 for value in before]))
    assert steady.mean == pytest.approx(0.02)
    assert steady.p < 0.01
    back_and_forth = compare(
        measured(before), measured([value + (0.2 if i % 2 else -0.19) for i, value in enumerate(before)])
    )
    assert back_and_forth.p > 0.3


def test_only_questions_of_both_runs_are_compared() -> None:
    first = Measured(0, 0, 0, {"a": 0.0, "b": 1.0})
    assert compare(first, Measured(0, 0, 0, {"b": 1.0, "c": 0.0})).questions == 1
    with pytest.raises(ValueError, match="no question in common"):
        compare(first, Measured(0, 0, 0, {"c": 0.0}))


def test_latency_is_in_milliseconds() -> None:
    times = latency([ranking(str(i), [], {}, float(i)) for i in range(1, 101)])
    assert times.p50 == pytest.approx(50.5)
    assert times.slowest == 100
