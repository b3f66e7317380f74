"""Hybrid results: hits, order, and scores."""

import pytest

from ingest.embedding.ranking import MINILM, NO_WEIGHT
from luma_rag.retrieval import statement
from luma_rag.retrieval.search_query import (
    dense_weight,
    query_terms,
)
from luma_rag.retrieval.vector_source import namespace_profile
from tests.api import Api
from tests.factories import pdf
from tests.library import Library

# Test vectors are random but deterministic by text: a query equal to a chunk's text is nearest to it.
TEXTS = ["alpha", "beta gamma", "beta delta", "epsilon zeta"]


async def test_best_hit_of_both_searches_scores_one(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(TEXTS, namespace)
    found = await library.search(namespace, "beta gamma", "hybrid")
    assert (found[0].text, found[0].score, found[0].rank) == ("beta gamma", pytest.approx(1.0), 1)
    assert found[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert [hit.rank for hit in found] == [1, 2, 3, 4]
    # Found by dense search alone, as is every chunk of a small namespace.
    assert {hit.text for hit in found} == set(TEXTS)


async def test_scores_are_the_mean_of_normalized_scores(library: Library) -> None:
    namespace = await library.namespace()
    await library.add([*TEXTS, *(f"filler n{i}" for i in range(100))], namespace)
    query = "beta gamma delta"
    cosines = {hit.text: hit.score for hit in await library.search(namespace, query, "dense", k=100)}
    bm25 = {hit.text: hit.score for hit in await library.search(namespace, query, "lexical", k=100)}
    found = await library.search(namespace, query, "hybrid", k=100)
    async with library.store.sessions.begin() as session:
        share = dense_weight(query, (await namespace_profile(session, library.owner, namespace))[0])
    assert 0 < share < 1
    for hit in found:
        expected = share * max(cosines[hit.text], 0) / max(cosines.values())
        expected += (1 - share) * bm25.get(hit.text, 0) / max(bm25.values())
        assert hit.score == pytest.approx(expected, abs=1e-4)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


async def test_each_search_scores_the_candidates_of_the_other(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = await library.namespace()
    # Every chunk contains the word, and its weight falls with the chunk's length.
    await library.add([f"beta {'filler ' * i}n{i}" for i in range(120)], namespace)
    cosines = {hit.text: hit.score for hit in await library.search(namespace, "beta", "dense", k=120)}
    bm25 = {hit.text: hit.score for hit in await library.search(namespace, "beta", "lexical", k=120)}
    assert len(cosines) == len(bm25) == 120
    monkeypatch.setattr(statement, "CANDIDATES", 10)
    statement.prepared.cache_clear()
    found = await library.search(namespace, "beta", "hybrid", k=10)
    statement.prepared.cache_clear()
    dense, lexical = ({hit for hit, _ in list(half.items())[:10]} for half in (cosines, bm25))
    async with library.store.sessions.begin() as session:
        share = dense_weight("beta", (await namespace_profile(session, library.owner, namespace))[0])
    expected = {
        each: share * max(cosines[each], 0) / max(cosines.values())
        + (1 - share) * bm25[each] / max(bm25.values())
        for each in dense | lexical
    }
    best = sorted(expected, key=lambda each: -expected[each])[:10]
    assert {hit.text: hit.score for hit in found} == pytest.approx(
        {each: expected[each] for each in best}, abs=1e-4
    )
    assert set(best) - lexical
    assert any(cosines[each] > 0 for each in set(best) - dense)


async def test_lexical_only_matches_are_found(library: Library) -> None:
    namespace = await library.namespace()
    await library.add([*(f"filler n{i}" for i in range(200)), "the part number is XJ9000"], namespace)
    dense = await library.search(namespace, "XJ9000", "dense", k=20)
    assert all("XJ9000" not in hit.text for hit in dense)
    assert (
        "XJ9000"
        in (await library.search(namespace, "XJ9000", "hybrid", k=2))[0].text
        + (await library.search(namespace, "XJ9000", "hybrid", k=2))[1].text
    )


async def test_dense_search_decides_without_query_terms(library: Library) -> None:
    namespace = await library.namespace()
    await library.add(TEXTS, namespace)
    dense = [hit.text for hit in await library.search(namespace, "?!", "dense")]
    assert [hit.text for hit in await library.search(namespace, "?!", "hybrid")] == dense
    assert await library.search(namespace, "?!", "lexical") == []


async def test_empty_namespace_has_no_hits(library: Library) -> None:
    namespace = await library.namespace()
    for mode in ("lexical", "dense", "hybrid"):
        assert await library.search(namespace, "alpha", mode) == []


ENGLISH, LATIN = MINILM.weight_in("en"), MINILM.weight_in("de")


def test_dense_weight_is_low_for_scripts_unknown_to_the_model() -> None:
    assert dense_weight("日本で梅雨がないのは", ["ja"]) == NO_WEIGHT
    assert dense_weight("كم نقطة؟", ["ar"]) == NO_WEIGHT
    assert dense_weight("日本で梅雨がないのは", ["en", "ja"]) == NO_WEIGHT
    # A name in Latin letters is still searched in texts of another script.
    assert dense_weight("iPhone", ["ja"]) == NO_WEIGHT


def test_dense_weight_is_highest_in_english() -> None:
    question, frage = "What was the revenue last year?", "Wie hoch war der Umsatz im letzten Jahr?"
    assert dense_weight(question, ["en"]) == dense_weight(question, []) == ENGLISH
    assert dense_weight("10-K 2023", ["en"]) == dense_weight("2023?", ["en"]) == ENGLISH
    assert dense_weight(frage, ["de"]) == LATIN
    # If documents have both, the query's script decides.
    assert dense_weight(question, ["de", "en"]) == ENGLISH
    assert dense_weight(frage, ["de", "en"]) == LATIN


async def test_lexical_scores_dominate_at_low_dense_weight(library: Library) -> None:
    namespace = await library.namespace()
    # The best dense hit is the query's own text; the best lexical hit repeats the rare word.
    await library.add(["梅雨の北海道", "梅雨梅雨梅雨", *(f"filler n{i}" for i in range(20))], namespace)
    dense = await library.search(namespace, "梅雨の北海道", "dense", k=1)
    assert dense[0].text == "梅雨の北海道"
    lexical = [hit.text for hit in await library.search(namespace, "梅雨梅雨", "lexical")]
    hybrid = [hit.text for hit in await library.search(namespace, "梅雨梅雨", "hybrid", k=2)]
    assert hybrid == lexical == ["梅雨梅雨梅雨", "梅雨の北海道"]


def test_query_terms_have_the_stems_of_every_language() -> None:
    english, german = query_terms("houses Häuser", ["en"]), query_terms("houses Häuser", ["de"])
    both = query_terms("houses Häuser", ["de", "en"])
    assert set(both) == set(english) | set(german)
    assert set(query_terms("clover", ["de", "en"]).values()) == {1}
    assert len(query_terms(" ".join(f"n{i}" for i in range(5000)), ["en"])) == 256


async def test_every_mode_over_http(api: Api, tmp_path) -> None:  # type: ignore[no-untyped-def]
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    doc_id = await api.upload(
        alice, pdf(tmp_path / "bees.pdf", "Bees like clover.", "Wasps build."), namespace
    )
    for mode, embeds in (("lexical", False), ("dense", True), ("hybrid", True)):
        answer = await alice.post(
            f"/api/namespaces/{namespace}/search", json={"query": "clover", "mode": mode}
        )
        assert answer.status_code == 200
        body = answer.json()
        assert body["hits"][0]["text"] == "Bees like clover."
        assert {hit["doc_id"] for hit in body["hits"]} == {doc_id}
        assert (body["took_ms"]["embed"] is not None) is embeds
        assert (len(body["hits"]) == 1) is (mode == "lexical")
