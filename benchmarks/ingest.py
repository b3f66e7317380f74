"""How near ingestion comes to what its two unavoidable parts cost: reading the bytes and running the model.

    python -m benchmarks.ingest FOLDER [--repeat 3] [--limit 10] [--json]

FOLDER holds PDF and DOCX files, in subfolders too. In each round

- the *bound* is measured: every page's text by pypdfium2 (DOCX by Luma's parser), in this process, without
  sandbox or limits; then the embedding of the very chunks the engine made, all in one call;
- the *engine* is measured: sandboxed parsing, chunking, embedding, and the sink, as `luma ingest` runs it.

The ratio is engine over bound, the median of the rounds; 1 would mean that all else costs nothing. Figures
hold for an otherwise idle machine only. The model's start is left out on both sides. To measure another sink,
call `main` with a function that opens it.
"""

import argparse
import asyncio
import functools
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pypdfium2

from ingest.chunker import embedding_text
from ingest.embedder import Embedder
from ingest.engines import local
from ingest.engines.local import Job
from ingest.errors import IngestError
from ingest.parsers import detect_type, parse
from ingest.pipeline import Stage
from ingest.settings import IngestSettings
from ingest.sink import Sink
from ingest.types import EmbeddedDocument, Source

OpenSink = Callable[[], AbstractAsyncContextManager[Sink]]
SETTINGS = IngestSettings()


class Round(msgspec.Struct, frozen=True):
    """Times in seconds. `pages` counts those of PDFs."""

    documents: int
    failed: int
    pages: int
    chunks: int
    tokens: int
    parse: float
    encode: float
    engine: float

    @property
    def ratio(self) -> float:
        """Engine over bound."""
        return self.engine / (self.parse + self.encode)


class _Forgetful:
    """A sink that costs nothing."""

    async def store(self, key: int, document: EmbeddedDocument) -> None:
        pass


@asynccontextmanager
async def open_nothing() -> AsyncGenerator[Sink]:
    """Open the sink that keeps nothing."""
    yield _Forgetful()


class _Results:
    """An observer that keeps what came of each job."""

    def __init__(self, *, show: bool) -> None:
        self.documents: dict[int, EmbeddedDocument] = {}
        self.failed: dict[int, IngestError] = {}
        self._show = show

    async def on_stage(self, key: int, stage: Stage, fraction: float) -> None:
        pass

    async def on_stored(self, key: int, document: EmbeddedDocument) -> None:
        self.documents[key] = document
        if self._show:
            print(f"\r{len(self.documents)} documents", end="", file=sys.stderr)

    async def on_failed(self, key: int, error: IngestError) -> None:
        self.failed[key] = error


async def measure(files: list[Path], embedder: Embedder, open_sink: OpenSink, *, show: bool) -> Round:
    """Run the engine over `files` into the sink, and the bound over the same files and chunks."""
    results = _Results(show=show)
    async with open_sink() as sink:
        began = time.perf_counter()
        await local.run(_jobs(files), sink, embedder, SETTINGS, results)
        engine = time.perf_counter() - began
    # What the engine refused is not part of its work, so not of the bound's either.
    parse_seconds = sum(_seconds(functools.partial(_read_raw, files[key])) for key in results.documents)
    chunks = [chunk for document in results.documents.values() for chunk in document.chunks]
    texts = [embedding_text(chunk) for chunk in chunks]
    return Round(
        documents=len(results.documents),
        failed=len(results.failed),
        pages=sum(document.document.pages or 0 for document in results.documents.values()),
        chunks=len(chunks),
        tokens=sum(chunk.tokens for chunk in chunks),
        parse=parse_seconds,
        encode=_seconds(lambda: embedder.embed_documents(texts)),
        engine=engine,
    )


async def _jobs(files: list[Path]) -> AsyncIterator[Job]:
    for key, path in enumerate(files):
        yield Job(key, Source(path, path.name))


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


def report(rounds: list[Round], precision: str) -> dict[str, float | int | str]:
    """Medians over the rounds."""
    first = rounds[0]

    def median(value: Callable[[Round], float]) -> float:
        return round(statistics.median(map(value, rounds)), 3)

    return {
        "precision": precision,
        "rounds": len(rounds),
        "documents": first.documents,
        "failed": first.failed,
        "pages": first.pages,
        "chunks": first.chunks,
        "tokens": first.tokens,
        "parse_seconds": median(lambda r: r.parse),
        "encode_seconds": median(lambda r: r.encode),
        "engine_seconds": median(lambda r: r.engine),
        "pages_per_second": median(lambda r: r.pages / r.engine),
        "chunks_per_second": median(lambda r: r.chunks / r.engine),
        "encode_chunks_per_second": median(lambda r: r.chunks / r.encode),
        "ratio": median(lambda r: r.ratio),
    }


def main(open_sink: OpenSink = open_nothing) -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measure ingestion against its lower bound.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3, help="rounds (3)")
    parser.add_argument("--limit", type=int, help="only the first files, by name")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lower() in {".pdf", ".docx"})
    files = files[: arguments.limit]
    if not files:
        parser.error(f"No PDF or DOCX files in {arguments.folder}")
    embedder = Embedder(SETTINGS.batch_size)
    embedder.embed_query("The first call also sets up the threads.")
    show = sys.stderr.isatty()
    rounds = [asyncio.run(measure(files, embedder, open_sink, show=show)) for _ in range(arguments.repeat)]
    found = report(rounds, embedder.precision)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):26} {value}")


if __name__ == "__main__":
    main()
