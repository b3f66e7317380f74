"""Splits the text of a passage into sentences, table rows and list items. Pure.

Follows the sentence boundaries of Unicode Annex 29 (https://unicode.org/reports/tr29/#Sentence_Boundaries)
with additions for text extracted from documents: wrapped lines are joined, rows and items stand alone, and
neither an abbreviation nor an ordinal ends a sentence.
"""
# ruff: noqa: RUF001 - the punctuation of other scripts is meant

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

from ingest.words import detect_language
from luma_rag.chat.months import MONTH


class Sentence(NamedTuple):
    """`text[start:end]` of the passage. In `text`, runs of white space are one space."""

    start: int
    end: int
    text: str


_ITEM = re.compile(r"\s*(?:[-–—*•▪●○◦·➢✓□]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|#{1,6}\s)")
_ROW = re.compile(r"\t|\s\|\s|^\||(?:\S+ +){0,12}?(?:[$€£(]?-?\d[\d.,]*[%)]?\s+){2}")

_END = re.compile(
    # A period ends a sentence only before white space; those of Chinese and Japanese stand without any.
    r"[.!?…؟।։]+(?:[\"'”’»«“)\]]|[ \u00a0\u202f]»)*(?:\[\d{1,3}\])*(?=\s)|[。！？｡]+[」』”’）]*"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“„])(?:"
    # Initials, U.S., z. B.; e.g., bl.a., f.eks.
    r"[^\W\d_]|(?:[^\W\d_]\.\s?)+[^\W\d_]|(?:[^\W\d_]{1,3}\.){1,3}[^\W\d_]{1,4}"
    # Titles and forms of address
    r"|mr|mrs|ms|dr|prof|st|jr|sr|rev|gen|col|capt|lt|hon|ing|sra|dra|sig|dott|hr|hra|dhr|mevr|dl|dna|jn|sn|डॉ|डा"
    # Companies, months, and words before a number
    r"|inc|ltd|co|corp|llc|plc|bros|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
    r"|no|nos|nr|núm|uimh|vol|fig|figs|eq|sec|sect|art|ch|chap|pp|pág|pàg|pag|para|abs|odst|ust|čl|stk"
    r"|ed|eds|tab|ref|tel|min|max|ca|mio|mrd|rp|hlm|lch|ст|стр|чл"
    r"|vs|etc|cf|al|approx|est|ext|dept|str|av|env|bspw|bzw|usw|evtl|ggf|inkl|vgl|sog|bijv|esim|např|pvz|žr|zob|bkz"
    r"|örn|нпр|см)$",
    re.IGNORECASE,
)
# An abbreviation in all likelihood, where a section or a number follows that is no year.
_SECTION = re.compile(r"§|\d{1,3}(?!\d)")
_SHORT_WORD = re.compile(r"(?:^|[\s(])[^\W\d_]{1,3}$")
# The 3 of "der 3. Tag", with the word before it; not the 2 of "nr. 2", nor the end of "1939-45".
_ORDINAL = re.compile(r"(?:(?P<word>[^\W\d_]+)\s|^|(?<=[\s(\"„“«»]))(?<!\. )(?:\d{1,2}|[IVX]{1,5})$")
# Where "3." is "third". Elsewhere such a number more often ends a sentence, except before a month.
_LANGUAGES_WITH_ORDINALS = frozenset(
    {"cs", "da", "de", "et", "eu", "fi", "hr", "hu", "no", "pl", "sk", "sl", "sr", "tr"}
)
_TIME = re.compile(r"\d\s?[ap]\.m$", re.IGNORECASE)  # unlike other abbreviations, it can end a sentence
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_WORD = re.compile(r"\w+")


def sentences(text: str) -> list[Sentence]:
    """The sentences of `text` in order. Together they contain everything but the white space between them."""
    found = []
    language = functools.cache(lambda: detect_language([text]))
    for start, end in _blocks(text):
        begin = start
        for match in _END.finditer(text, start, end):
            if _is_end(text, begin, match, end, language):
                found.append((begin, match.end()))
                begin = match.end()
        found.append((begin, end))
    return [sentence for start, end in found if (sentence := _trimmed(text, start, end)).text]


def terms(text: str) -> set[str]:
    """Terms for comparing texts: lower-case words without most of their endings.

    Words are cut to seven characters, which conflates "insured" and "insurance" in most European languages
    without a dictionary. Chinese, Japanese and Korean become pairs of characters.
    """
    found: set[str] = set()
    text = text.casefold()
    for run in _CJK.findall(text):
        found.update(run[i : i + 2] for i in range(max(1, len(run) - 1)))
    for word in _WORD.findall(_CJK.sub(" ", text)):
        stem = word if word.isdigit() else word[:7]
        found.add(stem[:-1] if 3 < len(stem) < 7 and stem.endswith("s") else stem)
    return found


def content_terms(text: str) -> set[str]:
    """The `terms` of `text` without stop words.

    Only English stop words are known. In other languages they have little weight, since most sentences have
    them.
    """
    return {term for term in terms(text) - _COMMON if len(term) > 1 or not term.isascii()}


def shorten(text: str, limit: int) -> str:
    """`text`, cut between two words and marked with "…" if it has more than `limit` characters."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    words, space, _ = cut.rpartition(" ")
    return (words if space and len(words) > limit // 2 else cut).rstrip() + "…"


def _blocks(text: str) -> list[tuple[int, int]]:
    """Blocks of running text. A line end inside a block is a wrapped line."""
    lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n\r\x0b\x0c\u2028\u2029]+", text)]
    widest = max((end - start for start, end in lines), default=0)
    blocks: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(lines):
        if number and not _breaks(text, lines[number - 1], (start, end), widest):
            blocks[-1] = (blocks[-1][0], end)
        else:
            blocks.append((start, end))
    return blocks


def _breaks(text: str, before: tuple[int, int], line: tuple[int, int], widest: int) -> bool:
    """Whether a new block starts with `line`."""
    above, here = text[slice(*before)], text[slice(*line)]
    if text.count("\n", before[1], line[0]) > 1 or not here.strip() or not above.strip():
        return True
    if _ITEM.match(here) or _is_row(here) or _is_row(above):
        return True
    first = here.lstrip()[:1]
    if first.islower() or above.rstrip().endswith((",", "-", "–", ";", "(")):
        return False
    # A line that ends well before the margin is not wrapped: it is a heading or the end of a paragraph.
    return len(above.rstrip()) < 0.6 * widest


def _is_row(line: str) -> bool:
    return bool(_ROW.match(line) or "\t" in line or " | " in line)


def _is_end(text: str, begin: int, match: re.Match[str], end: int, language: Callable[[], str]) -> bool:
    if match[0][0] in "。！？｡":
        return True
    after = text[match.end() : end].lstrip()
    if not after or after[0].islower():
        return not after
    if match[0][0] != "." or match[0].startswith(".."):
        return True
    before = text[max(begin, match.start() - 24) : match.start()]
    if _ITEM.fullmatch(text[begin : match.end()] + " "):
        return False
    return bool(_TIME.search(before)) or not (
        _ABBREVIATION.search(before)
        or (_SECTION.match(after) and _SHORT_WORD.search(before))
        or _is_ordinal(before, after, language)
    )


def _is_ordinal(before: str, after: str, language: Callable[[], str]) -> bool:
    found = _ORDINAL.search(before)
    if found is None:
        return False
    if MONTH.match(after):
        return True
    # "Route 66" has a cardinal number, "Die 3. Auflage" an ordinal one.
    is_after_noun = found["word"] and found["word"][0].isupper() and before[: found.start()].strip()
    return not is_after_noun and language() in _LANGUAGES_WITH_ORDINALS


def _trimmed(text: str, start: int, end: int) -> Sentence:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    piece = piece.strip()
    return Sentence(start, start + len(piece), " ".join(piece.split()))


_COMMON = terms(
    "a about all also an and any are as at be been being between but by can could did do does during each"
    " every for from had has have he her his how i if in into is it its many may me might more most much must"
    " my no not of on or other our over shall she should so some such than that the their them then there"
    " these they this those to under us was we were what when where which who whom whose why will with would"
    " you your"
)
