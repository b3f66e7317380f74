"""What a claim costs, by the number of waiting documents.

    python -m benchmarks.queue [--waiting 100 10000 100000] [--owners 1 100 1000] [--claims 100] [--json]

On a separate embedded database. The documents wait in equal numbers in the queues of their owners, each with
two namespaces; half of them are of batches. Each claim is a transaction, as in the worker, and takes turns.
`in_order` is the claim before that, which took what had waited longest; `own` claims one of the last 100
documents, as `luma ingest` does for its files. The claims alternate. Times are medians in milliseconds;
`ratio` is that of `claim` and `in_order`.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import delete, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.models import Document, Namespace, User
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.documents import claims, ingestion

_OWNERS = """
WITH owner AS (
  INSERT INTO users (username, email, password, role)
  SELECT 'user' || n, 'user' || n || '@example.com', '-', 'user' FROM generate_series(1, :owners) n
  RETURNING id
)
INSERT INTO namespace (user_id, name) SELECT id, 'n' || n FROM owner, generate_series(1, 2) n
"""
_FILL = """
WITH lane AS (SELECT user_id, id, row_number() OVER (ORDER BY id) - 1 AS number FROM namespace),
new AS (
  INSERT INTO document (user_id, title, file_path, file_metadata, type, uploaded_at)
  SELECT lane.user_id, 'd', 'f' || n, jsonb_build_object('sha256', n, 'lane', lane.id), 'pdf', now()
  FROM generate_series(1, :count) n JOIN lane ON lane.number = n % (2 * :owners)
  RETURNING id, user_id, file_metadata
)
INSERT INTO ingestion (doc_id, namespace_id, owner_id, is_batch, created_at, updated_at)
SELECT id, (file_metadata ->> 'lane')::int, user_id, id % 4 < 2, now(), now() FROM new
"""
# That of the claims in order.
_INDEX = "CREATE INDEX in_order ON ingestion (next_attempt_at, id) WHERE state = 'queued'"


class Cost(msgspec.Struct, frozen=True):
    """Milliseconds of claims, and of a look for dead workers."""

    waiting: int
    owners: int
    claim: float
    in_order: float
    own: float
    recover: float


async def measure(sessions: Sessions, waiting: int, owners: int, times: int) -> Cost:
    """Fill the queue, and claim from it."""
    async with sessions.begin() as session:
        for model in (Document, Namespace, User):
            await session.execute(delete(model))
        await session.execute(text(_OWNERS), {"owners": owners})
        await session.execute(text(_FILL), {"count": waiting, "owners": owners})
    async with sessions() as session:
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await session.execute(text("VACUUM ANALYZE document, ingestion"))
        last = (await session.scalars(text("SELECT id FROM document ORDER BY id DESC LIMIT 100"))).all()
    rotation = claims.Rotation()

    async def claim(session: AsyncSession) -> None:
        await claims.claim(session, 1, rotation=rotation)

    async def in_order(session: AsyncSession) -> None:
        await claims._claim_among(session, 1, true())

    async def own(session: AsyncSession) -> None:
        await claims.claim(session, 1, list(last))

    medians = await _medians(sessions, (claim, in_order, own, ingestion.recover), times)
    return Cost(waiting, owners, *medians)


async def _medians(
    sessions: Sessions, kinds: Sequence[Callable[[AsyncSession], Awaitable[None]]], times: int
) -> list[float]:
    taken: list[list[float]] = [[] for _ in kinds]
    for _ in range(times):
        for kind, of_kind in zip(kinds, taken, strict=True):
            async with sessions() as session:
                await session.connection()
                began = time.perf_counter()
                await kind(session)
                of_kind.append((time.perf_counter() - began) * 1000)
                await session.rollback()
    return [round(statistics.median(of_kind), 3) for of_kind in taken]


async def _run(url: str, waiting: Sequence[int], owners: Sequence[int], times: int) -> list[Cost]:
    engine = create_engine(url)
    await migrate.upgrade(engine)
    sessions = create_sessions(engine)
    async with sessions.begin() as session:
        await session.execute(text(_INDEX))
    costs = [await measure(sessions, count, among, times) for count in waiting for among in owners]
    await engine.dispose()
    return costs


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure claims from the queue.")
    waiting, owners = [100, 10_000, 100_000], [1, 100, 1_000]
    parser.add_argument("--waiting", type=int, nargs="+", default=waiting, help="lengths of the queue")
    parser.add_argument("--owners", type=int, nargs="+", default=owners, help="numbers of owners")
    parser.add_argument("--claims", type=int, default=100, help="claims per measurement (default: 100)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder), grace=0) as url:
                costs = asyncio.run(_run(url, arguments.waiting, arguments.owners, arguments.claims))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(costs).decode())
        return
    kinds = ("claim", "in_order", "own", "recover")
    print(f"{'waiting':>9}{'owners':>9}" + "".join(f"{kind:>10}" for kind in (*kinds, "ratio")))
    for cost in costs:
        times = "".join(f"{getattr(cost, kind):10.2f}" for kind in kinds)
        print(f"{cost.waiting:9,}{cost.owners:9,}{times}{cost.claim / cost.in_order:10.2f}")


if __name__ == "__main__":
    main()
