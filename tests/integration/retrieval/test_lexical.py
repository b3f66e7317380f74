"""BM25: scores match the reference after any sequence of additions and removals."""

import asyncio
import math
import random
from collections.abc import Sequence

import bm25s
import numpy as np
import pytest
from alembic import command
from sqlalchemy import Connection, delete, text

from ingest.words import words
from luma_rag.access import Principal
from luma_rag.db import migrate
from luma_rag.db.models import LexicalDocument, LexicalMember
from luma_rag.documents import lexical_index, namespace_documents, segment_compaction, service
from luma_rag.retrieval import lexical_statement, statement
from luma_rag.runtime import Store
from luma_rag.verify import verify
from tests.library import Library

# Some words are frequent and some are rare, as in natural text.
VOCABULARY = [f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300)]
WEIGHTS = [1 / (i + 1) for i in range(300)]


def sentence(rng: random.Random, longest: int = 60) -> str:
    return " ".join(rng.choices(VOCABULARY, WEIGHTS, k=rng.randint(3, longest)))


def reference(texts: Sequence[str], query: str) -> np.ndarray:
    """The scores of bm25s, in the order of the texts."""
    model = bm25s.BM25(k1=lexical_index.K1, b=lexical_index.B, method="lucene")
    model.index([words(each, "en") for each in texts], show_progress=False)
    known = [word for word in words(query, "en") if word in model.vocab_dict]
    return model.get_scores(known) if known else np.zeros(len(texts))


async def scores(library: Library, namespace: int, query: str, count: int) -> dict[str, float]:
    return {hit.text: hit.score for hit in await library.search(namespace, query, k=count)}


async def whole(store: Store) -> None:
    verdict = await verify(store.sessions, store.storage, deep=True)
    # There are no files and no administrator here, and the vectors are synthetic.
    found = {each.check: each.examples for each in verdict.findings}
    assert found.keys() <= {"missing-file", "embedding-model", "no-administrator"}, found


async def compacted(store: Store) -> int:
    done = 0
    while await segment_compaction.compact(store.sessions):
        done += 1
    return done


async def test_scores_match_the_reference(library: Library) -> None:
    rng = random.Random(1)
    texts = sorted({sentence(rng) for _ in range(120)})
    namespace = await library.namespace()
    await library.add(texts, namespace)
    for _ in range(20):
        query = sentence(rng, 6)
        expected = reference(texts, query)
        found = await scores(library, namespace, query, 100)
        by_text = dict(zip(texts, expected, strict=True))
        assert found == pytest.approx({text: by_text[text] for text in found}, abs=1e-4)
        # The order of the last hits with equal scores is unspecified.
        best = sorted(expected, reverse=True)[: len(found)]
        assert list(found.values()) == pytest.approx(best, abs=1e-4)
        assert len(found) == min(100, int((expected > 0).sum()))


async def test_repeated_query_term_counts_twice(library: Library) -> None:
    texts = ["clover and thyme", "thyme and sage", "sage and rue"]
    namespace = await library.namespace()
    await library.add(texts, namespace)
    expected = reference(texts, "thyme thyme sage")
    found = await scores(library, namespace, "thyme thyme sage", 3)
    assert found == pytest.approx({texts[i]: expected[i] for i in range(3)}, abs=1e-4)


async def test_statistics_are_current(library: Library) -> None:
    rng = random.Random(2)
    namespace, other = await library.namespace(), await library.namespace()
    chunk_count: dict[int, list[str]] = {}
    for step in range(30):
        if chunk_count and rng.random() < 0.3:
            doc_id = rng.choice(list(chunk_count))
            del chunk_count[doc_id]
            async with library.store.sessions.begin() as session:
                if rng.random() < 0.5:
                    await namespace_documents.remove(session, library.owner, namespace, doc_id)
                else:
                    await session.execute(text("DELETE FROM document WHERE id = :id"), {"id": doc_id})
        else:
            texts = [f"{sentence(rng, 20)} n{step}x{i}" for i in range(rng.randint(1, 4))]
            # Statistics of other namespaces do not count.
            chunk_count[await library.add(texts, namespace, *[other] * (step % 2))] = texts
        if step % 7 == 6:
            await segment_compaction.compact(library.store.sessions)
    await compacted(library.store)
    await whole(library.store)
    texts = [each for chunks in chunk_count.values() for each in chunks]
    async with library.store.sessions.begin() as session:
        # As the compaction does when the mean length has changed enough.
        segments = (
            await session.scalars(text(f"SELECT id FROM lexical_segment WHERE namespace_id = {namespace}"))
        ).all()
        await segment_compaction._replace(session, namespace, segments)
    await whole(library.store)
    for query in (sentence(rng, 5) for _ in range(10)):
        expected = reference(texts, query)
        found = await scores(library, namespace, query, 100)
        assert found == pytest.approx(
            {each: score for each, score in zip(texts, expected, strict=True) if score > 0}, abs=1e-4
        )


async def test_concurrent_additions_and_removals(library: Library) -> None:
    rng = random.Random(3)
    namespace = await library.namespace()
    first = [await library.add([sentence(rng)], namespace) for _ in range(10)]
    # One segment contains them all, so that concurrent deletions conflict in it.
    assert await segment_compaction.compact(library.store.sessions)

    async def remove(doc_id: int) -> None:
        async with library.store.sessions.begin() as session:
            await namespace_documents.remove(session, library.owner, namespace, doc_id)

    adding = [library.add([sentence(rng) for _ in range(3)], namespace) for _ in range(6)]
    await asyncio.gather(*map(remove, first), *adding, segment_compaction.compact(library.store.sessions))
    await compacted(library.store)
    await whole(library.store)
    assert {hit.doc_id for hit in await library.search(namespace, VOCABULARY[0], k=100)}.isdisjoint(first)


async def test_searches_are_correct_during_compaction(library: Library) -> None:
    rng = random.Random(4)
    namespace = await library.namespace()
    for i in range(24):
        await library.add([f"{sentence(rng)} n{i}"], namespace)
    query = " ".join(VOCABULARY[:8])
    before = [hit.vec_id for hit in await library.search(namespace, query, k=24)]
    compacting = asyncio.create_task(compacted(library.store))
    rounds = 0
    while not compacting.done() or rounds < 3:
        found = [hit.vec_id for hit in await library.search(namespace, query, k=24)]
        # Weights follow the mean length, so adjacent hits may swap; none is lost or duplicated.
        assert sorted(found) == sorted(before)
        rounds += 1
    assert compacting.result() >= 1


async def test_compaction_leaves_few_segments(library: Library) -> None:
    namespace = await library.namespace()
    for i in range(17):
        await library.add([f"bees like clover n{i}"], namespace)
    assert await compacted(library.store) >= 1
    async with library.store.sessions.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM lexical_segment")) < segment_compaction.FANOUT
    await whole(library.store)
    assert not await segment_compaction.compact(library.store.sessions)


async def test_existing_documents_are_backfilled(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(["Bees like clover.", "Wasps build of paper."], namespace)
    async with library.store.sessions.begin() as session:
        for table in (LexicalMember, LexicalDocument):
            await session.execute(delete(table))
        await session.execute(text("DELETE FROM lexical_chunk"))
        await session.execute(text("DELETE FROM lexical_vector"))
    assert await library.search(namespace, "clover") == []
    assert await segment_compaction.compact(library.store.sessions)
    assert [hit.text for hit in await library.search(namespace, "clover")] == ["Bees like clover."]
    await whole(library.store)


async def test_additional_namespace_copies_the_terms(library: Library) -> None:
    one, two = await library.namespace(), await library.namespace()
    doc_id = await library.add(["Bees like clover."], one)
    await library.link(doc_id, two)
    assert [hit.doc_id for hit in await library.search(two, "clover")] == [doc_id]
    async with library.store.sessions.begin() as session:
        await namespace_documents.remove(session, library.owner, one, doc_id)
    assert await library.search(one, "clover") == []
    assert [hit.doc_id for hit in await library.search(two, "clover")] == [doc_id]
    await whole(library.store)


async def test_deleting_a_namespace_deletes_its_terms(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(["Bees like clover."], namespace)
    async with library.store.sessions.begin() as session:
        await session.execute(text("DELETE FROM namespace"))
        for table in ("segment", "member", "posting", "vector"):
            assert await session.scalar(text(f"SELECT count(*) FROM lexical_{table}")) == 0
        assert await session.scalar(text("SELECT count(*) FROM lexical_chunk")) == 1


async def test_frequent_terms_are_skipped_beside_rare_ones(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    texts = [f"often {sentence(rng)} n{i}" for i in range(100)]
    texts[7] += " seldom"
    namespace = await library.namespace()
    await library.add(texts, namespace)
    monkeypatch.setattr(lexical_statement, "MAX_POSTINGS", 20)
    statement.prepared.cache_clear()
    found = await library.search(namespace, "often seldom", k=100)
    assert found[0].text == texts[7]
    # Its score still includes both words.
    assert found[0].score == pytest.approx(float(reference(texts, "often seldom")[7]), abs=1e-4)
    # The frequent word fills the rest of the limit, by the chunks in which it weighs most.
    alone = sorted(map(float, reference(texts, "often")), reverse=True)
    assert [hit.score for hit in found[1:]] == pytest.approx(alone[: len(found) - 1], abs=1e-4)
    assert len(found) in {19, 20}
    # Without a rarer term, the frequent one is used.
    assert len(await library.search(namespace, "often", k=100)) == 20
    monkeypatch.setattr(lexical_statement, "MAX_POSTINGS_OF_TERM", 15)
    statement.prepared.cache_clear()
    assert len(await library.search(namespace, "often", k=100)) == 15
    monkeypatch.setattr(lexical_statement, "MAX_POSTINGS_OF_TERM", 5_000)
    # A large namespace reads a share of its postings.
    monkeypatch.setattr(lexical_statement, "MAX_POSTINGS_RATIO", 2)
    statement.prepared.cache_clear()
    assert len(await library.search(namespace, "often seldom", k=100)) == 100
    statement.prepared.cache_clear()


async def test_low_weight_postings_are_skipped_beside_high_weight_ones(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(7)
    # The longer a chunk, the lower the weight of a word in it.
    texts = [f"often {sentence(rng, longest)} n{longest}" for longest in range(4, 104)]
    texts[7] += " seldom"
    namespace = await library.namespace()
    await library.add(texts, namespace)
    expected = {
        each: float(score) for each, score in zip(texts, reference(texts, "often seldom"), strict=True)
    }
    assert await scores(library, namespace, "often seldom", 100) == pytest.approx(expected, abs=1e-4)
    seldom, often = (float(reference(texts, word)[7]) for word in ("seldom", "often"))
    # Between the weights in the longest and the shortest chunk.
    monkeypatch.setattr(lexical_statement, "PRUNE_AFTER", 0)
    idf = math.log(1 + 99.5 / 1.5)
    monkeypatch.setattr(lexical_statement, "MIN_WEIGHT_RATIO", often / idf)
    statement.prepared.cache_clear()
    found = await scores(library, namespace, "often seldom", 100)
    alone = {each: float(score) for each, score in zip(texts, reference(texts, "often"), strict=True)}
    assert found.keys() == {each for each in texts if alone[each] > often * (1 + 1e-4)} | {texts[7]}
    assert 1 < len(found) < 99
    # Hits have their complete score.
    assert found[texts[7]] == pytest.approx(seldom + often, abs=1e-4)
    statement.prepared.cache_clear()


async def test_large_namespaces_score_more_candidates_that_are_near_the_best(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(9)
    short, long = ([f"clover n{n} {'moth ' * length}" for n in range(4)] for length in (2, 200))
    namespace = await library.namespace()
    await library.add([*short, *long, *(sentence(rng, 30) for _ in range(92))], namespace)
    assert len(await library.search(namespace, "clover", k=100)) == 8
    # The namespace is then a hundred times as large, and twenty are scored instead of two.
    monkeypatch.setattr(lexical_statement, "SCORED", 2)
    monkeypatch.setattr(lexical_statement, "MAX_SCORED_SIZE", 1)
    statement.prepared.cache_clear()
    assert {hit.text for hit in await library.search(namespace, "clover", k=100)} == set(short)
    monkeypatch.setattr(lexical_statement, "MAX_SCORED_SIZE", 100)
    statement.prepared.cache_clear()
    assert len(await library.search(namespace, "clover", k=100)) == 2
    statement.prepared.cache_clear()


def _downgrade(connection: Connection, revision: str) -> None:
    configuration = migrate.config()
    configuration.attributes["connection"] = connection
    command.downgrade(configuration, revision)


async def test_existing_postings_are_ordered_by_weight(library: Library) -> None:
    rng = random.Random(8)
    namespace = await library.namespace()
    await library.add([f"{sentence(rng)} n{i}" for i in range(60)], namespace)
    query = " ".join(VOCABULARY[:5])
    before = await scores(library, namespace, query, 60)
    backwards = "ARRAY(SELECT x FROM unnest({0}) WITH ORDINALITY AS u (x, n) ORDER BY n DESC)"
    async with library.store.sessions.begin() as session:
        both = ", ".join(f"{each} = {backwards.format(each)}" for each in ("vectors", "weights"))
        await session.execute(text(f"UPDATE lexical_posting SET {both}"))
    with pytest.raises(AssertionError, match="words-out-of-order"):
        await whole(library.store)
    async with library.store.engine.connect() as connection:
        await connection.run_sync(_downgrade, "0006")
        await connection.commit()
    await migrate.upgrade(library.store.engine)
    await whole(library.store)
    assert await scores(library, namespace, query, 60) == before


async def test_doc_ids_filter_applies_before_pruning(library: Library) -> None:
    rng = random.Random(6)
    namespace, other = await library.namespace(), await library.namespace()
    await library.add([f"clover {sentence(rng, 5)} n{i}" for i in range(120)], namespace)
    wanted = await library.add([f"{sentence(rng)} and clover at the end"], namespace)
    elsewhere = await library.add(["clover"], other)
    for mode in ("lexical", "dense", "hybrid"):
        found = await library.search(namespace, "clover", mode, doc_ids=[wanted, elsewhere])
        assert [hit.doc_id for hit in found] == [wanted]
        assert await library.search(namespace, "clover", mode, doc_ids=[elsewhere]) == []


@pytest.mark.parametrize("mode", ["lexical", "dense", "hybrid"])
async def test_search_without_access_finds_nothing(library: Library, mode: str) -> None:
    namespace = await library.namespace()
    doc_id = await library.add(["Bees like clover."], namespace)
    stranger = Principal(library.owner.user_id + 1, "user")
    narrowed = Principal(library.owner.user_id, "user", namespace_ids=frozenset({namespace + 1}))
    for principal in (stranger, narrowed):
        assert await library.search(namespace, "clover", mode, principal=principal) == []
        assert await library.search(namespace, "clover", mode, principal=principal, doc_ids=[doc_id]) == []
    assert len(await library.search(namespace, "clover", mode)) == 1


async def test_several_languages_are_searchable_in_one_namespace(library: Library) -> None:
    namespace = await library.namespace()
    english = await library.add(["The companies published their reports about the houses."], namespace)
    german = await library.add(["Die Häuser wurden im vergangenen Jahr von den Firmen verkauft."], namespace)
    japanese = await library.add(["日本で梅雨がないのは北海道である。"], namespace)
    assert [hit.doc_id for hit in await library.search(namespace, "company report")] == [english]
    assert [hit.doc_id for hit in await library.search(namespace, "Haus verkaufen")] == [german]
    assert [hit.doc_id for hit in await library.search(namespace, "梅雨")] == [japanese]


async def test_deleting_an_owned_document_deletes_its_terms(library: Library) -> None:
    namespace = await library.namespace()
    doc_id = await library.add(["Bees like clover."], namespace)
    async with library.store.sessions.begin() as session:
        await service.remove(session, library.owner, doc_id)
        for table in ("document", "chunk", "member", "segment", "posting", "vector"):
            assert await session.scalar(text(f"SELECT count(*) FROM lexical_{table}")) == 0
