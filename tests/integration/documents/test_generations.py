"""A namespace gets vectors by another model beside those that are searched, and changes between them."""

import asyncio

import msgspec
import numpy as np
import pytest
from sqlalchemy import func, select, text

from ingest.embedding import ModelSpec
from luma_rag.access import Principal
from luma_rag.db.models import ChunkVector, EmbeddingModel, Generation, GenerationVector
from luma_rag.documents import generation_removal, models, namespace_documents, reindexing, vector_index
from luma_rag.documents.embeddings import DocumentText, embed
from luma_rag.documents.generations import KeptGeneration
from luma_rag.errors import ConflictError, ForbiddenError, NotFoundError
from luma_rag.retrieval.vector_source import namespace_profile
from luma_rag.verify import verify
from tests.library import Library
from tests.synthetic_models import SyntheticModel, load_synthetic

WIDE = 1500
"""Dimensions of a vector that does not fit into a covering index."""


async def begin(library: Library, namespace: int, dimensions: int) -> KeptGeneration:
    assert library.models is not None
    model_id = await library.models.learn(SyntheticModel(dimensions))
    async with library.store.sessions.begin() as session:
        found = await reindexing.begin(session, library.owner, namespace, model_id)
    assert found is not None
    return found


async def fill(library: Library, namespace: int, generation: KeptGeneration) -> int:
    """The number of documents that were embedded."""
    assert library.models is not None
    done: list[int] = []
    await reindexing.fill(
        library.store.sessions, library.models, library.owner, namespace, generation, done.append
    )
    return len(done)


async def switch(library: Library, namespace: int) -> bool:
    async with library.store.sessions.begin() as session:
        other = await reindexing.other(session, library.owner, namespace)
        assert other is not None
        return await reindexing.switch(session, library.owner, namespace, other.id)


async def dimensions_in(library: Library, namespace: int) -> int:
    async with library.store.sessions.begin() as session:
        return (await namespace_profile(session, library.owner, namespace))[1].layout.dimensions


async def found(library: Library, namespace: int, query: str, mode: str = "dense") -> list[str]:
    return [hit.text for hit in await library.search(namespace, query, mode)]


async def assert_consistent(library: Library) -> None:
    verdict = await verify(library.store.sessions, library.store.storage, deep=True)
    assert {finding.check for finding in verdict.findings} <= {"missing-file", "no-administrator"}


@pytest.mark.parametrize("dimensions", [8, 1300, WIDE, 4000])
async def test_vectors_of_any_length_are_searched(library: Library, dimensions: int) -> None:
    namespace = await library.namespace()
    await library.add(["clover grows", "ivy climbs"], namespace)
    await library.add(["thyme smells"], namespace)
    generation = await begin(library, namespace, dimensions)
    assert not await switch(library, namespace)
    assert await fill(library, namespace, generation) == 2
    assert await switch(library, namespace)
    assert await dimensions_in(library, namespace) == dimensions
    late = await library.add(["moss waits"], namespace)
    for mode in ("dense", "hybrid", "lexical"):
        for query in ("clover grows", "thyme smells", "moss waits"):
            assert (await found(library, namespace, query, mode))[0] == query
        narrowed = await library.search(namespace, "moss waits", mode, doc_ids=[late])
        assert [hit.text for hit in narrowed] == ["moss waits"]
    cosines = [hit.similarity for hit in await library.search(namespace, "ivy climbs", "hybrid")]
    assert cosines[0] == pytest.approx(1, abs=0.01)
    await assert_consistent(library)


async def test_namespaces_with_different_models_share_a_document(library: Library) -> None:
    old, new = await library.namespace(), await library.namespace()
    await library.add(["clover grows"], old)
    await library.add(["ivy climbs"], new)
    generation = await begin(library, new, 64)
    await fill(library, new, generation)
    assert await switch(library, new)
    shared = await library.add(["thyme smells"], old, new)
    linked = await library.add(["moss waits"], old)
    await library.link(linked, new)
    for namespace, dimensions in ((old, 384), (new, 64)):
        assert await dimensions_in(library, namespace) == dimensions
        for query in ("thyme smells", "moss waits"):
            assert (await found(library, namespace, query))[0] == query
    async with library.store.sessions.begin() as session:
        await namespace_documents.remove(session, library.owner, new, shared)
    assert "thyme smells" not in await found(library, new, "thyme smells")
    assert (await found(library, old, "thyme smells"))[0] == "thyme smells"
    await assert_consistent(library)


async def test_new_namespaces_have_the_current_model(library: Library) -> None:
    assert library.models is not None
    model_id = await library.models.learn(SyntheticModel(64))
    before, after = await library.namespace(), await library.namespace()
    await library.add(["clover grows"], before)
    async with library.store.sessions.begin() as session:
        await models.make_current(session, model_id)
    await library.add(["clover grows"], after)
    assert [await dimensions_in(library, each) for each in (before, after)] == [384, 64]
    for namespace in (before, after):
        assert await found(library, namespace, "clover grows") == ["clover grows"]
    await assert_consistent(library)


async def test_searches_and_uploads_go_on_during_a_change(library: Library) -> None:
    namespace = await library.namespace()
    texts = [f"clover n{i}" for i in range(40)]
    for start in range(0, 40, 4):
        await library.add(texts[start : start + 4], namespace)
    generation = await begin(library, namespace, 64)
    seen: set[int] = set()

    async def search() -> None:
        while not changing.done():
            for query in texts[::7]:
                # A vector of the wrong length would be an error.
                assert (await found(library, namespace, query, "hybrid"))[0] == query
            seen.add(await dimensions_in(library, namespace))

    async def change() -> None:
        filling = asyncio.create_task(fill(library, namespace, generation))
        for i in range(5):
            await library.add([f"moss n{i}"], namespace)
            texts.append(f"moss n{i}")
        await filling
        while not await switch(library, namespace):
            await fill(library, namespace, generation)
        await library.add(["ivy n0"], namespace)
        # The earlier vectors are complete at any time.
        for _ in range(3):
            assert await switch(library, namespace)

    changing = asyncio.create_task(change())
    await asyncio.gather(changing, search(), search())
    assert seen == {384, 64}
    for query in [*texts, "ivy n0"]:
        assert (await found(library, namespace, query))[0] == query
    await assert_consistent(library)


async def test_an_interrupted_change_continues(library: Library) -> None:
    namespace = await library.namespace()
    for i in range(6):
        await library.add([f"clover n{i}"], namespace)
    generation = await begin(library, namespace, 64)
    assert library.models is not None
    done: list[int] = []

    def stop_at_four(chunks: int) -> None:
        done.append(chunks)
        if len(done) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await reindexing.fill(
            library.store.sessions, library.models, library.owner, namespace, generation, stop_at_four
        )
    async with library.store.sessions.begin() as session:
        extent = await reindexing.extent(session, library.owner, namespace, generation)
    assert (extent.documents, extent.all_documents, extent.all_chunks) == (4, 6, 6)
    assert not await switch(library, namespace)
    assert await begin(library, namespace, 64) == generation
    assert await fill(library, namespace, generation) == 2
    assert await switch(library, namespace)
    await assert_consistent(library)


async def test_earlier_vectors_are_removed(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation_removal, "_BATCH", 2)
    namespace = await library.namespace()
    for i in range(5):
        await library.add([f"clover n{i}"], namespace)
    for dimensions in (WIDE, 64):
        generation = await begin(library, namespace, dimensions)
        await fill(library, namespace, generation)
        assert await switch(library, namespace)
        with pytest.raises(ConflictError, match="--remove-old"):
            await begin(library, namespace, 99)
        assert await generation_removal.remove(library.store.sessions, library.owner, namespace)
        assert not await generation_removal.remove(library.store.sessions, library.owner, namespace)
        await assert_consistent(library)
    async with library.store.sessions.begin() as session:
        inline = select(func.count()).where(ChunkVector.embedding.is_not(None))
        assert await session.scalar(inline) == 0
        lengths = await session.scalars(select(func.vector_dims(GenerationVector.embedding)).distinct())
        assert lengths.all() == [64]
        lengths = await session.scalars(text("SELECT DISTINCT vector_dims(embedding) FROM chunk_embedding"))
        assert lengths.all() == [64]
    async with library.store.sessions.begin() as session:
        assert await reindexing.other(session, library.owner, namespace) is None
    assert (await found(library, namespace, "clover n3"))[0] == "clover n3"


async def test_an_interrupted_removal_is_finished_first(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(["clover grows"], namespace)
    generation = await begin(library, namespace, 64)
    await fill(library, namespace, generation)
    async with library.store.sessions.begin() as session:
        (await session.get_one(Generation, generation.id)).state = "removing"
    with pytest.raises(ConflictError, match="being removed"):
        await begin(library, namespace, 64)
    assert await generation_removal.remove(library.store.sessions, library.owner, namespace)
    await fill(library, namespace, await begin(library, namespace, 64))
    assert await switch(library, namespace)
    await assert_consistent(library)


async def test_large_namespaces_have_an_index_before_the_change(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("PROMOTE_AT", 300), ("DEMOTE_AT", 200)):
        before = str(getattr(vector_index, name))
        monkeypatch.setattr(vector_index, "_WANTED", vector_index._WANTED.replace(before, str(size)))
    namespace = await library.namespace()
    await library.add([f"clover n{i}" for i in range(400)], namespace)
    assert await vector_index.maintain_hnsw(library.store.engine)
    generation = await begin(library, namespace, WIDE)
    assert not await vector_index.maintain_hnsw(library.store.engine)
    await fill(library, namespace, generation)
    await vector_index.make(library.store.engine, generation.id)
    assert await switch(library, namespace)
    async with library.store.sessions.begin() as session:
        assert (await namespace_profile(session, library.owner, namespace))[1].indexed
    assert not await vector_index.maintain_hnsw(library.store.engine)
    for mode in ("dense", "hybrid"):
        assert (await found(library, namespace, "clover n321", mode))[0] == "clover n321"
    assert await generation_removal.remove(library.store.sessions, library.owner, namespace)
    assert await vector_index.maintain_hnsw(library.store.engine)
    async with library.store.sessions.begin() as session:
        indexes = await session.scalars(text("SELECT relname FROM pg_class WHERE relname LIKE '%hnsw_%'"))
        assert indexes.all() == [f"ix_generation_vector_hnsw_{generation.id}"]


async def test_only_those_who_manage_a_namespace_change_its_vectors(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(["clover grows"], namespace)
    await begin(library, namespace, 64)
    stranger = Principal(library.owner.user_id + 1, "user")
    async with library.store.sessions.begin() as session:
        with pytest.raises((ForbiddenError, NotFoundError)):
            await reindexing.switch(session, stranger, namespace, 1)
        with pytest.raises((ForbiddenError, NotFoundError)):
            await reindexing.begin(session, stranger, namespace, 1)
    with pytest.raises((ForbiddenError, NotFoundError)):
        await generation_removal.remove(library.store.sessions, stranger, namespace)


async def test_a_model_that_changed_is_not_used(library: Library) -> None:
    assert library.models is not None
    model_id = await library.models.learn(SyntheticModel(64))
    async with library.store.sessions.begin() as session:
        recorded = await session.get_one(EmbeddingModel, model_id)
        recorded.sha256 = "another"
    with pytest.raises(Exception, match=r"made by synthetic-64 .* in its place"):
        models.load_recorded(recorded, load_synthetic)


async def test_a_model_that_moved_is_found_at_its_new_address(library: Library) -> None:
    assert library.models is not None
    moved = SyntheticModel(64)
    model_id = await library.models.learn(SyntheticModel(64))
    moved.spec = msgspec.structs.replace(moved.spec, name="http://new.example/v1")
    assert await library.models.learn(moved) == model_id
    async with library.store.sessions.begin() as session:
        recorded = await session.get_one(EmbeddingModel, model_id)
        assert recorded.spec is not None
        assert msgspec.convert(recorded.spec, ModelSpec) == moved.spec


def test_chunks_that_are_too_long_for_a_model_are_embedded_in_parts() -> None:
    model = SyntheticModel(64, max_tokens=100)
    long = "\n\n".join(f"Sentence {i} about clover, ivy and moss in the garden." for i in range(20))
    made = embed(model, DocumentText("Garden", [("Plants", long), (None, "short")]))
    assert made.shape == (2, 64)
    assert np.linalg.norm(made, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert float(made[1] @ model.embed_query("short")) == pytest.approx(1, abs=1e-5)


async def test_two_switches_at_once_do_not_undo_each_other(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(["clover grows"], namespace)
    generation = await begin(library, namespace, 8)
    await fill(library, namespace, generation)
    for _ in range(2):
        async with library.store.sessions.begin() as session:
            assert await reindexing.switch(session, library.owner, namespace, generation.id)
        assert await dimensions_in(library, namespace) == 8
    async with library.store.sessions.begin() as session:
        with pytest.raises(ConflictError):
            await reindexing.switch(session, library.owner, namespace, generation.id + 1)


async def test_waiting_to_make_an_index_does_not_stop_its_holder(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "_LOCK_SECONDS", 0.01)
    namespace = await library.namespace()
    await library.add(["clover grows"], namespace)
    generation = await begin(library, namespace, 8)
    async with library.store.engine.connect() as opened:
        holder = await opened.execution_options(isolation_level="AUTOCOMMIT")
        await holder.execute(select(func.pg_advisory_lock(vector_index._LOCK)))
        waiting = asyncio.create_task(vector_index.make(library.store.engine, generation.id))
        await asyncio.sleep(0.2)
        # It waits for all snapshots. With one of the waiting connection, Postgres would see a deadlock.
        async with asyncio.timeout(20):
            await holder.execute(text("CREATE INDEX CONCURRENTLY ix_held ON chunk_vector (doc_id)"))
        await holder.execute(text("DROP INDEX ix_held"))
        await holder.execute(select(func.pg_advisory_unlock(vector_index._LOCK)))
    async with asyncio.timeout(20):
        await waiting
