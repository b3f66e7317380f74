"""With the real embedding model."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

from ingest.embedding import Embedder
from ingest.embedding.ranking import MINILM
from ingest.types import Vector
from luma_rag.chat.answerer import RetrievedPassage
from luma_rag.chat.citations import cited_numbers
from luma_rag.chat.extractive_answerer import MOST_EMBEDDED, NOTHING, QUOTE_LIMIT, ExtractiveAnswerer

HANDBOOK = [
    RetrievedPassage(
        1,
        "Employee handbook",
        "Working time\nThe weekly working time is 38 hours. Core hours are from 10 a.m. to 3 p.m.\n"
        "Overtime has to be agreed with your manager, Mrs. Dr. Lind, beforehand. It is paid at 125 % of the "
        "normal rate or taken\nas time off within three months.",
        page=3,
        heading="Working time",
    ),
    RetrievedPassage(
        2,
        "Employee handbook",
        "Every employee has 28 days of paid annual leave. Leave that was not taken expires on 31 March of "
        "the next year.\nYou may carry over leave in these cases:\n• long illness\n• parental leave\n"
        "Ask for leave in the portal at least two weeks ahead.",
        page=4,
        heading="Time off > Annual leave",
    ),
    RetrievedPassage(
        3,
        "Pump manual",
        "The filter has to be cleaned every 200 hours of operation. Switch the pump off before opening the "
        "housing. Error E7 means that the motor is too hot.",
        page=12,
    ),
]


@pytest.fixture(scope="module")
def quoting(embedder: Embedder) -> ExtractiveAnswerer:
    return ExtractiveAnswerer(embedder)


@pytest.mark.parametrize(
    ("question", "number", "words"),
    [
        ("How many days of paid leave do employees have?", 2, "28 days of paid annual leave"),
        ("When does annual leave that was not taken expire?", 2, "31 March"),
        ("What does error E7 mean?", 3, "the motor is too hot"),
        ("How often does the pump's filter have to be cleaned?", 3, "every 200 hours"),
        ("How is overtime paid?", 1, "125 %"),
        ("In which cases can I carry over leave?", 2, "cases: • long illness"),
    ],
)
def test_answer_is_found(quoting: ExtractiveAnswerer, question: str, number: int, words: str) -> None:
    (n, text), *more = quoting.quotes(question, HANDBOOK)
    assert n == number
    assert words in text
    assert len(more) <= 2


@pytest.mark.parametrize(
    "question",
    [
        "Who won the football world cup in 1974?",
        "What is the boiling point of nitrogen?",
        "How much does a parking permit cost?",
        "Which pension will I get when I retire?",
        "Was ist die Hauptstadt von Peru?",
        "asdf qwer",
        "   ",
        "",
        "?",
    ],
)
async def test_no_relevant_passage(quoting: ExtractiveAnswerer, question: str) -> None:
    pieces = [piece async for piece in quoting.answer(question, HANDBOOK, [])]
    assert "".join(pieces) == NOTHING


async def test_no_passages(quoting: ExtractiveAnswerer) -> None:
    assert "".join([p async for p in quoting.answer("Why?", [], [])]) == NOTHING


async def test_answer_is_verbatim_and_cited(quoting: ExtractiveAnswerer) -> None:
    pieces = [p async for p in quoting.answer("How is overtime paid?", HANDBOOK, [])]
    assert pieces
    for piece in pieces:
        text, _, mark = piece.removeprefix("\n\n").rpartition(" ")
        (number,) = cited_numbers(mark, range(10))
        assert mark == f"[{number}]"
        assert text in " ".join(HANDBOOK[number - 1].text.split())
    assert cited_numbers("".join(pieces), range(10))[0] == 1


def test_dependent_sentence_includes_the_previous_one(quoting: ExtractiveAnswerer) -> None:
    quotes = quoting.quotes("How is overtime paid, at which rate?", HANDBOOK)
    assert quotes[0][1].startswith(
        "Overtime has to be agreed with your manager, Mrs. Dr. Lind, beforehand. It is paid"
    )


async def test_markup_in_the_text_is_harmless(quoting: ExtractiveAnswerer) -> None:
    text = "The notice period of the contract is ``` three months `as in [9] and [2, 3] shown."
    passage = RetrievedPassage(4, "Contract", text)
    answer = "".join(
        [p async for p in quoting.answer("What is the notice period of the contract?", [passage], [])]
    )
    assert cited_numbers(answer, range(10)) == [4]
    assert answer.replace("\u2060", "").startswith(text)


def test_known_similarity_is_not_recomputed(quoting: ExtractiveAnswerer) -> None:
    question = "How many days of paid leave do employees have?"
    near, far = (
        [RetrievedPassage(1, "Employee handbook", HANDBOOK[1].text, similarity=s)] for s in (0.7, -0.9)
    )
    assert quoting.quotes(question, near)
    assert not quoting.quotes(question, far)


def test_cosines_of_other_models_are_compared_by_what_they_mean(embedder: Embedder) -> None:
    question = "How many days of paid leave do employees have?"
    passage = [RetrievedPassage(1, "Employee handbook", HANDBOOK[1].text, similarity=0.95)]
    close_together = WatchedEmbedder(embedder)
    close_together.ranking = msgspec.structs.replace(MINILM, unrelated=0.9, related=0.95)
    assert not ExtractiveAnswerer(close_together).quotes(question, passage)


class WatchedEmbedder:
    """Records the texts to embed and the thread of each call."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.ranking = embedder.ranking
        self.texts: list[str] = []
        self.threads: set[str] = set()

    def embed_documents(self, texts: Sequence[str]) -> Vector:
        self.texts += texts
        self.threads.add(threading.current_thread().name)
        return self.embedder.embed_documents(texts)

    def embed_query(self, text: str) -> Vector:
        self.texts.append(text)
        self.threads.add(threading.current_thread().name)
        return self.embedder.embed_query(text)


async def test_at_most_sixty_sentences_are_embedded_outside_the_event_loop(embedder: Embedder) -> None:
    watched = WatchedEmbedder(embedder)
    lines = [f"Rule number {n} of this long list is about subject {n * 7}." for n in range(400)]
    lines[321] = "The garage closes at ten in the evening."
    passages = [RetrievedPassage(1, "Garage rules", " ".join(lines), similarity=0.6)]
    with ThreadPoolExecutor(1, thread_name_prefix="embedding") as executor:
        answerer = ExtractiveAnswerer(watched, executor)
        answer = await anext(answerer.answer("When does the garage close in the evening?", passages, []))
    assert answer.startswith("The garage closes at ten in the evening. [1]")
    assert 0 < len(watched.texts) <= MOST_EMBEDDED + 1  # the question
    assert all(name.startswith("embedding") for name in watched.threads)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 3000,
        "한" * 2000,
        "\U0001f600 " * 2000,
        "a\ud800b three words here",
        "x" * 5000 + " and three words more",
        "1 2 3\n" * 500,
    ],
)
def test_unusual_passages(quoting: ExtractiveAnswerer, text: str) -> None:
    for _, quote in quoting.quotes(
        "Which word is the one?", [RetrievedPassage(1, "Word", text, similarity=1.0)]
    ):
        assert len(quote) <= QUOTE_LIMIT


def test_duplicate_text_is_quoted_once(quoting: ExtractiveAnswerer) -> None:
    twice = [HANDBOOK[1], RetrievedPassage(7, "Copy", HANDBOOK[1].text)]
    quotes = quoting.quotes("How many days of paid leave do employees have?", twice)
    assert len({text for _, text in quotes}) == len(quotes)
    assert np.count_nonzero(["28 days" in text for _, text in quotes]) == 1


def test_headings_are_not_quoted_before_the_sentence(quoting: ExtractiveAnswerer) -> None:
    text = (
        "Leaving the company\nNotice\nAfter probation the notice period is three months to the end of a "
        "month, for both sides of the contract.\nReferences\nA reference is written within two weeks."
    )
    passage = RetrievedPassage(1, "Employee handbook", text, page=10)
    quoted = quoting.quotes("How long is the notice period after probation?", [passage])
    assert quoted[0][1].startswith("After probation the notice period")


def test_rows_for_other_identifiers_are_not_quoted(quoting: ExtractiveAnswerer) -> None:
    rows = "\n".join(
        [
            "Item | Unit | Euros",
            "Maintenance of P1 | per month | 1,240.00",
            "Maintenance of P2 | per month | 585.00",
            "Maintenance of P3, May to September | per month | 2,310.00",
        ]
    )
    passage = RetrievedPassage(1, "service-contract", rows, heading="Fees and payment")
    question = "How much does the Customer pay per month for the maintenance of the indoor pool P1?"
    assert quoting.quotes(question, [passage]) == [(1, "Maintenance of P1 | per month | 1,240.00")]


def test_quotes_follow_the_ranking_of_the_passages(quoting: ExtractiveAnswerer) -> None:
    first = RetrievedPassage(
        1,
        "security-policy",
        "Every suspicion is reported within one hour to the security desk: security@quillhaven.example or "
        "+00 555 0199, day and night.",
        heading="Incidents > Reporting",
    )
    second = RetrievedPassage(
        2,
        "security-policy",
        "The security desk assesses a report within two hours.",
        heading="Incidents > Handling",
    )
    # The second scores higher as a sentence; the search ranked the first higher.
    question = "How soon do I have to report a suspected security incident?"
    for passages in ([first, second], [second, first]):
        assert [number for number, _ in quoting.quotes(question, passages)] == [1, 2]
