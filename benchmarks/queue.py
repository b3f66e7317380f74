"""What a claim costs, by the number of waiting documents.

    python -m benchmarks.queue [--waiting 100 30000] [--claims 200] [--json]

On a separate embedded database. Each claim is a transaction, as in the worker. `own` claims one of the last
100 documents, as `luma ingest` does for its files; `former` is the claim of version 0.1, which read every
waiting document. Times are medians in milliseconds; `ratio` compares the longest queue with the shortest.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.models import Document, Namespace, User
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.documents import ingestion

_FORMER = """
SELECT id FROM document WHERE EXISTS (
  SELECT FROM ingestion WHERE doc_id = document.id AND state = :queued
) AND NOT EXISTS (SELECT FROM ingestion WHERE doc_id = document.id AND state = :running)
ORDER BY (SELECT min(i.id) FROM ingestion i WHERE i.doc_id = document.id AND i.state = :queued)
LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_FILL = """
WITH new AS (
  INSERT INTO document (user_id, title, file_path, file_metadata, type, uploaded_at)
  SELECT u.id, 'd', 'f' || n, jsonb_build_object('sha256', n), 'pdf', now()
  FROM generate_series(1, :count) n, users u RETURNING id
)
INSERT INTO ingestion (doc_id, namespace_id, created_at, updated_at)
SELECT new.id, namespace.id, now(), now() FROM new, namespace
"""


class Cost(msgspec.Struct, frozen=True):
    """Milliseconds of a claim, and of a look for dead workers."""

    waiting: int
    claim: float
    own: float
    former: float
    recover: float


async def measure(sessions: Sessions, waiting: int, claims: int) -> Cost:
    """Fill the queue, and claim from it."""
    async with sessions.begin() as session:
        await session.execute(delete(Document))
        await session.execute(text(_FILL), {"count": waiting})
    async with sessions() as session:
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await session.execute(text("VACUUM ANALYZE document, ingestion"))
        own = (await session.scalars(text("SELECT id FROM document ORDER BY id"))).all()

    async def former(session: AsyncSession) -> None:
        await session.execute(text(_FORMER), {"queued": "queued", "running": "running"})

    async def claim(session: AsyncSession) -> None:
        await ingestion.claim(session, 1)

    async def claim_own(session: AsyncSession) -> None:
        await ingestion.claim(session, 1, list(own[-100:]))

    return Cost(
        waiting,
        former=await _median(sessions, former, min(claims, 20)),
        own=await _median(sessions, claim_own, min(claims, 20)),
        claim=await _median(sessions, claim, claims),
        recover=await _median(sessions, ingestion.recover, claims),
    )


async def _median(sessions: Sessions, work: Callable[[AsyncSession], Awaitable[None]], times: int) -> float:
    taken = []
    for _ in range(times):
        async with sessions() as session:
            await session.connection()
            began = time.perf_counter()
            await work(session)
            taken.append((time.perf_counter() - began) * 1000)
            await session.rollback()
    return round(statistics.median(taken), 3)


async def _run(url: str, waiting: Sequence[int], claims: int) -> list[Cost]:
    engine = create_engine(url)
    await migrate.upgrade(engine)
    sessions = create_sessions(engine)
    async with sessions.begin() as session:
        user = User(username="benchmark", email="benchmark@example.com", password="-", role="admin")  # noqa: S106 - no hash
        session.add(user)
        await session.flush()
        session.add(Namespace(user_id=user.id, name="benchmark"))
    costs = [await measure(sessions, count, claims) for count in waiting]
    await engine.dispose()
    return costs


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure claims from the queue.")
    parser.add_argument("--waiting", type=int, nargs="+", default=[100, 30_000], help="lengths of the queue")
    parser.add_argument("--claims", type=int, default=200, help="claims per length (default: 200)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder), grace=0) as url:
                costs = asyncio.run(_run(url, arguments.waiting, arguments.claims))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(costs).decode())
        return
    kinds = ("claim", "own", "former", "recover")
    print(f"{'waiting':>9}" + "".join(f"{kind:>10}" for kind in kinds))
    for cost in costs:
        print(f"{cost.waiting:9,}" + "".join(f"{getattr(cost, kind):10.2f}" for kind in kinds))
    ratios = (getattr(costs[-1], kind) / getattr(costs[0], kind) for kind in kinds)
    print(f"{'ratio':>9}" + "".join(f"{ratio:10.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
