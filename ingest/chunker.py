"""Splits the passages of a document into chunks within the embedding model's limit. Pure functions."""

import bisect
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer

from ingest.parsers.formats import type_of_suffix
from ingest.settings import ChunkSettings
from ingest.types import Chunk, ParsedDocument, Passage, Table

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which the tokenizer adds to every input."""

_CHARACTERS_PER_TOKEN = 16
# English averages five characters per token. BERT maps a word of over 100 characters to one unknown token,
# and white space to none, so without a limit in characters a chunk could hold a megabyte of base64.

_BAR = re.compile(r" *\|(?= |$|\n)", re.MULTILINE)
# Between the cells of a table. The model learns nothing from it.

_WORD = re.compile("[^\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
# White space as defined by the tokenizer's BertNormalizer. It differs from str.split(): form feeds, for
# example, are control characters, which it removes, joining the words on both sides.

_REMEMBERED_WORDS = 100_000

_LONGEST_STRETCH = 16_000
# The splitter takes quadratic time on unbroken letters: one word of a million letters took 70 s. Longer
# passages are therefore pre-split, at a paragraph end if there is one. The two chunks at such a split don't
# overlap.
_BREAKS = ("\n\n", "\n", " ")

_SHARE_OF_HEADER = 2


class TokenCounter:
    """Counts the tokens of a text, without special tokens.

    BERT's tokenizer never looks across white space, so the count is the sum over words, and a document has
    few distinct words. Caching them makes counting several times cheaper than tokenizing. The splitter
    measures every stretch of text about ten times, so this matters.
    """

    def __init__(
        self, tokenizer: Tokenizer, max_tokens: int = 256, added_tokens: int = SPECIAL_TOKENS
    ) -> None:
        """`tokenizer` is BERT's and neither truncates nor pads (`packaged.load_tokenizer`).

        `max_tokens` is the longest input of the model, `added_tokens` how many of them every input has beside
        its text: special tokens and those of a prefix.
        """
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.added_tokens = added_tokens
        self._remembered = functools.lru_cache(_REMEMBERED_WORDS)(self._count)

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes, which remember words of their own."""
        return type(self), (self.tokenizer, self.max_tokens, self.added_tokens)

    def __call__(self, text: str) -> int:
        """The number of tokens of `text`."""
        return sum(map(self._remembered, _WORD.findall(text)))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token of `text` begins and ends, in characters."""
        found: list[tuple[int, int]] = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return found

    def _count(self, word: str) -> int:
        return len(self.tokenizer.encode(word, add_special_tokens=False))


def chunk(document: ParsedDocument, name: str, count: TokenCounter, settings: ChunkSettings) -> list[Chunk]:
    """Split every passage of `document` into chunks, in reading order.

    A chunk has at most `settings.max_tokens` tokens, and never more than the model reads.

    Splits are at paragraphs, then lines, sentences, words, whichever is the largest unit that fits
    (`semantic-text-splitter`). Neighbors overlap by up to `settings.overlap_tokens`. A chunk never crosses
    passages, so its page is the page to cite. Rows cut from their table have its header as context. Every
    character that the model reads is in at least one chunk; passages without any (only white space or control
    characters) have no chunks. `name` replaces a missing title; a file suffix is dropped.

    Raises:
        ValueError: the settings leave no room for text.
    """
    title = document.title or _without_suffix(name)
    most = min(settings.max_tokens, count.max_tokens)
    room_for = most - count.added_tokens
    if room_for - settings.context_tokens < 1:
        raise ValueError(
            f"chunk.max_tokens={most} leaves no room for text beside "
            f"chunk.context_tokens={settings.context_tokens} and {count.added_tokens} special tokens"
        )
    contexts: dict[str | None, tuple[str, int]] = {}

    def context(heading: str | None) -> tuple[str, int]:
        if heading not in contexts:
            text = context_of(title, heading, count, settings.context_tokens)
            contexts[heading] = text, count(without_bars(text))
        return contexts[heading]

    chunks = []
    for number, passage in enumerate(document.passages):
        above, above_tokens = context(passage.heading)
        room = room_for - above_tokens
        for start, text, header in _pieces_of_passage(passage, count, room, settings.overlap_tokens):
            chunks.append(
                Chunk(
                    passage=number,
                    start=start,
                    end=start + len(text),
                    text=text,
                    context="\n".join(filter(None, (above, header))),
                    tokens=count.added_tokens
                    + above_tokens
                    + count(without_bars(header))
                    + count(without_bars(text)),
                    page=passage.page,
                    heading=" > ".join(filter(None, (passage.heading, header))) or None,
                )
            )
    return chunks


def embedding_text(chunk: Chunk) -> str:
    """The model's input for `chunk`: its context, a line break, its text; without bars between cells."""
    text = without_bars(chunk.text)
    return f"{without_bars(chunk.context)}\n{text}" if chunk.context else text


def without_bars(text: str) -> str:
    """`text` without the bars between the cells of tables."""
    return _BAR.sub("", text) if "|" in text else text


def context_of(title: str, heading: str | None, count: TokenCounter, limit: int) -> str:
    """Title and heading, one per line, together at most `limit` tokens.

    If they don't fit, the heading is cut at its beginning, because its end is nearest to the text, and keeps
    at least half of the room; the title is cut at its end.
    """
    heading = " ".join((heading or "").split())
    title = " ".join(title.split())
    room_for_title = max(limit - count(heading), limit // 2 if heading else limit)
    title = first_tokens(title, count, room_for_title)
    heading = _last_tokens(heading, count, limit - count(title))
    return "\n".join(part for part in (title, heading) if part)


def _pieces_of_passage(
    passage: Passage, count: TokenCounter, room: int, overlap: int
) -> Iterator[tuple[int, str, str]]:
    """Yield (offset, piece, header): caption and header of the table rows in a piece that lacks them."""
    pieces = list(_pieces(passage.text, count, room, overlap))
    if not passage.tables:
        for start, text in pieces:
            yield start, text, ""
        return
    headers = _Headers(passage.tables, count, room // _SHARE_OF_HEADER)
    longest = max(count(headers.of(start, start + len(text))) for start, text in pieces) if pieces else 0
    if longest:
        # Some table has to be cut. Pieces with other lengths may need other headers.
        longest = max(count(text) for text in headers.texts)
        pieces = list(_pieces(passage.text, count, room - longest, overlap))
    for start, text in pieces:
        yield start, text, headers.of(start, start + len(text))


class _Headers:
    """The headers of tables of a passage, each at most `limit` tokens."""

    def __init__(self, tables: Sequence[Table], count: TokenCounter, limit: int) -> None:
        self._tables = [
            (
                table,
                first_tokens(table.caption or "", count, limit),
                first_tokens(table.header, count, limit),
            )
            for table in tables
        ]
        self._ends = [table.end for table in tables]

    @property
    def texts(self) -> list[str]:
        """All of them."""
        return [text for _, *texts in self._tables for text in texts]

    def of(self, start: int, end: int) -> str:
        """Caption and header of the rows in `text[start:end]` of the passage, without those it contains."""
        first = bisect.bisect_right(self._ends, start)
        if first == len(self._tables):
            return ""
        table, caption, header = self._tables[first]
        if table.body >= end:
            return ""
        if table.start < start:
            return header
        is_from_an_earlier_page = table.header_rows > 0 and table.body == table.start
        if is_from_an_earlier_page:
            return header
        # A chunk that begins above the table has its caption.
        return caption if start == table.start else ""


def _pieces(text: str, count: TokenCounter, room: int, overlap: int) -> Iterator[tuple[int, str]]:
    """Yield (offset, piece) for the pieces of `text`, each at most `room` tokens and at least one."""
    for start, stretch in _stretches(text):
        for offset, piece in _split(stretch, count, room, min(overlap, (room - 1) // 2)):
            if count(without_bars(piece)):
                yield start + offset, piece


def _stretches(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    while len(text) - start > _LONGEST_STRETCH:
        earliest, latest = start + _LONGEST_STRETCH // 2, start + _LONGEST_STRETCH
        ends = (text.rfind(mark, earliest, latest) for mark in _BREAKS)
        end = next((end for end in ends if end != -1), latest)
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def _split(text: str, count: TokenCounter, room: int, overlap: int) -> list[tuple[int, str]]:
    def size(piece: str) -> int:
        return max(count(without_bars(piece)), len(piece) // _CHARACTERS_PER_TOKEN)

    enough = room
    if (total := size(text)) > room:
        # Filling every chunk completely leaves a few words alone in the last one. A lower limit that needs no
        # more chunks makes them about equal in size.
        pieces = -(-(total - overlap) // (room - overlap))
        enough = min(room, -(-(total + (pieces - 1) * overlap) // pieces))
    return TextSplitter.from_callback(size, (enough, room), overlap).chunk_indices(text)


def first_tokens(text: str, count: TokenCounter, limit: int) -> str:
    """The beginning of `text` that has at most `limit` tokens."""
    while count(text) > limit:
        offsets = count.offsets(text)
        text = text[: offsets[limit][0]].rstrip() if limit else ""
        # After a split inside a word, the rest can have more tokens than it had as part of the word.
        limit -= 1 if count(text) > limit else 0
    return text


def _last_tokens(text: str, count: TokenCounter, limit: int) -> str:
    while count(text) > limit:
        offsets = count.offsets(text)
        text = text[offsets[-limit][0] :].lstrip() if limit else ""
        limit -= 1 if count(text) > limit else 0
    return text


def _without_suffix(name: str) -> str:
    return PurePath(name).stem if type_of_suffix(name) else name
