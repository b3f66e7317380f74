"""Ingestion by the Ray engine beside the local one: the same files, in turn.

    python -m benchmarks.ray_engine FOLDER [--repeat 3] [--limit 10] [--address ADDRESS] [--json]

FOLDER holds PDF and DOCX files. Each round ingests them twice into new databases, once by each engine, as
`luma ingest` does; the engine that begins alternates. Without `--address`, Ray is started on this machine.
Its start is not included, nor are the first documents of each engine, which load the model. The ratio is the
local engine's time over Ray's: above 1, Ray is faster.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from benchmarks.corpus import documents_in, open_corpus
from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from ingest.engines import local, ray
from ingest.engines.jobs import Engine
from luma_rag.db.embedded import stop
from luma_rag.db.models import Chunk


class Report(msgspec.Struct, frozen=True):
    """Medians over the rounds; rates in chunks per second, the start of Ray in seconds."""

    files: int
    chunks: int
    rounds: int
    ray_start: float
    local_rate: float
    ray_rate: float
    ratio: float


async def measure(files: Sequence[Path], embedder: Embedder, repeat: int, address: str | None) -> Report:
    """Run all rounds."""
    began = time.perf_counter()
    rounds: list[dict[str, float]] = []
    chunks = 0
    async with ray.cluster(address) as on_ray:
        engines: dict[str, Engine] = {"local": local.run, "ray": on_ray.run}
        await ingest(files[:1], embedder, on_ray.run)
        start = time.perf_counter() - began
        for number in range(repeat):
            print(f"round {number + 1} of {repeat}", file=sys.stderr)
            order = sorted(engines, reverse=number % 2 == 1)
            times = {}
            for name in order:
                times[name], chunks = await ingest(files, embedder, engines[name])
            rounds.append(times)

    def median(values: Sequence[float]) -> float:
        return round(statistics.median(values), 2)

    return Report(
        files=len(files),
        chunks=chunks,
        rounds=repeat,
        ray_start=round(start, 1),
        local_rate=median([chunks / times["local"] for times in rounds]),
        ray_rate=median([chunks / times["ray"] for times in rounds]),
        ratio=median([times["local"] / times["ray"] for times in rounds]),
    )


async def ingest(files: Sequence[Path], embedder: Embedder, engine: Engine) -> tuple[float, int]:
    """The seconds that an engine needs for the files in a new database, and their chunks."""
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        async with open_corpus(Path(folder), embedder) as corpus:
            began = time.perf_counter()
            await corpus.ingest(files, engine)
            seconds = time.perf_counter() - began
            async with corpus.store.sessions.begin() as session:
                chunks = await session.scalar(select(func.count()).select_from(Chunk))
        await asyncio.to_thread(stop, Path(folder))
    return seconds, chunks or 0


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure the Ray engine beside the local one.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3, help="number of rounds (default: 3)")
    parser.add_argument("--limit", type=int, help="use only the first N files, by name")
    parser.add_argument("--address", help="Ray cluster to join (default: Ray is started here)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    files = documents_in(arguments.folder)[: arguments.limit]
    if not files:
        parser.error(f"No PDF or DOCX files in {arguments.folder}")
    embedder = PackagedEmbedder()
    embedder.embed_query("The first call also allocates the memory.")
    found = asyncio.run(measure(files, embedder, arguments.repeat, arguments.address))
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return
    for name, value in msgspec.structs.asdict(found).items():
        print(f"{name.replace('_', ' '):12} {value}")


if __name__ == "__main__":
    main()
