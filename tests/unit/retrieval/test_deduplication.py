import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_rag.retrieval.deduplication import deduplicate
from luma_rag.retrieval.hits import ScoredChunk

TEXT = "The copay for a visit to a specialist is 45 dollars after the deductible has been met in full."


def found(text: str, doc_id: int, passage: int = 0, ordinal: int = 0) -> ScoredChunk:
    return ScoredChunk("1", doc_id, "a title", 1, None, text, 0.5, 1, 0.5, None, passage, ordinal)


def chosen(*texts: str) -> list[str]:
    made = [found(text, number) for number, text in enumerate(texts)]
    return [hit.text for hit in deduplicate(made, len(texts))]


@pytest.mark.parametrize(
    "copy",
    [
        TEXT,
        TEXT.upper().replace(" ", "\n"),
        TEXT.removeprefix("The copay "),
        TEXT.removesuffix(" in full."),
        "visit to a specialist is 45 dollars",
        f"{TEXT} See page",
        TEXT.removeprefix("The copay ") + " See page 9",
    ],
)
def test_copies_that_are_cut_at_other_places_are_left_out(copy: str) -> None:
    assert chosen(TEXT, "Something else.", copy) == [TEXT, "Something else."]


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("45", "35"),
        TEXT.replace("specialist", "dentist"),
        TEXT.replace("The copay", "The old copay"),
        TEXT.replace("in full", "in part"),
        TEXT[len(TEXT) // 3 :]
        + " Then nothing more is to be paid until the end of the year, whatever it is.",
    ],
)
def test_what_differs_in_a_word_is_another_passage(other: str) -> None:
    assert chosen(TEXT, other) == [TEXT, other]


@pytest.mark.parametrize(("shared", "is_copy"), [(7, False), (8, True)])
def test_a_copy_shares_most_of_the_shorter_text(shared: int, is_copy: bool) -> None:
    words = [f"word{n}" for n in range(20)]
    one, other = " ".join(words[:10]), " ".join(words[10 - shared : 20 - shared])
    assert chosen(one, other) == ([one] if is_copy else [one, other])
    assert chosen(other, one) == ([other] if is_copy else [other, one])


def test_short_texts_and_those_without_words_are_compared_too() -> None:
    assert chosen("", " ", "words", "Words") == ["", "words"]


def test_neighbours_in_a_passage_are_left_out_and_others_are_not() -> None:
    made = [
        found("five", 1, passage=2, ordinal=5),
        found("next", 1, passage=2, ordinal=6),
        found("one further", 1, passage=2, ordinal=7),
        found("on the page before", 1, passage=1, ordinal=4),
        found("in another document", 2, passage=2, ordinal=6),
    ]
    hits = deduplicate(made, 5)
    assert [hit.text for hit in hits] == ["five", "one further", "on the page before", "in another document"]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1), st.integers(0, 4), st.text("ab ", max_size=8))),
    st.integers(1, 12),
    st.none() | st.integers(1, 4),
)
def test_the_best_stay_in_their_order(
    places: list[tuple[int, int, int, str]], k: int, per_document: int | None
) -> None:
    made = [found(text, doc_id, passage, ordinal) for doc_id, passage, ordinal, text in places]
    hits = deduplicate(made, k, per_document)
    assert len(hits) <= k
    assert bool(hits) == bool(made)
    assert not made or hits[0] == made[0]
    chunk_count = [hit.doc_id for hit in hits]
    assert per_document is None or all(chunk_count.count(doc_id) <= per_document for doc_id in chunk_count)
    # Who asks for fewer gets the beginning of the same.
    assert deduplicate(made, 2, per_document) == hits[:2] or k == 1
