"""Large namespaces get an HNSW index; results are correct before, during and after its creation."""

import asyncio
import json
import re
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Executable, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from luma_rag.db.embedded import as_superuser
from luma_rag.documents import namespace_documents, vector_index
from luma_rag.retrieval import statement
from luma_rag.retrieval.search_query import SearchQuery, query_terms
from luma_rag.retrieval.statement import search_statement
from luma_rag.retrieval.vector_source import Layout, VectorSource, namespace_profile
from luma_rag.verify import verify
from tests.databases import run_on
from tests.library import Library, vectors

SIZE = 3000
# In the current transaction.
USED = "SELECT relname FROM pg_class WHERE relkind = 'i' AND pg_stat_get_xact_numscans(oid) > 0"
SCANNED = "SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0"


class Explained(Executable, ClauseElement):
    """The plan of a statement."""

    inherit_cache = False

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement


@compiles(Explained)
def _explained(element: Explained, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiler.process(element.statement, **options)}"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lowers the size from which a namespace is large."""
    for name, size in (("PROMOTE_AT", 1500), ("DEMOTE_AT", 1000)):
        before = getattr(vector_index, name)
        monkeypatch.setattr(vector_index, "_WANTED", vector_index._WANTED.replace(str(before), str(size)))


async def is_indexed(library: Library, namespace: int) -> bool:
    async with library.store.sessions.begin() as session:
        return (await namespace_profile(session, library.owner, namespace))[1].indexed


async def found(library: Library, namespace: int, query: str, mode: str = "dense") -> list[str]:
    return [hit.text for hit in await library.search(namespace, query, mode, k=10)]


@pytest.mark.usefixtures("small")
async def test_namespace_is_promoted_and_demoted(library: Library) -> None:
    namespace, other = await library.namespace(), await library.namespace()
    texts = [f"clover n{i}" for i in range(SIZE)]
    doc_id = await library.add(texts, namespace)
    await library.add([f"thyme n{i}" for i in range(200)], other)
    queries = [f"clover n{i}" for i in range(0, SIZE, 100)]
    exact = {query: await found(library, namespace, query) for query in queries}
    assert not await is_indexed(library, namespace)

    making = asyncio.create_task(vector_index.maintain_hnsw(library.store.engine))
    rounds = 0
    while not making.done() or rounds < 2:
        for query in queries:
            assert (await found(library, namespace, query))[0] == query
        rounds += 1
    assert await making
    assert await is_indexed(library, namespace)
    assert not await is_indexed(library, other)
    assert not await vector_index.maintain_hnsw(library.store.engine)

    after = {query: await found(library, namespace, query) for query in queries}
    shared = sum(len(set(after[query]) & set(exact[query])) for query in queries)
    assert shared >= 0.95 * 10 * len(queries)
    name = {"name": f"ix_chunk_vector_hnsw_{namespace}"}
    scans = text("SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = :name")
    used = 0
    async with asyncio.timeout(30):
        # Each connection flushes its statistics at a time of its choosing.
        while not used:
            await found(library, namespace, queries[0])
            async with library.store.sessions.begin() as session:
                await session.execute(text("SELECT pg_stat_force_next_flush()"))
            async with library.store.sessions.begin() as session:
                used = await session.scalar(scans, name) or 0
    # It never returns vectors of another namespace, and removed vectors disappear at once.
    assert all("thyme" not in each for each in await found(library, namespace, "thyme n7"))
    async with library.store.sessions.begin() as session:
        await namespace_documents.remove(session, library.owner, namespace, doc_id)
    assert await found(library, namespace, queries[0]) == []
    await library.add(["clover again"], namespace)
    assert await found(library, namespace, "clover again", "hybrid") == ["clover again"]

    assert await vector_index.maintain_hnsw(library.store.engine)
    assert not await is_indexed(library, namespace)
    assert await found(library, namespace, "clover again", "hybrid") == ["clover again"]


@pytest.mark.usefixtures("small")
async def test_index_search_depth_grows_with_the_namespace(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = await library.namespace()
    await library.add([f"clover n{i}" for i in range(SIZE)], namespace)
    assert await vector_index.maintain_hnsw(library.store.engine)
    async with library.store.sessions.begin() as session:
        # Autovacuum has not run yet, so the statistics still describe a small table.
        await session.execute(text("ANALYZE chunk_vector"))

    async def looked_at() -> tuple[int, int]:
        """The number of index pages read, and the setting in use."""
        statement.prepared.cache_clear()
        question = SearchQuery(embedding=vectors(["clover n7"])[0])
        query = search_statement(
            library.owner, namespace, question, k=10, source=VectorSource(layout=Layout(indexed=True))
        )
        async with library.store.sessions.begin() as session:
            plan = (await session.execute(Explained(query[0]), query[1])).scalar_one()
            look = await session.scalar(text("SHOW hnsw.ef_search"))
        async with library.store.sessions.begin() as session:
            assert await session.scalar(text("SHOW hnsw.ef_search")) == "40"
        scan = f'"Index Name": "ix_chunk_vector_hnsw_{namespace}".*?"Shared Hit Blocks": ([0-9]+)'
        (read,) = re.findall(scan, json.dumps(plan))
        return int(read), int(look or 0)

    read, look = await looked_at()
    assert look == statement.EF_SEARCH
    # As if there were a hundred times the number from which it grows.
    monkeypatch.setattr(statement, "EF_SEARCH_SIZE", SIZE / 100)
    more, further = await looked_at()
    assert further == pytest.approx(look * 1.5**2, rel=0.01)
    assert more > 1.2 * read
    monkeypatch.setattr(statement, "EF_SEARCH_SIZE", SIZE / 1e12)
    assert (await looked_at())[1] == 1000
    monkeypatch.undo()
    statement.prepared.cache_clear()


@pytest.mark.usefixtures("small")
async def test_searches_of_a_large_namespace_scan_no_whole_table(library: Library) -> None:
    namespace = await library.namespace()
    await library.add([f"clover n{i}" for i in range(SIZE)], namespace)
    await library.add([f"thyme n{i}" for i in range(SIZE)], await library.namespace())
    assert await vector_index.maintain_hnsw(library.store.engine)
    tables = ("chunk_vector", "chunk", "lexical_posting", "lexical_vector")
    async with library.store.sessions.begin() as session:
        # As autovacuum will have done when the namespace is that large.
        await session.execute(text(f"ANALYZE {', '.join(tables)}"))
    question = SearchQuery(vectors(["clover n7"])[0], query_terms("clover n7", ["en"]))
    source = VectorSource(layout=Layout(indexed=True))
    query = search_statement(library.owner, namespace, question, k=10, source=source)
    # EXPLAIN would plan for the values; searches use the generic plan of their connection.
    async with library.store.sessions.begin() as session:
        assert (await session.execute(*query)).all()
        used = set(await session.scalars(text(USED)))
        scanned = set(await session.scalars(text(SCANNED)))
    assert used >= {f"ix_chunk_vector_hnsw_{namespace}", "pk_lexical_posting", "pk_lexical_vector"}
    assert scanned.isdisjoint(tables)
    statement.prepared.cache_clear()


@pytest.mark.usefixtures("small")
async def test_incomplete_index_is_rebuilt(library: Library) -> None:
    namespace = await library.namespace()
    await library.add([f"clover n{i}" for i in range(1600)], namespace)
    assert await vector_index.maintain_hnsw(library.store.engine)
    await run_on(
        as_superuser(library.store.url),
        "UPDATE pg_index SET indisvalid = false "
        f"WHERE indexrelid = 'ix_chunk_vector_hnsw_{namespace}'::regclass",
    )
    assert not await is_indexed(library, namespace)
    assert (await found(library, namespace, "clover n5"))[0] == "clover n5"
    verdict = await verify(library.store.sessions, library.store.storage)
    assert "invalid-index" not in {finding.check for finding in verdict.findings}
    assert await vector_index.maintain_hnsw(library.store.engine)
    assert await is_indexed(library, namespace)


@pytest.mark.usefixtures("small")
async def test_index_of_a_deleted_namespace_is_dropped(library: Library) -> None:
    namespace = await library.namespace()
    await library.add([f"clover n{i}" for i in range(1600)], namespace)
    assert await vector_index.maintain_hnsw(library.store.engine)
    async with library.store.sessions.begin() as session:
        await session.execute(text("DELETE FROM namespace"))
    assert await vector_index.maintain_hnsw(library.store.engine)
    assert not await is_indexed(library, namespace)
    assert not await vector_index.maintain_hnsw(library.store.engine)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
async def test_concurrent_search_sees_a_document_completely_or_not_at_all(
    library: Library, mode: str
) -> None:
    namespace = await library.namespace()
    base = await library.add([f"clover n{i}" for i in range(1600)], namespace)
    changing = [f"moth n{i}" for i in range(40)]
    there = {"moth": False, "clover": True}

    async def change() -> None:
        making = asyncio.create_task(vector_index.maintain_hnsw(library.store.engine))
        for _ in range(3):
            # As when a document is ingested again: deleted and restored with all of its rows.
            doc_id = await library.add(changing, namespace)
            there["moth"] = True
            await asyncio.sleep(0.3)
            there["moth"] = False
            await drop(doc_id)
        await making
        there["clover"] = False
        await drop(base)
        assert await vector_index.maintain_hnsw(library.store.engine)

    async def drop(doc_id: int) -> None:
        async with library.store.sessions.begin() as session:
            await namespace_documents.remove(session, library.owner, namespace, doc_id)

    async def is_right() -> None:
        for query in ("moth n7", "moth n31", "clover n5", "clover n1234"):
            kind = query.split()[0]
            certain = there[kind]
            hits = await found(library, namespace, query, mode)
            if query in hits:
                assert hits[0] == query
            else:
                # Before its insertion or after its deletion, none of it is visible.
                assert not (certain and there[kind])
                assert not [text for text in hits if text.startswith(kind)]

    changes = asyncio.create_task(change())
    rounds = 0
    while not changes.done():
        await is_right()
        rounds += 1
    await changes
    assert rounds > 3
    assert await found(library, namespace, "clover n5", mode) == []
    assert not await is_indexed(library, namespace)
