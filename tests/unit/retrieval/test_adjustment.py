import pytest

from ingest.words import term_id
from luma_rag.retrieval.adjustment import adjusted, title_scores
from luma_rag.retrieval.hits import ScoredChunk

CONTENTS = "Contents\nDelivery .... 2\nDelay .... 3\nCourt .... 4"
WEIGHTS = {term_id("report"): 0.5, term_id("2023"): 3.0, term_id("revenu"): 2.0}


def hit(score: float, text: str = "a text", doc_id: int = 1) -> ScoredChunk:
    return ScoredChunk(str(score), doc_id, "a title", 1, None, text, score, 9, 0.5, None, 0, 0)


def order(found: list[ScoredChunk], *titles: float) -> list[str]:
    return [each.vec_id for each in adjusted(found, titles)]


def test_titles_score_by_the_weights_of_the_terms_they_share() -> None:
    names = ["Annual reports 2023", "acme_FY2023.pdf", "Minutes", "2023 2023"]
    assert title_scores(names, WEIGHTS, ("en",)) == [3.5, 3.0, 0, 3.0]
    # In another language the stems differ.
    assert title_scores(names, WEIGHTS, ("vi",)) == [3.0, 3.0, 0, 3.0]
    assert title_scores(names, WEIGHTS, ()) == [0, 0, 0, 0]


def test_the_best_title_outweighs_a_tenth_of_the_score() -> None:
    assert order([hit(0.9), hit(0.81)], 0, 3.5) == ["0.81", "0.9"]
    assert order([hit(0.9), hit(0.79)], 0, 3.5) == ["0.9", "0.79"]
    # In proportion to the best.
    assert order([hit(0.9), hit(0.86), hit(0.5)], 0, 1.75, 3.5) == ["0.86", "0.9", "0.5"]
    assert order([hit(0.9), hit(0.84), hit(0.5)], 0, 1.75, 3.5) == ["0.9", "0.84", "0.5"]


def test_scores_stay_in_order_and_below_one() -> None:
    found = adjusted([hit(1.0), hit(0.8), hit(0.6)], [1, 0, 2])
    assert [each.score for each in found] == pytest.approx([1.05 / 1.1, 0.8 / 1.1, 0.7 / 1.1])
    assert [each.rank for each in found] == [1, 2, 3]


def test_scores_are_kept_where_no_title_matches() -> None:
    assert [each.score for each in adjusted([hit(1.0), hit(0.8)], [0, 0])] == [1.0, 0.8]
    assert adjusted([], []) == []


def test_a_table_of_contents_comes_after_a_section_of_similar_score() -> None:
    assert order([hit(1.0, CONTENTS), hit(0.71)], 0, 0) == ["0.71", "1.0"]
    # It is still found where nothing else is.
    assert order([hit(1.0, CONTENTS), hit(0.69)], 0, 0) == ["1.0", "0.69"]
