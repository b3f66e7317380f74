import pytest

from luma_rag.retrieval import glossary
from luma_rag.retrieval.glossary import rewritten


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "What is the working capital of Acme?",
            "What is the total current assets, total current liabilities of Acme?",
        ),
        # The longest term wins, at the end too.
        ("net working capital", "total current assets, total current liabilities"),
        ("WORKING CAPITAL RATIO", "total current assets, total current liabilities"),
        ("Are top lines growing?", "Are total revenues, net sales growing?"),
        ("R&D, COGS", "research and development expenses, cost of goods sold, cost of sales"),
        ("debt-to-equity", "long-term debt, short-term debt, total stockholders' equity"),
        ("EPS in 2023?", "earnings per share, basic, diluted in 2023?"),
    ],
)
def test_terms_are_replaced_by_the_words_of_documents(question: str, expected: str) -> None:
    assert rewritten(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?",
        "What is the capital of France?",
        # Words that share a stem with a term.
        "Is medical care covered?",
        "I am quite sure.",
        "Is fire damage covered?",
        "Wie hoch war der Umsatz?",
        "梅雨",
    ],
)
def test_other_questions_have_no_second_form(question: str) -> None:
    assert rewritten(question) is None


def test_entries_are_complete_and_unambiguous() -> None:
    entries = glossary._entries()
    assert len({term for term, _ in entries}) == len(entries)
    for term, words in entries:
        assert term
        assert words
