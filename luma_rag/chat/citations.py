"""Citations in an answer: the cited passages, and the sentences in them that support it. Pure."""
# ruff: noqa: RUF001 - dashes of all kinds stand in citations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from luma_rag.chat.sentences import Sentence, sentences, shorten, terms

# [1] [1, 2] [1-3] [^1] [^1^] [1.] \[1\] [1†source] 【1】 【1†L2-L5】 【1:0†source】 [Source 1] [passage 2]
# [ref 1] [ID:1]. At most three digits: [2023] is a year.
_NUMBERS = r"\d{1,3}(?:\s*[,;–-]\s*\d{1,3}){0,8}"
_WORDS = r"(?:passages?|sources?|ref(?:erence)?s?|ids?|doc(?:ument)?s?|citations?|excerpts?|chunks?)"
_INSIDE = (
    rf"\s?(?:\^|(?i:{_WORDS})\s?[:#.]?\s?)?({_NUMBERS})[.^]?\s?(?:(?::\d{{1,3}})?†[^\[\]【】\n]{{0,30}})?"
)
# [1](handbook.pdf) names what it cites. [1](https://…) is a link.
_TARGET = r"\((?!\w{2,9}:|/|#|www\.)(?P<target>[^()\n]{0,200})\)"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
# After a word or a sentence; after a short word it is a power, as in km².
_SUPERSCRIPT = r"(?:(?<=[.,;:!?\"'”’»])|(?<=[^\W\d_]{4}))[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}(?![⁰¹²³⁴⁵⁶⁷⁸⁹\w])"
_TOKEN = re.compile(
    rf"(?P<ticks>`+)|(?P<newline>\n)|(?P<superscript>{_SUPERSCRIPT})|(?P<space>[ \t]{{0,4}})"
    rf"(?:(?:\\?\[{_INSIDE}\\?\]|【{_INSIDE}】)(?:{_TARGET}|(?!\())|\[(?P<named>[^\[\]\n]{{3,160}})\](?!\())"
)
SUPERSCRIPT = re.compile(_SUPERSCRIPT)
"""A superscript number that may be a citation or a footnote."""
# The end of a text that may become a citation. It is released once it can't.
_OPENED = (
    r"[ \t]{0,4}\\?[\[【]\s?(?:\^|[A-Za-z]{0,10}[\s:#.]{0,3})?[\d\s,;.:^–-]{0,40}(?:†[^\[\]【】\n]{0,30})?"
    r"\\?(?:[\]】](?:\([^()\n]{0,200})?)?"
)
_SUPERSCRIPT_BEGUN = r"[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}"
_BEGUN = re.compile(rf"(?:`{{1,16}}|[ \t]{{1,4}}\\?|\\|{_SUPERSCRIPT_BEGUN}|{_OPENED})$")
_NAMED_BEGUN = re.compile(
    rf"(?:`{{1,16}}|[ \t]{{1,4}}\\?|\\|{_SUPERSCRIPT_BEGUN}|{_OPENED}|[ \t]{{0,4}}\[[^\[\]\n]{{0,160}}\]?)$"
)
# What [title, page 1] says beside the title.
_PAGE = re.compile(r"(?:\b(?:pages?|pp?|seiten?|s|página|pagina|str)\b\.?\s*)(\d{1,5})\b", re.IGNORECASE)
_FILE_NAME = re.compile(r"[^/\s][^/]*\.[a-z]{2,5}(?:\W.*)?", re.IGNORECASE)
# Characters before a piece that decide what a superscript is.
_CONTEXT = 4
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

    def __init__(self, sources: "_Sources | None" = None) -> None:
        self._sources = _Sources({}) if sources is None else sources
        self._begun = _NAMED_BEGUN if self._sources else _BEGUN
        self._pending = ""
        self._before = ""
        self._code = ""

    def feed(self, text: str, *, final: bool = False) -> Iterator[_Piece]:
        text = self._pending + text
        begun = None if final else self._begun.search(text)
        end = begun.start() if begun else len(text)
        text, self._pending = self._before + text[:end], text[end:]
        position = len(self._before)
        self._before = text[-_CONTEXT:]
        for match in _TOKEN.finditer(text, position):
            yield _Piece(text[position : match.start()])
            position = match.end()
            if match["ticks"] or match["newline"]:
                self._pass_mark(match[0])
                yield _Piece(match[0])
            elif self._code:
                yield _Piece(match[0])
            else:
                yield from self._cited(match)
        yield _Piece(text[position:])

    def _cited(self, match: re.Match[str]) -> Iterator[_Piece]:
        if match["superscript"]:
            number = int(match[0].translate(_SUPERSCRIPTS))
            yield _Piece(match[0], "", [number]) if number in self._sources.numbers else _Piece(match[0])
        elif match["named"]:
            found = self._sources.find(match["named"])
            yield _Piece(match[0]) if found is None else _Piece(match[0], match["space"], [found])
        else:
            target = match["target"]
            is_kept = target is not None and not self._sources.is_named(target)
            yield _Piece(match[0], match["space"], _expand(match[5] or match[6]))
            if is_kept:
                yield _Piece(f"({target})")

    def _pass_mark(self, mark: str) -> None:
        if mark == "\n":
            if len(self._code) < 3:
                self._code = ""
        elif not self._code:
            self._code = mark
        elif mark == self._code or len(mark) >= len(self._code) >= 3:
            self._code = ""


class _Sources:
    """The passages that an answer may cite by their names, `{n: (title, page)}`."""

    def __init__(self, passages: Mapping[int, tuple[str, int | None]], numbers: Collection[int] = ()) -> None:
        self._passages = {n: (_normalized(title), page) for n, (title, page) in passages.items()}
        self.numbers = numbers or passages.keys()

    def __bool__(self) -> bool:
        return bool(self._passages)

    def find(self, name: str) -> int | None:
        """The one passage that `title, page 1` means; None if there is none, or more than one."""
        page = _PAGE.search(name)
        title = _normalized(name[: page.start()] if page else name)
        found = [
            n
            for n, (own, own_page) in self._passages.items()
            if (own == title or (page and not title)) and (page is None or own_page == int(page[1]))
        ]
        return found[0] if len(found) == 1 else None

    def is_named(self, target: str) -> bool:
        """Whether the target of `[1](target)` only names what is cited."""
        page = _PAGE.search(target)
        title = _normalized(target[: page.start()] if page else target)
        titles = {own for own, _ in self._passages.values()}
        return not title or title in titles or bool(_FILE_NAME.fullmatch(target.strip()))


class CitationFilter:
    """Removes citations of passages that were not retrieved from an answer that arrives in pieces.

    The others are normalized to `[n]`, several to `[1][2]`. A few characters are held back while they may be
    the start of a citation. `sources` has title and page of the passages, for citations like
    `[title, page 1]`.
    """

    def __init__(
        self, available: Collection[int], sources: Mapping[int, tuple[str, int | None]] | None = None
    ) -> None:
        self._available = available
        self._scanner = _Scanner(_Sources(sources or {}, available))

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
    pieces = _Scanner(_Sources({}, available)).feed(text, final=True)
    numbers = dict.fromkeys(n for piece in pieces for n in piece.numbers or ())
    return [n for n in numbers if n in available]


def citation_spans(text: str, available: Collection[int]) -> list[tuple[int, int, int]]:
    """The `available` citations in a text: start, end, and number of each."""
    spans, position = [], 0
    for piece in _Scanner(_Sources({}, available)).feed(text, final=True):
        end = position + len(piece.text)
        if piece.numbers is not None:
            start = position + len(piece.space)
            spans += [(start, end, n) for n in piece.numbers if n in available]
        position = end
    return spans


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


def _normalized(title: str) -> str:
    """A title as people may write it: without its file suffix, case, and marks."""
    stem = re.sub(r"\.[a-z]{2,5}$", "", title.strip(" ,;:–—-").casefold())
    return " ".join(re.findall(r"\w+", stem))


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
