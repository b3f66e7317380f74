import itertools
import pickle
import random
import string
import time

import msgspec
import pytest
from tokenizers import Tokenizer

from ingest.chunker import TokenCounter, chunk, context_of, embedding_text
from ingest.embedding.packaged import load_tokenizer
from ingest.settings import ChunkSettings
from ingest.types import Chunk, ParsedDocument, Passage, Table, TableCell

SETTINGS = ChunkSettings()
OVERLAPPING = ChunkSettings(overlap_tokens=24)
SENTENCE = "The quick brown fox number {} jumps over the lazy dog near the old mill. "

NASTY = {
    "one long word": "a" * 5000,
    "base64": "".join(random.Random(1).choices(string.ascii_letters + string.digits + "+/", k=6000)),
    "url": "https://example.org/" + "/".join(f"part-{i}?x={i}&y=%20" for i in range(300)),
    "chinese": "我们的员工手册规定了年假的天数。" * 100,
    "japanese": "これはとてもながいぶんしょうです" * 100,
    "thai": "ภาษาไทยไม่มีช่องว่างระหว่างคำ" * 100,
    "arabic": "يحق لكل موظف الحصول على إجازة سنوية. " * 100,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👍🏽" * 300,
    "zero width": "in\u200bvisi\u200dble\ufeff words\u2060 " * 300,
    "combining marks": ("e" + "\u0301" * 50 + " ") * 100,
    "form feeds": "un\x0caff\x0bord\x1cable\x85" * 300,
    "exotic spaces": "one\u00a0two\u2003three\u3000four\u2028five\u2029" * 150,
    "ligatures": "\ufdfa ﬁ ﬂ Ǆ ẞ İ ς Σ " * 300,
    "dots": "." * 5000,
    "newlines": "\n".join("\n" * (i % 7) + str(i) for i in range(900)),
    "crlf": "A line of text.\r\n" * 300,
    "spaces": "a" + " " * 50_000 + "b",
    "special tokens": "[CLS] [SEP] [MASK] [PAD] [UNK] " * 200,
    "nul": "a\x00b " * 500,
    "hyphens": "state-of-the-art-" * 400,
    "numbers": "1,234,567.89 " * 400,
    "cells": "Aas | 12 |  | a||b |x\n| Bo | 7\n" * 200,
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer()


@pytest.fixture(scope="module")
def count(tokenizer: Tokenizer) -> TokenCounter:
    return TokenCounter(tokenizer)


def document(*texts: str, title: str | None = "A title", heading: str | None = None) -> ParsedDocument:
    passages = [Passage(text, page, heading) for page, text in enumerate(texts, 1)]
    return ParsedDocument("pdf", passages, title)


def check(parsed: ParsedDocument, chunks: list[Chunk], tokenizer: Tokenizer, settings: ChunkSettings) -> None:
    """Invariants of all chunks, checked with the model's own tokenizer."""
    covered = [[False] * len(passage.text) for passage in parsed.passages]
    for piece in chunks:
        passage = parsed.passages[piece.passage]
        assert passage.text[piece.start : piece.end] == piece.text
        assert piece.page == passage.page
        assert (piece.heading or "").startswith(passage.heading or "")
        assert piece.tokens == len(tokenizer.encode(embedding_text(piece)).ids) <= settings.max_tokens
        assert len(tokenizer.encode(piece.text, add_special_tokens=False).ids) > 0
        assert len(piece.text) <= 16 * settings.max_tokens
        covered[piece.passage][piece.start : piece.end] = [True] * len(piece.text)
    for passage, marks in zip(parsed.passages, covered, strict=True):
        left_out = "".join(c for c, mark in zip(passage.text, marks, strict=True) if not mark)
        assert tokenizer.encode(left_out, add_special_tokens=False).ids == []


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_difficult_text_is_embedded_completely(text: str, tokenizer: Tokenizer, count: TokenCounter) -> None:
    parsed = document(text, heading="A heading > 汉字 " + "x" * 150)
    check(parsed, chunk(parsed, "name.pdf", count, SETTINGS), tokenizer, SETTINGS)


@pytest.mark.parametrize("seed", range(30))
def test_random_text_is_embedded_completely(seed: int, tokenizer: Tokenizer, count: TokenCounter) -> None:
    """Any mixture of difficult text with any settings satisfies the invariants."""
    chance = random.Random(seed)
    texts = []
    for _ in range(chance.randrange(1, 5)):
        parts = []
        for _ in range(chance.randrange(6)):
            source = chance.choice(list(NASTY.values()))
            start = chance.randrange(len(source))
            parts.append(source[start : start + chance.randrange(400)])
        texts.append(chance.choice(["", " ", "\n", "\n\n", ". "]).join(parts))
    settings = ChunkSettings(chance.choice([40, 128, 256]), chance.choice([0, 24, 500]), context_tokens=30)
    title = chance.choice([None, "", texts[0][:300]])
    parsed = document(*texts, title=title, heading=texts[-1][-200:] or None)
    check(parsed, chunk(parsed, "name.pdf", count, settings), tokenizer, settings)


@pytest.mark.parametrize("seed", range(20))
def test_random_tables_are_embedded_completely(seed: int, tokenizer: Tokenizer, count: TokenCounter) -> None:
    chance = random.Random(seed)
    passages = []
    for _ in range(3):
        text = "\n".join(chance.choice(list(NASTY.values()))[:400] for _ in range(8))
        ends = sorted(chance.sample(range(len(text)), 6))
        headers = (chance.choice(list(NASTY.values()))[: chance.randrange(600)] for _ in range(2))
        tables = tuple(
            Table(*ends[at : at + 3], [[TableCell(header)]], 1, chance.choice([None, "Caption", header]))
            for at, header in zip((0, 3), headers, strict=True)
        )
        passages.append(Passage(text, heading="A heading", tables=tables))
    settings = ChunkSettings(chance.choice([40, 128, 256]), context_tokens=30)
    parsed = ParsedDocument("docx", passages, "A title")
    check(parsed, chunk(parsed, "name.docx", count, settings), tokenizer, settings)


def named(start: int, body: int, end: int, caption: str | None = None) -> Table:
    return Table(start, body, end, [[TableCell("Region"), TableCell("Leakage")]], 1, caption)


def test_rows_cut_from_their_table_stand_under_its_header(count: TokenCounter) -> None:
    text = "Before the table.\n"
    start = len(text)
    text += "Region | Leakage\n"
    body = len(text)
    text += "\n".join(f"Town number {number} on the river | {number}.5" for number in range(60))
    end = len(text)
    text += "\n" + "After the table. " * 200
    passage = Passage(text, heading="Losses", tables=(named(start, body, end, "Water"),))
    chunks = chunk(ParsedDocument("docx", [passage], "Report"), "x", count, SETTINGS)
    first, *rows = [piece for piece in chunks if piece.start < end]
    assert "Region | Leakage" in first.text
    assert (first.heading, first.context) == ("Losses", "Report\nLosses")
    assert len(rows) >= 2
    for piece in rows:
        assert piece.heading == "Losses > Water > Region | Leakage"
        assert piece.context == "Report\nLosses\nWater > Region | Leakage"
    assert {piece.heading for piece in chunks if piece.start >= end} == {"Losses"}


def test_uncut_tables_need_no_header(count: TokenCounter) -> None:
    text = "Water\na | b\n1 | 2\n3 | 4"
    passage = Passage(text, tables=(named(6, 12, len(text), "Water"),))
    (piece,) = chunk(ParsedDocument("docx", [passage], "Report"), "x", count, SETTINGS)
    assert (piece.heading, piece.context, piece.text) == (None, "Report", text)


def test_table_without_its_caption(count: TokenCounter) -> None:
    text = "a | b\n1 | 2\n3 | 4"
    passage = Passage(text, tables=(named(0, 6, len(text), "Water"),))
    (piece,) = chunk(ParsedDocument("docx", [passage], "Report"), "x", count, SETTINGS)
    assert (piece.heading, piece.text) == ("Water", text)


def test_rows_without_a_header_do_not_repeat_the_caption_above_them(count: TokenCounter) -> None:
    text = "Before.\nWater\n1 | 2\n3 | 4"
    table = Table(14, 14, len(text), [[TableCell("1"), TableCell("2")]], 0, "Water")
    (piece,) = chunk(ParsedDocument("pdf", [Passage(text, tables=(table,))], "Report"), "x", count, SETTINGS)
    assert (piece.heading, piece.context) == (None, "Report")


def test_table_from_an_earlier_page(count: TokenCounter) -> None:
    text = "Page header\nRumburk | 7\nLouny | 8\nPage footer"
    passage = Passage(text, 2, tables=(named(12, 12, 33, "Water"),))
    (piece,) = chunk(ParsedDocument("pdf", [passage], "Report"), "x", count, SETTINGS)
    assert (piece.heading, piece.text) == ("Water > Region | Leakage", text)


def test_counter_agrees_with_the_tokenizer(tokenizer: Tokenizer, count: TokenCounter) -> None:
    for text in itertools.chain(NASTY.values(), map(chr, range(0x3100))):
        probe = f"un{text}able aff{text} ord"
        assert count(probe) == len(tokenizer.encode(probe, add_special_tokens=False).ids), ascii(text[:20])


def test_short_passages_keep_their_page(count: TokenCounter) -> None:
    chunks = chunk(document("First page.", "  \n ", "Third page."), "name.pdf", count, SETTINGS)
    assert [(c.passage, c.page, c.text) for c in chunks] == [(0, 1, "First page."), (2, 3, "Third page.")]


@pytest.mark.parametrize("text", ["", " \t\n\u3000", "\u200b\ufeff\x00"])
def test_unreadable_text_produces_no_chunk(text: str, count: TokenCounter) -> None:
    assert chunk(document(text), "name.pdf", count, SETTINGS) == []
    assert chunk(document(), "name.pdf", count, SETTINGS) == []


def test_neighbors_overlap(count: TokenCounter) -> None:
    text = "".join(SENTENCE.format(i) for i in range(100))
    chunks = chunk(document(text), "name.pdf", count, OVERLAPPING)
    assert len(chunks) > 5
    for before, after in itertools.pairwise(chunks):
        assert 0 < count(text[after.start : before.end]) <= OVERLAPPING.overlap_tokens


def test_neighbors_are_disjoint_without_overlap(count: TokenCounter) -> None:
    text = "".join(SENTENCE.format(i) for i in range(100))
    chunks = chunk(document(text), "name.pdf", count, SETTINGS)
    assert len(chunks) > 5
    for before, after in itertools.pairwise(chunks):
        assert before.end <= after.start
        assert not text[before.end : after.start].strip()


def test_chunks_start_and_end_with_sentences(count: TokenCounter) -> None:
    text = "".join(SENTENCE.format(i) for i in range(100))
    for piece in chunk(document(text), "name.pdf", count, SETTINGS):
        assert piece.text.startswith("The quick")
        assert piece.text.endswith("mill.")


def test_slightly_long_page_is_split_evenly(count: TokenCounter) -> None:
    """Not one full chunk and a small remainder."""
    text = "".join(SENTENCE.format(i) for i in range(16))
    sizes = [c.tokens for c in chunk(document(text), "name.pdf", count, SETTINGS)]
    assert len(sizes) == 2
    assert min(sizes) > 0.6 * max(sizes)


def test_long_text_fills_its_chunks(count: TokenCounter) -> None:
    text = "".join(SENTENCE.format(i) for i in range(2000))
    sizes = [c.tokens for c in chunk(document(text), "name.pdf", count, SETTINGS)]
    assert sum(sizes) / len(sizes) > 0.85 * SETTINGS.max_tokens


def test_long_passages_are_split_between_paragraphs(count: TokenCounter) -> None:
    paragraph = "".join(SENTENCE.format(i) for i in range(8)).strip()
    for piece in chunk(document("\n\n".join([paragraph] * 100)), "name.pdf", count, SETTINGS):
        assert piece.text.endswith("mill.")


def test_context_is_title_and_heading(count: TokenCounter) -> None:
    with_title = document("Text.", title="The Handbook", heading="Leave > Parents")
    assert chunk(with_title, "f.pdf", count, SETTINGS)[0].context == "The Handbook\nLeave > Parents"
    assert embedding_text(chunk(with_title, "f.pdf", count, SETTINGS)[0]).endswith("Leave > Parents\nText.")
    without = document("Text.", title=None)
    assert chunk(without, "My contract.v2.DOCX", count, SETTINGS)[0].context == "My contract.v2"
    assert chunk(without, "Version 1.2", count, SETTINGS)[0].context == "Version 1.2"
    nameless = chunk(without, "", count, SETTINGS)[0]
    assert embedding_text(nameless) == "Text."


def test_long_context_keeps_the_most_specific_parts(count: TokenCounter) -> None:
    title = " ".join(f"title{i}" for i in range(60))
    heading = " > ".join(f"heading {i}" for i in range(60))
    context = context_of(title, heading, count, 48)
    assert count(context) <= 48
    assert context.startswith("title0 title1")
    assert context.endswith("heading 58 > heading 59")
    assert count(context_of(title, None, count, 48)) > 40
    assert context_of("Short", heading, count, 48).startswith("Short\n")
    assert context_of(title, heading, count, 0) == ""


@pytest.mark.parametrize("limit", range(12))
@pytest.mark.parametrize("text", ["unaffordable" * 3, "x" * 200, "汉字" * 20, "e\u0301" * 30, "\u200ba b"])
def test_context_never_exceeds_its_limit(text: str, limit: int, count: TokenCounter) -> None:
    assert count(context_of(text, text, count, limit)) <= limit


def test_no_room_for_text_is_an_error(count: TokenCounter) -> None:
    with pytest.raises(ValueError, match=r"chunk\.max_tokens=50"):
        chunk(document("Text."), "f.pdf", count, ChunkSettings(max_tokens=50, context_tokens=48))


def test_chunks_can_be_serialized(count: TokenCounter) -> None:
    chunks = chunk(document("Some text.", heading="A"), "f.pdf", count, SETTINGS)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(chunks), type=list[Chunk]) == chunks


def test_hostile_text_is_chunked_within_seconds(count: TokenCounter) -> None:
    """The splitter needs over a minute for an unbroken word of a million letters."""
    began = time.process_time()
    chunk(document("a" * 1_000_000, "a" + " " * 1_000_000 + "b"), "f.pdf", count, SETTINGS)
    assert time.process_time() - began < 20


def test_a_counter_can_be_sent_to_another_process(count: TokenCounter) -> None:
    sent = pickle.loads(pickle.dumps(count))
    assert sent(SENTENCE) == count(SENTENCE) > 10
