"""Citations in an answer: the cited passages, and the sentences in them that support it. Pure."""
# ruff: noqa: RUF001 - dashes of all kinds stand in citations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from luma_rag.chat.sentences import Sentence, sentences, shorten, terms

# [1] [1, 2] [1-3] [^1] [1†source] 【1】 【1†L2-L5】 [Source 1] [passage 2].
# At most three digits: [2023] is a year.
_NUMBERS = r"\d{1,3}(?:\s*[,;–-]\s*\d{1,3}){0,8}"
_INSIDE = rf"\s?(?:\^|(?i:passages?|sources?)\s)?({_NUMBERS})\s?(?:†[^\[\]【】\n]{{0,30}})?"
_TOKEN = re.compile(
    rf"(?P<ticks>`+)|(?P<newline>\n)|(?P<space>[ \t]{{0,4}})(?:\[{_INSIDE}\]|【{_INSIDE}】)(?!\()"
)
# The end of a text that may become a citation. It is released once it can't.
_BEGUN = re.compile(
    r"(?:`{1,16}|[ \t]{1,4}|"
    r"[ \t]{0,4}[\[【]\s?(?:\^|[A-Za-z]{0,8}\s?)?[\d\s,;–-]{0,40}(?:†[^\[\]【】\n]{0,30})?[\]】]?)$"
)
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)|(\d+)")
# What may stand between a citation and the next one that belongs to the same words.
_BETWEEN = " \n.,;:!?"
_REMEMBERED = 1024
"""Passages of which the sentences are kept: of each, a few kilobytes."""


class _Piece(NamedTuple):
    """A piece of an answer. `numbers` is None if it is not a citation."""

    text: str
    space: str = ""
    numbers: list[int] | None = None


class _Scanner:
    """Finds citations in a text that arrives in pieces.

    Code is skipped: `a[1]` is an index there. A code block lasts until its closing fence, a code span until
    the end of its line at the latest, so that one stray backtick does not hide the rest.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._code = ""

    def feed(self, text: str, *, final: bool = False) -> Iterator[_Piece]:
        text = self._pending + text
        begun = None if final else _BEGUN.search(text)
        end = begun.start() if begun else len(text)
        text, self._pending = text[:end], text[end:]
        position = 0
        for match in _TOKEN.finditer(text):
            yield _Piece(text[position : match.start()])
            position = match.end()
            if match["ticks"] or match["newline"]:
                self._pass_mark(match[0])
                yield _Piece(match[0])
            elif self._code:
                yield _Piece(match[0])
            else:
                yield _Piece(match[0], match["space"], _expand(match[4] or match[5]))
        yield _Piece(text[position:])

    def _pass_mark(self, mark: str) -> None:
        if mark == "\n":
            if len(self._code) < 3:
                self._code = ""
        elif not self._code:
            self._code = mark
        elif mark == self._code or len(mark) >= len(self._code) >= 3:
            self._code = ""


class CitationFilter:
    """Removes citations of passages that were not retrieved from an answer that arrives in pieces.

    The others are normalized to `[n]`, several to `[1][2]`. A few characters are held back while they may be
    the start of a citation.
    """

    def __init__(self, available: Collection[int]) -> None:
        self._available = available
        self._scanner = _Scanner()

    def feed(self, piece: str) -> str:
        """The text that is ready after `piece` has arrived; may be ""."""
        return "".join(map(self._filtered, self._scanner.feed(piece)))

    def close(self) -> str:
        """The remaining text at the end of the answer."""
        return "".join(map(self._filtered, self._scanner.feed("", final=True)))

    def _filtered(self, piece: _Piece) -> str:
        if piece.numbers is None:
            return piece.text
        known = [f"[{n}]" for n in dict.fromkeys(piece.numbers) if n in self._available]
        return piece.space + "".join(known) if known else ""


def strip_unknown(text: str, available: Collection[int]) -> str:
    """`text` with only the `available` citations, normalized to `[n]`; see `CitationFilter`."""
    citations = CitationFilter(available)
    return citations.feed(text) + citations.close()


def cited_numbers(text: str, available: Collection[int]) -> list[int]:
    """The `available` numbers that `text` cites, in order of first appearance."""
    pieces = _Scanner().feed(text, final=True)
    numbers = dict.fromkeys(n for piece in pieces for n in piece.numbers or ())
    return [n for n in numbers if n in available]


def cited_statements(text: str) -> dict[int, str]:
    """What `text` says with each citation: the words before it, back to the citation or paragraph before."""
    found: dict[int, str] = {}
    statement, is_cited, is_line_empty = "", False, True
    for piece in _Scanner().feed(text, final=True):
        if piece.numbers is not None:
            for n in piece.numbers:
                found[n] = f"{found.get(n, '')} {statement.lstrip(_BETWEEN)}".strip()
            is_cited, is_line_empty = True, False
            continue
        is_next = is_cited and piece.text.strip(_BETWEEN)
        if is_next or (piece.text == "\n" and is_line_empty):
            statement, is_cited = "", False
        statement += piece.text
        if piece.text.strip() or piece.text == "\n":
            is_line_empty = piece.text == "\n"
    return found


def quote(passage: str, statement: str, limit: int = 300) -> str:
    """The sentence of `passage` that best supports `statement`, with neighbors if they help and fit.

    Verbatim except for white space, which becomes one space; at most `limit` characters. The best sentence
    shares the most words with the statement, weighted by their rarity in the passage. If none shares any, the
    quote is the beginning of the passage.
    """
    found, words = _sentences(passage)
    if not found:
        return ""
    wanted = terms(statement)
    have = [of_sentence & wanted for of_sentence in words]
    weight = {
        term: 1 / sum(term in other for other in have) for term in wanted if any(term in h for h in have)
    }

    def value(shared: set[str]) -> float:
        return sum(weight[term] for term in shared)

    # Of two sentences with the same words, the shorter one is more relevant.
    best = max(range(len(found)), key=lambda i: (value(have[i]), -len(found[i].text) if have[i] else -i))
    first = last = best
    shared = set(have[best])
    while True:
        longer = [(i, j) for i, j in ((first - 1, last), (first, last + 1)) if i >= 0 and j < len(found)]
        fitting = [(i, j) for i, j in longer if len(_span(passage, found, i, j)) <= limit]
        gains = [(value((have[i] if i < first else have[j]) - shared), i, j) for i, j in fitting]
        gain, i, j = max(gains, default=(0.0, first, last))
        if gain <= 0:
            break
        shared |= have[i] if i < first else have[j]
        first, last = i, j
    return shorten(_span(passage, found, first, last), limit)


# An answer needs the sentences of its passages several times, and the same passages answer many questions.
@lru_cache(_REMEMBERED)
def _sentences(passage: str) -> tuple[Sequence[Sentence], Sequence[set[str]]]:
    """The sentences of a passage, and the terms of each."""
    found = sentences(passage)
    return found, [terms(sentence.text) for sentence in found]


def _span(passage: str, found: Sequence[Sentence], first: int, last: int) -> str:
    return " ".join(passage[found[first].start : found[last].end].split())


def _expand(numbers: str) -> list[int]:
    found: list[int] = []
    for low, high, single in _RANGE.findall(numbers):
        found += [int(single)] if single else range(int(low), int(high) + 1)
    return found
