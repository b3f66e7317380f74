"""Answers without a language model: quotes of the sentences that best answer the question."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.embedding import Ranking
from luma_rag.chat.answerer import NO_OPTIONS, AnswerOptions, HistoryMessage, RetrievedPassage
from luma_rag.chat.sentences import Sentence, content_terms, sentences, shorten

NOTHING = "Nothing in these documents answers this."
NOTE = (
    "No language model is configured, so Luma quotes the documents. "
    "To have answers written, set LUMA_LLM_BASE_URL or LUMA_LLM_GGUF."
)
"""Advice for operators; no part of an answer."""

MOST_EMBEDDED = 60
"""The maximum number of sentences to embed: those that share the most words with the question."""

MOST_QUOTES = 3
QUOTE_LIMIT = 600
"""Characters of one quote."""

TERM_WEIGHT = 0.3
"""The weight of the share of the question's words, relative to a cosine between -1 and 1."""

THRESHOLD = 1.25
"""The minimum score of an answer.

Chosen on 234 answerable and 226 unanswerable questions, over 36 real documents and 240 encyclopedia
paragraphs: 87 % of the answerable ones got quotes, as did 1 % of the unrelated ones, and 28 % of the hard
ones, for which only documents similar to the right one were present. Measured with every sentence embedded
alone, before sentences that depend on a neighbor were embedded with it.
"""

NEARLY_AS_GOOD = 0.15
"""The maximum distance from the best score at which a sentence is quoted."""

_MODEL_TOKENS = 256
_WORD = re.compile(r"[^\W\d_]{2,}")
_LEAST_WORDS = 3
# A few words without the punctuation of a sentence or of an introduction to a list.
_HEADING = re.compile(r"[^\W\d_][\w'\u2019-]*(?:[ &,/]+[^\W\d_][\w'\u2019-]*){0,5}")
# A sentence with such a beginning refers to the previous one.
_REFERS_BACK = re.compile(
    r"(?:it|its|they|their|them|this|that|these|those|he|she|his|her|such|however|but|therefore|thus|otherwise"
    r"|in this case|in that case|also|moreover|furthermore|er|sie|es|dies|diese|dieser|dieses"
    r"|il|elle|ils|elles|este|esta|estos|estas)\b",
    re.IGNORECASE,
)


class Embedder(Protocol):
    """Turns texts into vectors of length 1; blocks while it computes."""

    @property
    def ranking(self) -> Ranking:
        """What its cosines mean."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimensions); ValueError if a text is too long for the model."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """A vector of shape (dimensions,). Text beyond the model's limit is ignored."""
        ...


class _Candidate(NamedTuple):
    """The sentences `first` to `last` of a passage: one sentence with the neighbors it depends on."""

    passage: RetrievedPassage
    every: list[Sentence]
    first: int
    last: int

    @property
    def text(self) -> str:
        start, end = self.every[self.first].start, self.every[self.last].end
        return " ".join(self.passage.text[start:end].split())


class ExtractiveAnswerer:
    """Quotes up to three sentences that answer the question, or states that none does.

    The score of a sentence is the sum, for itself and for its passage, of the cosine with the question and
    `TERM_WEIGHT` times the share of the question's words in it, title and heading included, weighted by their
    rarity among the sentences. The passage counts because a sentence alone often doesn't state its subject.
    `executor` runs the embedding; by default the threads of the event loop do.
    """

    def __init__(self, embedder: Embedder, executor: Executor | None = None) -> None:
        self._embedder = embedder
        self._executor = executor

    @property
    def name(self) -> str:
        """The name to display."""
        return "Quotes from the documents"

    async def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[str, None]:
        """Yield the quotes, each followed by `[n]`.

        `history` is ignored: questions must be complete.
        """
        loop = asyncio.get_running_loop()
        quotes = await loop.run_in_executor(self._executor, self.quotes, question, passages)
        gap = ""
        for number, text in quotes:
            yield f"{gap}{_escaped(text)}{chr(10) if '`' in text else ' '}[{number}]"
            gap = "\n\n"
        if not quotes:
            yield NOTHING

    async def aclose(self) -> None:
        """Nothing to release: the embedder belongs to the caller."""

    def quotes(self, question: str, passages: Sequence[RetrievedPassage]) -> list[tuple[int, str]]:
        """Pairs of passage number and quote, in passage order; empty without an answer. Blocks."""
        candidates = _candidates(passages)
        if not candidates or not question.strip():
            return []
        shares = _shares(content_terms(question), candidates)
        if len(candidates) > MOST_EMBEDDED:
            kept = np.sort(np.argsort(-shares, kind="stable")[:MOST_EMBEDDED])
            candidates, shares = [candidates[i] for i in kept], shares[kept]
        embedding = self._embedder.embed_query(question)
        cosines = self._embed([candidate.text for candidate in candidates]) @ embedding
        around = {passage.n: self._similarity(passage, embedding) for passage in passages}
        # The thresholds were chosen with the packaged model.
        comparable = self._embedder.ranking.comparable
        similar = np.array(
            [
                comparable(float(cosine)) + comparable(around[candidate.passage.n])
                for candidate, cosine in zip(candidates, cosines, strict=True)
            ]
        )
        scores = similar + TERM_WEIGHT * shares
        order = np.argsort(-scores, kind="stable")
        least = max(THRESHOLD, float(scores[order[0]]) - NEARLY_AS_GOOD)
        ranked = [candidates[i] for i in order if scores[i] >= least]
        return _chosen(_about_the_same(ranked, content_terms(question)))

    def _similarity(self, passage: RetrievedPassage, embedding: NDArray[np.float32]) -> float:
        if passage.similarity is not None:
            return passage.similarity
        whole = "\n".join(filter(None, (passage.title, passage.heading, passage.text)))
        # As a query, since queries may be longer than the model's limit.
        return float(self._embedder.embed_query(whole) @ embedding)

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = {}
        short = [text for text in dict.fromkeys(texts) if _is_surely_short(text)]
        if short:
            vectors = dict(zip(short, self._embedder.embed_documents(short), strict=True))
        # Only queries may have more tokens than the model's limit.
        return np.stack([vectors[t] if t in vectors else self._embedder.embed_query(t) for t in texts])


def _candidates(passages: Sequence[RetrievedPassage]) -> list[_Candidate]:
    """The quotable sentences: those with some words, each text once."""
    found: dict[str, _Candidate] = {}
    for passage in passages:
        every = sentences(passage.text)
        for place, sentence in enumerate(every):
            if len(_WORD.findall(sentence.text)) >= _LEAST_WORDS or not sentence.text.isascii():
                candidate = _understandable(passage, every, place)
                found.setdefault(candidate.text, candidate)
    return list(found.values())


def _understandable(passage: RetrievedPassage, every: list[Sentence], place: int) -> _Candidate:
    """The sentence at `place`, with the neighbors it depends on if there is room."""
    alone = _Candidate(passage, every, place, place)
    first = last = place
    if _REFERS_BACK.match(every[place].text) and first > 0:
        first -= 1
    # A heading, a question or the introduction to a list is incomplete without the next sentence.
    while every[last].text.endswith((":", "?")) or len(_WORD.findall(every[last].text)) <= _LEAST_WORDS:
        if last + 1 == len(every) or last == place + 2:
            break
        last += 1
    longer = _Candidate(passage, every, first, last)
    return longer if len(longer.text) <= QUOTE_LIMIT else alone


def _shares(wanted: set[str], candidates: list[_Candidate]) -> NDArray[np.float64]:
    """The weighted share of the question's words in each sentence plus that in its passage; shape (n,)."""
    own = [content_terms(candidate.text) & wanted for candidate in candidates]
    among = Counter(term for terms in own for term in terms)
    weights = {term: math.log(1 + len(candidates) / (1 + among[term])) for term in wanted}
    whole = sum(weights.values()) or 1.0
    titles = {
        c.passage.n: content_terms(f"{c.passage.title} {c.passage.heading or ''}") & wanted
        for c in candidates
    }
    texts = {c.passage.n: content_terms(c.passage.text) & wanted for c in candidates}

    def share(terms: set[str]) -> float:
        return sum(weights[term] for term in terms) / whole

    return np.array(
        [
            share(terms | titles[c.passage.n]) + share(texts[c.passage.n] | titles[c.passage.n])
            for c, terms in zip(candidates, own, strict=True)
        ]
    )


def _about_the_same(ranked: list[_Candidate], wanted: set[str]) -> list[_Candidate]:
    """The candidates that name every identifier of the question ("P1", "E7", "2024") that the best one names.

    Rows for other identifiers score nearly as high, and would answer a question that was not asked.
    """
    identifiers = {term for term in wanted if any(character.isdigit() for character in term)}
    if not ranked or not identifiers:
        return ranked
    named = content_terms(ranked[0].text) & identifiers
    return [candidate for candidate in ranked if named <= content_terms(candidate.text)]


def _chosen(ranked: list[_Candidate]) -> list[tuple[int, str]]:
    """The quotes to show, in the order of the passages; overlapping quotes are merged."""
    chosen: list[_Candidate] = []
    for candidate in ranked:
        for i, other in enumerate(chosen):
            if (
                other.every is candidate.every
                and candidate.first <= other.last
                and other.first <= candidate.last
            ):
                first, last = min(candidate.first, other.first), max(candidate.last, other.last)
                both = other._replace(first=first, last=last)
                chosen[i] = both if len(both.text) <= QUOTE_LIMIT else other
                break
        else:
            if len(chosen) < MOST_QUOTES:
                chosen.append(candidate)
    # All of them score nearly the same, and the search ranked the passages: its best comes first.
    chosen.sort(key=lambda candidate: candidate.passage.n)
    return [
        (candidate.passage.n, shorten(_without_headings(candidate).text, QUOTE_LIMIT)) for candidate in chosen
    ]


def _without_headings(candidate: _Candidate) -> _Candidate:
    """The candidate without leading headings, which helped to find it but don't belong in a quote."""
    first = candidate.first
    while first < candidate.last and _HEADING.fullmatch(candidate.every[first].text):
        first += 1
    return candidate._replace(first=first)


def _is_surely_short(text: str) -> bool:
    """Whether the text fits into the model: a character has at most one token, or three outside ASCII."""
    ascii_characters = sum(character.isascii() for character in text)
    return ascii_characters + 3 * (len(text) - ascii_characters) <= _MODEL_TOKENS - 2


def _escaped(text: str) -> str:
    """`text` with "[12]" and "```" escaped, so that they are not taken for a citation or code.

    Inserts an invisible word joiner.
    """
    return re.sub(r"([\[【])(?=[^\[\]【】]{0,40}\d)|(`)(?=`)", "\\g<0>\u2060", text)
