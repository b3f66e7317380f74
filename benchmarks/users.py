"""Search by many users in turn, compared with search by one.

    python -m benchmarks.users [--users 200 1000] [--searches 2000] [--json]

The hybrid search of `luma_rag.retrieval` without the embedding of the query, on a separate embedded database
(`benchmarks.access`, with lexical search over no terms of its own). Every user has the same rights. Searches
by one user and searches by the next of many form pairs in alternating order, so that other load on the
machine affects both. The ratio is that of the sums, by wall time and by the CPU time of this process.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.access import PUBLIC, fill
from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.db.session import create_engine, reading
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery
from luma_rag.retrieval.vector_source import namespace_profile

_WARM_UP = 50
_USERS = """
INSERT INTO users (username, email, password, role)
SELECT 'reader ' || n, 'reader' || n || '@example.com', '-', 'user' FROM generate_series(1, :users) n
RETURNING id
"""


class Result(msgspec.Struct, frozen=True):
    """Milliseconds per search by one user and by many in turn, and the ratios of many to one."""

    users: int
    searches: int
    one: float
    many: float
    ratio: float
    processor_one: float
    processor_many: float
    processor_ratio: float


async def measure(engine: AsyncEngine, user_ids: Sequence[int], searches: int) -> Result:
    """Search as one and as the next of many, in turn."""
    reader, users = reading(engine), len(user_ids)
    random = np.random.default_rng(7)
    wall: defaultdict[bool, float] = defaultdict(float)
    processor: defaultdict[bool, float] = defaultdict(float)

    async def search(user_id: int) -> tuple[float, float]:
        query = random.standard_normal(DIMENSIONS).astype(np.float32)
        question = SearchQuery(query / np.linalg.norm(query), Counter({1: 1, 2: 1, 3: 1}))
        principal = Principal(user_id, "user")
        began, busy = time.perf_counter(), time.process_time()
        async with reader.connect() as connection:
            await namespace_profile(connection, principal, PUBLIC)
            hits = await find(connection, principal, PUBLIC, question, k=30)
        taken = time.perf_counter() - began, time.process_time() - busy
        if len(hits) != 30:
            raise AssertionError(f"{principal}: found {len(hits)} of 30 hits")
        return taken

    for number in range(-_WARM_UP, searches):
        for is_many in (True, False) if number % 2 else (False, True):
            seconds, busy = await search(user_ids[number % users if is_many else 0])
            if number >= 0:
                wall[is_many] += seconds
                processor[is_many] += busy

    def each(sums: defaultdict[bool, float]) -> tuple[float, float, float]:
        one, many = (1000 * sums[is_many] / searches for is_many in (False, True))
        return round(one, 3), round(many, 3), round(many / one, 3)

    return Result(users, searches, *each(wall), *each(processor))


async def run(url: str, arguments: argparse.Namespace) -> list[Result]:
    """Fill the database at this URL and measure with each number of users."""
    engine = create_engine(url, pool_size=1)
    await migrate.upgrade(engine)
    await fill(engine, arguments.documents, arguments.namespaces, 100)
    async with engine.begin() as connection:
        user_ids = (await connection.execute(text(_USERS), {"users": max(arguments.users)})).scalars().all()
    print("The database is filled.", file=sys.stderr)
    results = [await measure(engine, user_ids[:users], arguments.searches) for users in arguments.users]
    await engine.dispose()
    return results


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure search by many users in turn.")
    parser.add_argument("--users", type=int, nargs="+", default=(200, 1000))
    parser.add_argument("--searches", type=int, default=2000)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--namespaces", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder)) as url:
                results = uvloop.run(run(url, arguments))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(results).decode())
        return
    columns = ("one, ms", "many, ms", "ratio", "CPU, one", "CPU, many", "ratio")
    print(f"{'users':>6} " + " ".join(f"{name:>9}" for name in columns))
    for result in results:
        users, _, *figures = msgspec.structs.astuple(result)
        print(f"{users:6} " + " ".join(f"{figure:9.3f}" for figure in figures))


if __name__ == "__main__":
    main()
