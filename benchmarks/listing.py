"""The list of a namespace with many documents, as the service function reads it.

    python -m benchmarks.listing [--documents 100000] [--rounds 7] [--json]

On a separate embedded database. One in a hundred documents has failed, as many wait, and another user owns
one in ten. Each figure is the quickest time in milliseconds of a first page with its total, for the owner of
the namespace, in a transaction as in a request.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
from sqlalchemy import text

from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.documents import namespace_listing
from luma_rag.documents.listing import Listing
from luma_rag.pagination import Pagination

_FILL = (
    "INSERT INTO users (username, email, password, role) VALUES ('a', 'a@example.com', '-', 'user'), "
    "('b', 'b@example.com', '-', 'user')",
    "INSERT INTO namespace (user_id, name) VALUES (1, 'full'), (1, 'other')",
    """
    INSERT INTO document (user_id, title, file_path, file_metadata, type, is_public, uploaded_at)
    SELECT CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END, 'Report ' || n, 'none ' || n,
      jsonb_build_object('sha256', n::text, 'size', n * 7919 % 100003, 'pages', n % 90 + 1,
        'original_filename', n || '.pdf'),
      'pdf', false, now() - n * interval '1 minute'
    FROM generate_series(1, :documents * 2) n
    """,
    "INSERT INTO placement (doc_id, namespace_id, user_id, placed_at) "
    "SELECT id, CASE WHEN id <= :documents THEN 1 ELSE 2 END, user_id, uploaded_at FROM document",
    "INSERT INTO namespace_doc (namespace_id, doc_id, vec_id) "
    "SELECT namespace_id, doc_id, '{}' FROM placement WHERE doc_id % 100 > 1",
    """
    INSERT INTO ingestion
      (doc_id, namespace_id, state, error, progress, chunks, attempts, owner_id, created_at, updated_at)
    SELECT doc_id, namespace_id, CASE doc_id % 100 WHEN 0 THEN 'failed' WHEN 1 THEN 'queued' ELSE 'ready' END,
      CASE doc_id % 100 WHEN 0 THEN 'It is damaged.' END, 1, 20, 1, user_id, now(), now() FROM placement
    """,
)
LISTINGS = {
    "default": Listing(),
    "added": Listing(sort="added"),
    "title": Listing(sort="title"),
    "-pages": Listing(sort="-pages"),
    "-size": Listing(sort="-size"),
    "failed": Listing(state="failed"),
    "pending": Listing(state="pending"),
    "ready": Listing(state="ready"),
    "containing": Listing(containing="4321"),
}


async def measure(sessions: Sessions, rounds: int) -> dict[str, float]:
    """Milliseconds of each listing, and of the numbers above the list."""
    principal = Principal(1, "user")

    async def once(listing: Listing | None) -> float:
        async with sessions.begin() as session:
            await session.connection()
            began = time.perf_counter()
            if listing is None:
                await namespace_listing.summary(session, principal, 1)
            else:
                await namespace_listing.documents_of(session, principal, 1, Pagination(), listing)
            return (time.perf_counter() - began) * 1000

    kinds: dict[str, Listing | None] = {**LISTINGS, "summary": None}
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, listing in kinds.items():
            taken[name].append(await once(listing))
    return {name: round(min(times), 1) for name, times in taken.items()}


async def _run(url: str, documents: int, rounds: int) -> dict[str, float]:
    engine = create_engine(url)
    await migrate.upgrade(engine)
    sessions = create_sessions(engine)
    async with sessions.begin() as session:
        for statement in _FILL:
            await session.execute(text(statement), {"documents": documents} if ":doc" in statement else {})
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    figures = await measure(sessions, rounds)
    await engine.dispose()
    return figures


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure the list of a namespace.")
    parser.add_argument("--documents", type=int, default=100_000, help="documents in it (default: 100,000)")
    parser.add_argument("--rounds", type=int, default=7, help="lists of each kind (default: 7)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder), grace=0) as url:
                figures = asyncio.run(_run(url, arguments.documents, arguments.rounds))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(figures).decode())
        return
    for name, milliseconds in figures.items():
        print(f"{name:>12}{milliseconds:10.1f}")


if __name__ == "__main__":
    main()
