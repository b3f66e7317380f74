"""Cuts the text of a passage into sentences, lines of tables and items of lists. Pure.

Follows the sentence boundaries of Unicode Annex 29 (https://unicode.org/reports/tr29/#Sentence_Boundaries),
with what extracted documents need besides: lines that were only wrapped are one text, rows and items stand
alone, and an abbreviation ends no sentence.
"""
# ruff: noqa: RUF001 - the punctuation of other scripts is meant

import re
from typing import NamedTuple


class Sentence(NamedTuple):
    """`text[start:end]` of the passage; in `text` runs of white space are one space."""

    start: int
    end: int
    text: str


_ITEM = re.compile(r"\s*(?:[-–—*•▪●○◦·➢✓□]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|#{1,6}\s)")
_ROW = re.compile(r"\t|\s\|\s|^\||(?:\S+ +){0,12}?(?:[$€£(]?-?\d[\d.,]*[%)]?\s+){2}")

_END = re.compile(
    # A full stop counts before white space; those of Chinese and Japanese stand without any.
    r"[.!?…؟।]+[\"'”’»)\]]*(?:\[\d{1,3}\])*(?=\s)|[。！？｡]+[」』”’）]*"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“„])(?:[^\W\d_]|(?:[^\W\d_]\.\s?)+[^\W\d_]"  # initials, U.S., e.g., z. B.
    r"|mr|mrs|ms|dr|prof|st|jr|sr|rev|gen|col|capt|lt|hon|inc|ltd|co|corp|llc|plc|bros|vs|etc|cf|al|approx|ca|est|ext"
    r"|no|nos|nr|vol|fig|figs|eq|sec|sect|art|ch|chap|pp|para|ed|eds|tab|ref|dept|min|max|tel|jan|feb|mar|apr|jun|jul|aug"
    r"|sep|sept|oct|nov|dec|bzw|usw|evtl|ggf|inkl|vgl|abs|str|bspw|mio|mrd|sog|env|av|núm|pág|sra|dra)$",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d\s?[ap]\.m$", re.IGNORECASE)  # unlike other abbreviations it stands last
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_WORD = re.compile(r"\w+")


def sentences(text: str) -> list[Sentence]:
    """The sentences of `text` in order; together they hold everything but the white space between them."""
    found = []
    for start, end in _blocks(text):
        begin = start
        for match in _END.finditer(text, start, end):
            if _is_end(text, begin, match, end):
                found.append((begin, match.end()))
                begin = match.end()
        found.append((begin, end))
    return [sentence for start, end in found if (sentence := _trimmed(text, start, end)).text]


def terms(text: str) -> set[str]:
    """What to compare texts by: words without case and without most of their endings.

    Words are cut to their first seven characters, which joins "insured" with "insurance" in most European
    languages without a dictionary for each. Chinese, Japanese and Korean, written without spaces or with
    endings glued on, are taken in pairs of characters.
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
    """The `terms` of `text` without the commonest words of questions, which say nothing about their subject.

    Only those of English are known; in other languages they weigh little, as most sentences hold them.
    """
    return {term for term in terms(text) - _COMMON if len(term) > 1 or not term.isascii()}


def shorten(text: str, limit: int) -> str:
    """`text`, cut between two words and marked with "…" where it has more than `limit` characters."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    words, space, _ = cut.rpartition(" ")
    return (words if space and len(words) > limit // 2 else cut).rstrip() + "…"


def _blocks(text: str) -> list[tuple[int, int]]:
    """Stretches of running text. A line end inside of one is only a wrapped line."""
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
    """Whether something new begins with `line`."""
    above, here = text[slice(*before)], text[slice(*line)]
    if text.count("\n", before[1], line[0]) > 1 or not here.strip() or not above.strip():
        return True
    if _ITEM.match(here) or _is_row(here) or _is_row(above):
        return True
    first = here.lstrip()[:1]
    if first.islower() or above.rstrip().endswith((",", "-", "–", ";", "(")):
        return False
    # A line that stops well before the margin was not wrapped: a heading, or the end of a paragraph.
    return len(above.rstrip()) < 0.6 * widest


def _is_row(line: str) -> bool:
    return bool(_ROW.match(line) or "\t" in line or " | " in line)


def _is_end(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    if match[0][0] in "。！？｡":
        return True
    after = text[match.end() : end].lstrip()[:1]
    if not after or after.islower():
        return not after
    if match[0][0] != "." or match[0].startswith(".."):
        return True
    before = text[max(begin, match.start() - 24) : match.start()]
    if _ITEM.fullmatch(text[begin : match.end()] + " "):
        return False
    return bool(_TIME.search(before)) or not _ABBREVIATION.search(before)


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
