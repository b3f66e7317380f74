"""The cost of access control in a search.

    python -m benchmarks.access [--documents 10000] [--namespaces 1000] [--searches 400] [--json]

Measures the dense search of `luma_rag.retrieval` with and without the predicate of `luma_rag.access`, for
each kind of caller, on a separate embedded database with random unit vectors. Each search runs in its own
transaction, as in a request. Namespaces in the search hold `--searched` documents of 5 chunks; the others
share the rest. A third of the namespaces are public, and the member belongs to one in a hundred.

Searches with and without the predicate form pairs in alternating order, so that other load on the machine
affects both. The cost is the median of the paired differences, with a distribution-free 95 % interval
(binomial order statistics). The embedding of the query, which takes most of the time of a search, is
excluded; including it would make the relative cost smaller.
"""

import argparse
import asyncio
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import msgspec
import numpy as np
from sqlalchemy import text, true
from sqlalchemy.ext.asyncio import AsyncEngine

from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.models.document import DIMENSIONS
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.retrieval import statement
from luma_rag.retrieval.search_query import SearchQuery
from luma_rag.retrieval.statement import Form, prepared, search_statement
from luma_rag.retrieval.vector_source import Layout

SEARCHED, PUBLIC = 1, 2
OWNER, MEMBER, READER, ADMIN = 1, 2, 3, 4
CHUNKS = 5
CALLERS = {
    "owner": (Principal(OWNER, "user"), SEARCHED),
    "member": (Principal(MEMBER, "user"), SEARCHED),
    "public reader": (Principal(READER, "user"), PUBLIC),
    "admin": (Principal(ADMIN, "admin"), SEARCHED),
    "narrowed token": (Principal(OWNER, "user", max_level=1, namespace_ids=frozenset({SEARCHED})), SEARCHED),
}
# Embeddings are sums of uniform random numbers, which approximates the spread of a model's vectors.
_FILL = """
INSERT INTO users (username, email, password, role)
  SELECT 'user ' || n, 'user' || n || '@example.com', '-', CASE n WHEN 4 THEN 'admin' ELSE 'user' END
  FROM generate_series(1, 100) n;
INSERT INTO namespace (user_id, name, is_public)
  SELECT CASE WHEN n <= 2 THEN 1 ELSE 5 + n % 96 END, 'namespace ' || n, n <> 1 AND n % 3 = 2
  FROM generate_series(1, {namespaces}) n;
INSERT INTO namespace_auth (user_id, namespace_id, auth_level)
  SELECT 2, n, 1 FROM generate_series(1, {namespaces}, greatest({namespaces} / 100, 1)) n;
INSERT INTO document (user_id, title, file_path, file_metadata, type, is_public, uploaded_at)
  SELECT 5 + n % 96, 'document ' || n, 'file ' || n, jsonb_build_object('sha256', n::text),
    'pdf', false, now()
  FROM generate_series(1, {documents}) n;
INSERT INTO passage (doc_id, ordinal, page, text) SELECT id, 0, 1, title FROM document;
INSERT INTO chunk (doc_id, ordinal, passage, start_char, end_char, tokens, page, text, embedding)
  SELECT d.id, k, 0, 0, 8, 2, 1, d.title, (
    SELECT l2_normalize(array_agg(random() - 0.5 + 0 * i * d.id * k)::real[]::vector)::halfvec
    FROM generate_series(1, {dimensions}) i)
  FROM document d, generate_series(0, {chunks} - 1) k;
INSERT INTO chunk_vector (namespace_id, doc_id, chunk_id, embedding)
  SELECT CASE WHEN doc_id <= 2 * {searched} THEN 1 + doc_id % 2 ELSE 3 + doc_id % ({namespaces} - 2) END,
    doc_id, id, embedding FROM chunk;
INSERT INTO namespace_doc (namespace_id, doc_id, vec_id)
  SELECT namespace_id, doc_id, array_agg(id::text ORDER BY id) FROM chunk_vector GROUP BY 1, 2
"""


class Cost(msgspec.Struct, frozen=True):
    """Results for one caller: the median without access control and the added time, both in milliseconds, and
    the ratio of the two.

    `low` and `high` are the bounds of the 95 % interval of `share`.
    """

    caller: str
    without: float
    added: float
    share: float
    low: float
    high: float


async def fill(engine: AsyncEngine, documents: int, namespaces: int, searched: int) -> None:
    """Create the users, namespaces, documents and vectors."""
    values = {
        "documents": documents,
        "namespaces": namespaces,
        "searched": searched,
        "dimensions": DIMENSIONS,
        "chunks": CHUNKS,
    }
    async with engine.begin() as connection:
        for statement in _FILL.split(";"):
            await connection.execute(text(statement.format(**values)))
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        # Index-only scans require that all rows are visible to all transactions.
        await autocommit.execute(text("VACUUM ANALYZE"))


async def measure(sessions: Sessions, caller: str, searches: int) -> Cost:
    """Search in pairs, with and without access control."""
    principal, namespace_id = CALLERS[caller]
    form = Form(principal.form, dense=True, lexical=False, narrowed=False, layout=Layout())
    with patch.object(statement, "permission", lambda *_: true()):
        free = prepared.__wrapped__(form)
    statements = {True: prepared(form), False: free}
    random = np.random.default_rng(7)
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(-20, searches):
        query = random.standard_normal(DIMENSIONS).astype(np.float32)
        query /= np.linalg.norm(query)
        asked = SearchQuery(embedding=query)
        _, parameters = search_statement(principal, namespace_id, asked, k=10)
        for with_access in (True, False) if number % 2 else (False, True):
            began = time.perf_counter()
            async with sessions.begin() as session:
                hits = (await session.execute(statements[with_access], parameters)).all()
            seconds = time.perf_counter() - began
            if len(hits) != 10:
                raise AssertionError(f"{principal}: found {len(hits)} of 10 hits")
            if number >= 0:  # Negative numbers are the warm-up.
                times[with_access].append(seconds * 1000)
    without = statistics.median(times[False])
    added, low, high = median_with_interval([w - wo for w, wo in zip(times[True], times[False], strict=True)])
    return Cost(
        caller, round(without, 3), round(added, 3), *(round(ms / without, 4) for ms in (added, low, high))
    )


def median_with_interval(values: list[float]) -> tuple[float, float, float]:
    """The median and its 95 % interval, from order statistics.

    This is the textbook distribution-free interval of the median in the normal approximation, so it requires
    several dozen values.
    """
    ordered = sorted(values)
    reach = 0.98 * math.sqrt(len(ordered))
    low = max(math.floor(len(ordered) / 2 - reach), 0)
    high = min(math.ceil(len(ordered) / 2 + reach), len(ordered) - 1)
    return statistics.median(ordered), ordered[low], ordered[high]


async def run(url: str, arguments: argparse.Namespace) -> list[Cost]:
    """Fill the database at this URL and measure each caller."""
    engine = create_engine(url, pool_size=1)
    await migrate.upgrade(engine)
    await fill(engine, arguments.documents, arguments.namespaces, arguments.searched)
    print("The database is filled.", file=sys.stderr)
    costs = [await measure(create_sessions(engine), caller, arguments.searches) for caller in CALLERS]
    await engine.dispose()
    return costs


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure the cost of access control in a search.")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--namespaces", type=int, default=1_000)
    parser.add_argument(
        "--searched", type=int, default=100, help="documents per searched namespace (default: 100)"
    )
    parser.add_argument(
        "--searches", type=int, default=400, help="per caller, with and without access control (default: 400)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder)) as url:
                costs = asyncio.run(run(url, arguments))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(costs).decode())
        return
    print(f"{'caller':16} {'without':>10} {'added':>10} {'share':>7}  95 %")
    for cost in costs:
        print(
            f"{cost.caller:16} {cost.without:7.3f} ms {cost.added:7.3f} ms {cost.share:7.1%}  "
            f"{cost.low:.1%} to {cost.high:.1%}"
        )


if __name__ == "__main__":
    main()
