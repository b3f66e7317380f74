"""Ingestion time relative to its two unavoidable parts: extracting the text and running the model.

    python -m benchmarks.ingest FOLDER [--repeat 3] [--limit 10] [--profile int8-v1] [--json]

FOLDER holds PDF and DOCX files, in subfolders too. Each round uses a new database and measures

- *ingestion*: storing the files, sandboxed parsing, chunking, embedding, and writing everything to Postgres,
  by the worker, as in `luma ingest`;
- the *bound*: extracting the text of every page with pypdfium2 (DOCX with Luma's parser), in this process
  without a sandbox, then embedding the same chunks in a single call.

The ratio is ingestion over bound, as the median of the rounds. A ratio of 1 would mean that everything else
is free; because parsing overlaps embedding, the ratio can be lower. It is valid only on an otherwise idle
machine. Loading the model and starting the database are excluded from both. Text recognition (OCR) is off,
because the bound has nothing to compare it with.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

import msgspec
import pypdfium2
from sqlalchemy import func, select

from benchmarks.corpus import documents_in, open_corpus
from ingest.chunker import embedding_text
from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from ingest.errors import IngestError
from ingest.parsers import detect_type, parse
from ingest.pipeline import read
from ingest.settings import IngestSettings
from ingest.types import EmbeddingProfile, Source
from luma_rag.db.embedded import stop
from luma_rag.db.models import Chunk, NamespaceDoc

SETTINGS = IngestSettings(ocr=False)


class Round(msgspec.Struct, frozen=True):
    """Times in seconds."""

    documents: int
    chunks: int
    ingestion: float
    parse: float
    encode: float


class Report(msgspec.Struct, frozen=True):
    """Medians over the rounds; times in seconds. `pages` counts PDF pages."""

    profile: str
    rounds: int
    files: int
    ready: int
    pages: int
    chunks: int
    ingestion_seconds: float
    parse_seconds: float
    encode_seconds: float
    pages_per_second: float
    chunks_per_second: float
    bound_chunks_per_second: float
    ratio: float


async def measure(files: Sequence[Path], embedder: Embedder, texts: Sequence[str]) -> Round:
    """One round. `texts` are the embedding inputs of `files`."""
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        async with open_corpus(Path(folder), embedder, SETTINGS) as corpus:
            began = time.perf_counter()
            await corpus.ingest(files)
            ingestion = time.perf_counter() - began
            async with corpus.store.sessions.begin() as session:
                documents = await session.scalar(select(func.count()).select_from(NamespaceDoc))
                chunks = await session.scalar(select(func.count()).select_from(Chunk))
        await asyncio.to_thread(stop, Path(folder))
    parsing = sum(_seconds(partial(_read_raw, path)) for path in files)
    encoding = _seconds(lambda: embedder.embed_documents(texts))
    return Round(documents or 0, chunks or 0, ingestion, parsing, encoding)


def texts_and_pages(files: Sequence[Path], embedder: Embedder) -> tuple[list[str], int]:
    """The embedding inputs of the files, and the number of pages in the readable ones."""
    count = embedder.tokens
    texts: list[str] = []
    pages = 0
    for path in files:
        try:
            document, chunks = read(Source(path, path.stem), count, SETTINGS)
        except IngestError:
            continue
        texts += [embedding_text(chunk) for chunk in chunks]
        pages += document.pages or 0
    return texts, pages


def summary(rounds: Sequence[Round], profile: str, files: int, pages: int) -> Report:
    """Medians over the rounds."""

    def median(value: Callable[[Round], float]) -> float:
        return round(statistics.median(map(value, rounds)), 3)

    return Report(
        profile=profile,
        rounds=len(rounds),
        files=files,
        ready=rounds[0].documents,
        pages=pages,
        chunks=rounds[0].chunks,
        ingestion_seconds=median(lambda r: r.ingestion),
        parse_seconds=median(lambda r: r.parse),
        encode_seconds=median(lambda r: r.encode),
        pages_per_second=median(lambda r: pages / r.ingestion),
        chunks_per_second=median(lambda r: r.chunks / r.ingestion),
        bound_chunks_per_second=median(lambda r: r.chunks / (r.parse + r.encode)),
        ratio=median(lambda r: r.ingestion / (r.parse + r.encode)),
    )


def _read_raw(path: Path) -> None:
    if detect_type(path) != "pdf":
        parse(path, SETTINGS.limits)
        return
    with pypdfium2.PdfDocument(path) as pdf:
        for page in pdf:
            text = page.get_textpage()
            text.get_text_bounded()
            text.close()
            page.close()


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure ingestion against its lower bound.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3, help="number of rounds (default: 3)")
    parser.add_argument("--limit", type=int, help="use only the first N files, by name")
    parser.add_argument("--profile", choices=get_args(EmbeddingProfile), default=SETTINGS.profile)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    files = documents_in(arguments.folder)[: arguments.limit]
    if not files:
        parser.error(f"No PDF or DOCX files in {arguments.folder}")
    embedder = PackagedEmbedder(SETTINGS.batch_size, profile=arguments.profile)
    embedder.embed_query("The first call also allocates the memory.")
    texts, pages = texts_and_pages(files, embedder)
    rounds = []
    for number in range(1, arguments.repeat + 1):
        print(f"round {number} of {arguments.repeat}", file=sys.stderr)
        rounds.append(asyncio.run(measure(files, embedder, texts)))
    found = summary(rounds, embedder.model.profile, len(files), pages)
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return
    for name, value in msgspec.structs.asdict(found).items():
        print(f"{name.replace('_', ' '):26} {value}")


if __name__ == "__main__":
    main()
