"""After a start of Postgres, the worker reads what searches in large namespaces read."""

from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from luma_rag.documents import prewarming
from tests.library import Library

READ = "SELECT relname FROM pg_stat_xact_user_tables WHERE coalesce(idx_scan, 0) + coalesce(seq_scan, 0) > 0"


async def test_only_large_namespaces_are_read_after_a_start(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (30, 60, 90):
        await library.add([f"clover n{i}" for i in range(size)], await library.namespace())
    assert await prewarming.prewarm(library.store.engine) == 0
    large = prewarming._WANTED.replace(f">= {prewarming.MIN_CHUNKS}", ">= 50")
    since = f"{prewarming.SINCE_MINUTES} min"
    # The server of the tests may have been running for longer.
    monkeypatch.setattr(prewarming, "_WANTED", large.replace(since, "1 year"))
    assert await prewarming.prewarm(library.store.engine) == 2
    monkeypatch.setattr(prewarming, "_WANTED", large.replace(since, "0 min"))
    assert await prewarming.prewarm(library.store.engine) == 0
    # Of those that don't fit into memory, the largest is read.
    scarce = large.replace(since, "1 year").replace(f"* {prewarming.CHUNK_BYTES}", "* 1000000000")
    scarce = scarce.replace(f", {prewarming.MAX_BYTES})", ", 1e18)")
    monkeypatch.setattr(prewarming, "_WANTED", scarce)
    assert await prewarming.prewarm(library.store.engine) == 1


async def test_all_that_a_search_reads_is_read(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(["bees like clover", "moths like thyme"], namespace)
    async with library.store.engine.connect() as connection:
        await prewarming._read(connection, namespace)
        read = set(await connection.scalars(text(READ)))
    assert read >= {"chunk_vector", "lexical_chunk", "lexical_posting", "lexical_vector"}


@pytest.mark.parametrize("is_complete", [True, False])
async def test_an_index_that_is_not_complete_is_not_counted_on(library: Library, is_complete: bool) -> None:
    namespace = await library.namespace()
    for i in range(5):
        await library.add([f"clover n{i}"], namespace)
    name = f"ix_chunk_vector_hnsw_{namespace}"
    looked_up: list[int] = []
    async with library.store.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if is_complete:
            await connection.execute(text(f"CREATE INDEX {name} ON chunk_vector (id)"))
        else:
            # It fails because of duplicates, and leaves an index as a canceled one does.
            with pytest.raises(IntegrityError):
                await connection.execute(
                    text(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON chunk_vector (namespace_id)")
                )

        def note(*args: Any) -> None:
            if "ORDER BY embedding" in args[2]:
                looked_up.append(len(args[3][0]))

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await prewarming._read(connection, namespace)
        event.remove(connection.sync_connection, "before_cursor_execute", note)
    # Without the index, each of them would read all vectors.
    assert looked_up == [5 if is_complete else 1]
