"""Terms: equal for equivalent words, in scripts with and without spaces."""

import pytest

from ingest.words import TERM_ID_SPACE, detect_language, query_words, term_id, words


def test_word_forms_share_one_term_in_the_document_language() -> None:
    assert words("The houses, housing a HOUSE", "en") == ["the", "hous", "hous", "a", "hous"]
    assert words("Die Häuser des Hauses", "de") == ["die", "haus", "des", "haus"]
    assert words("Häuser", "vi") == ["häuser"]


def test_grouped_numbers_are_one_term() -> None:
    assert words("$1,234.5 in FY2023", "en") == ["1234.5", "in", "fy2023", "fy", "2023"]
    assert words("\uff12\uff10\uff12\uff13", "en") == ["2023"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FY2022", ["fy2022", "fy", "2022"]),
        ("Q3'23", ["q3", "q", "3", "23"]),
        ("E4721", ["e4721", "e", "4721"]),
        ("E-4721", ["e", "4721"]),
        ("AMCOR_2023Q4_10K", ["amcor", "2023", "q4", "q", "4", "10", "k"]),
        ("d41d8cd98f00b204", ["d41d8cd98f00b204"]),
        # Combining marks are not letters, but neither are they digits.
        ("डिफ़ेन्स", ["डिफ़ेन्स"]),
    ],
)
def test_words_of_letters_and_digits_also_count_as_their_parts(text: str, expected: list[str]) -> None:
    assert words(text, "en") == expected


def test_parts_that_are_stop_words_are_not_asked_for() -> None:
    assert query_words("Is A4 enough?", "en") == ["a4", "4", "enough"]


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
def test_scripts_without_spaces_become_character_pairs(text: str, expected: list[str]) -> None:
    assert words(text, "zh") == expected


def test_combining_marks_stay_with_their_letters() -> None:
    # `re` does not treat them as letters and would split the word in three.
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
def test_languages_are_detected(text: str, language: str) -> None:
    assert detect_language([text]) == language


def test_language_is_that_of_most_of_the_document() -> None:
    german = "Der Vertrag verlängert sich um ein Jahr, wenn er nicht gekündigt wird."
    assert detect_language(["Contents", *[german] * 200]) == "de"


def test_stop_words_are_removed_from_questions() -> None:
    assert query_words("Why did the bees like clover?", "en") == ["bee", "like", "clover"]
    assert query_words("Wie hoch war der Umsatz?", "de") == ["hoch", "umsatz"]
    # Unless no other words remain.
    assert query_words("To be or not to be", "en") == ["to", "be", "or", "not", "to", "be"]
    assert query_words("The Who", "th") == ["the", "who"]


def test_term_ids_are_stable() -> None:
    assert term_id("clover") == 745463671
    assert all(1 <= term_id(str(i)) <= TERM_ID_SPACE for i in range(1000))


def test_invalid_text_is_not_an_error() -> None:
    assert words("\ud800", "en") == []
    assert len(words("x" * 100_000, "en")[0]) == 64
