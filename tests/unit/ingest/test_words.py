"""Terms: the same for what people mean as the same, in scripts with and without spaces."""

import pytest

from ingest.words import TERM_ID_SPACE, detect_language, query_words, term_id, words


def test_forms_of_a_word_are_one_term_in_the_language_of_the_document() -> None:
    assert words("The houses, housing a HOUSE", "en") == ["the", "hous", "hous", "a", "hous"]
    assert words("Die Häuser des Hauses", "de") == ["die", "haus", "des", "haus"]
    assert words("Häuser", "vi") == ["häuser"]


def test_numbers_are_one_term_however_they_are_grouped() -> None:
    assert words("$1,234.5 in FY2023", "en") == ["1234.5", "in", "fy2023"]
    assert words("\uff12\uff10\uff12\uff13", "en") == ["2023"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("北京大学", ["北京", "京大", "大学"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("梅", ["梅"]),
        ("3M在北京", ["3", "m", "在北", "北京"]),
        ("ไทย", ["ไท", "ทย"]),
    ],
)
def test_scripts_without_spaces_become_pairs(text: str, expected: list[str]) -> None:
    assert words(text, "zh") == expected


def test_marks_belong_to_their_letters() -> None:
    # To `re` they are no letters, and would cut the word in three.
    assert words("डिफ़ेन्स", "en") == ["डिफ़ेन्स"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The company's revenue grew by a tenth in the second year.", "en"),
        ("Der Umsatz des Unternehmens wuchs im zweiten Jahr um ein Zehntel.", "de"),
        ("日本で梅雨がないのは北海道である。", "ja"),
        ("كم نقطة تخلى عنها دفاع الفريق؟", "ar"),
        ("12 % — 3.4", "en"),
        ("", "en"),
    ],
)
def test_languages_are_told(text: str, language: str) -> None:
    assert detect_language([text]) == language


def test_the_language_is_that_of_most_of_a_document() -> None:
    german = "Der Vertrag verlängert sich um ein Jahr, wenn er nicht gekündigt wird."
    assert detect_language(["Contents", *[german] * 200]) == "de"


def test_questions_lose_what_only_asks() -> None:
    assert query_words("Why did the bees like clover?", "en") == ["bee", "like", "clover"]
    assert query_words("Wie hoch war der Umsatz?", "de") == ["hoch", "umsatz"]
    # Unless nothing is left.
    assert query_words("To be or not to be", "en") == ["to", "be", "or", "not", "to", "be"]
    assert query_words("The Who", "th") == ["the", "who"]


def test_terms_are_numbers_that_stay_the_same() -> None:
    assert term_id("clover") == 745463671
    assert all(1 <= term_id(str(i)) <= TERM_ID_SPACE for i in range(1000))


def test_what_can_not_be_text_is_no_error() -> None:
    assert words("\ud800", "en") == []
    assert len(words("x" * 100_000, "en")[0]) == 64
