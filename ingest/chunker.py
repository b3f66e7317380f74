"""Cuts the passages of a document into chunks that the embedding model reads whole. Pure: no files."""

import functools
import re
from collections.abc import Iterator
from pathlib import PurePath

from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer

from ingest.settings import ChunkSettings
from ingest.types import Chunk, ParsedDocument

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], which the tokenizer puts round every input."""

_CHARACTERS_PER_TOKEN = 16
# English has some five characters a token. A word of over 100 characters is a single unknown token to BERT
# and white space is none at all, so without a second measure a chunk could hold a megabyte of base64.

_WORD = re.compile("[^\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
# What tokenizers' BertNormalizer takes for white space. It differs from str.split(): form feeds, for
# instance, are control characters to it, which it removes, so that the words on both sides become one.

_REMEMBERED_WORDS = 100_000

_LONGEST_STRETCH = 16_000
# The splitter's time grows with the square of the length where nothing but letters follow one another: one
# word of a million letters took it 70 s. Longer passages are therefore cut beforehand, where a paragraph ends
# if one does; the two chunks at such a cut don't overlap.
_BREAKS = ("\n\n", "\n", " ")


class TokenCounter:
    """Counts the tokens of a text, special tokens left out.

    BERT's tokenizer never looks across white space, so a text has as many tokens as its words together, and
    the words of a document are few. Remembering them makes counting several times cheaper than tokenising,
    which matters to the splitter, for it measures every stretch of text about ten times.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """`tokenizer` is BERT's and neither truncates nor pads (`embedder.load_tokenizer`)."""
        self.tokenizer = tokenizer
        self._remembered = functools.lru_cache(_REMEMBERED_WORDS)(self._count)

    def __call__(self, text: str) -> int:
        """Number of tokens of `text`."""
        return sum(map(self._remembered, _WORD.findall(text)))

    def _count(self, word: str) -> int:
        return len(self.tokenizer.encode(word, add_special_tokens=False))


def chunk(document: ParsedDocument, name: str, count: TokenCounter, settings: ChunkSettings) -> list[Chunk]:
    """Cut every passage of `document` into chunks of at most `settings.max_tokens` tokens, in reading order.

    Boundaries are those of paragraphs, then lines, sentences, words, whichever is the largest that fits
    (`semantic-text-splitter`); neighbours overlap by up to `settings.overlap_tokens`. A chunk never crosses
    passages, so that its page is the one to cite. Every character the model reads is in at least one chunk;
    passages of which it reads nothing (only white space or control characters) have none.

    `name` stands for the title where the document has none of its own; a file's suffix is left out.

    Raises:
        ValueError: the settings leave no room for text.
    """
    title = document.title or _without_suffix(name)
    room_for = settings.max_tokens - SPECIAL_TOKENS
    if room_for - settings.context_tokens < 1:
        raise ValueError(
            f"chunk.max_tokens={settings.max_tokens} leaves no room for text beside "
            f"chunk.context_tokens={settings.context_tokens} and {SPECIAL_TOKENS} special tokens"
        )
    contexts: dict[str | None, tuple[str, int]] = {}
    chunks = []
    for number, passage in enumerate(document.passages):
        if passage.heading not in contexts:
            context = context_of(title, passage.heading, count, settings.context_tokens)
            contexts[passage.heading] = context, count(context)
        context, context_tokens = contexts[passage.heading]
        for start, text in _pieces(passage.text, count, room_for - context_tokens, settings.overlap_tokens):
            chunks.append(
                Chunk(
                    passage=number,
                    start=start,
                    end=start + len(text),
                    text=text,
                    context=context,
                    tokens=SPECIAL_TOKENS + context_tokens + count(text),
                    page=passage.page,
                    heading=passage.heading,
                )
            )
    return chunks


def embedding_text(chunk: Chunk) -> str:
    """What the model reads for `chunk`: its context, a line break, its text."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text


def context_of(title: str, heading: str | None, count: TokenCounter, limit: int) -> str:
    """Title and heading on a line each, together at most `limit` tokens.

    Where they don't fit the heading loses its beginning, since its end is nearest to the text, and keeps at
    least half of the room; the title loses its end.
    """
    heading = " ".join((heading or "").split())
    title = " ".join(title.split())
    room_for_title = max(limit - count(heading), limit // 2 if heading else limit)
    title = _first_tokens(title, count, room_for_title)
    heading = _last_tokens(heading, count, limit - count(title))
    return "\n".join(part for part in (title, heading) if part)


def _pieces(text: str, count: TokenCounter, room: int, overlap: int) -> Iterator[tuple[int, str]]:
    """Yield (offset, piece) for the pieces of `text`, each at most `room` tokens and at least one."""
    for start, stretch in _stretches(text):
        for offset, piece in _split(stretch, count, room, min(overlap, (room - 1) // 2)):
            if count(piece):
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
        return max(count(piece), len(piece) // _CHARACTERS_PER_TOKEN)

    enough = room
    if (total := size(text)) > room:
        # Filling every chunk to the brim leaves the rest of a page, often a few words, alone in the last one.
        # Told a lower size that is enough, the splitter makes as many chunks, of about the same size.
        pieces = -(-(total - overlap) // (room - overlap))
        enough = min(room, -(-(total + (pieces - 1) * overlap) // pieces))
    return TextSplitter.from_callback(size, (enough, room), overlap).chunk_indices(text)


def _first_tokens(text: str, count: TokenCounter, limit: int) -> str:
    while count(text) > limit:
        offsets = count.tokenizer.encode(text, add_special_tokens=False).offsets
        text = text[: offsets[limit][0]].rstrip() if limit else ""
        # A cut inside a word can make more tokens of what is left than it had as a part.
        limit -= 1 if count(text) > limit else 0
    return text


def _last_tokens(text: str, count: TokenCounter, limit: int) -> str:
    while count(text) > limit:
        offsets = count.tokenizer.encode(text, add_special_tokens=False).offsets
        text = text[offsets[-limit][0] :].lstrip() if limit else ""
        limit -= 1 if count(text) > limit else 0
    return text


def _without_suffix(name: str) -> str:
    path = PurePath(name)
    return path.stem if path.suffix.lower() in {".pdf", ".docx"} else name
