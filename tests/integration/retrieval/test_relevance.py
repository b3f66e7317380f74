import json

import pytest

from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.relevance import is_relevant
from tests.api import Api
from tests.factories import pdf

ENGLISH, JAPANESE = "Who pays the freight?", "運賃は誰が払いますか"


def hit(similarity: float | None, coverage: float | None) -> ScoredChunk:
    return ScoredChunk("1", 1, "a title", 1, None, "a text", 0.5, 1, similarity, coverage, 0, 0)


@pytest.mark.parametrize(
    ("query", "hits", "expected"),
    [
        (ENGLISH, [], False),
        (ENGLISH, [hit(0.6, 0.0)], True),
        (ENGLISH, [hit(0.25, 0.5)], True),
        (ENGLISH, [hit(0.25, 0.1)], False),
        # The best dense and the best lexical hit need not be the same.
        (ENGLISH, [hit(0.3, 0.0), hit(0.1, 0.4)], True),
        # Lower-ranked hits do not count.
        (ENGLISH, [hit(0.1, 0.0)] * 5 + [hit(0.9, 0.9)], False),
        (ENGLISH, [hit(0.4, None)], True),
        (ENGLISH, [hit(0.2, None)], False),
        (ENGLISH, [hit(None, 0.9)], None),
        (JAPANESE, [hit(0.7, 0.01)], False),
        (JAPANESE, [hit(0.7, 0.2)], True),
        (JAPANESE, [hit(None, 0.2)], True),
        (JAPANESE, [hit(0.7, None)], None),
    ],
)
def test_relevance_decision(query: str, hits: list[ScoredChunk], expected: bool | None) -> None:
    assert is_relevant(query, hits) is expected


async def test_search_reports_whether_hits_are_relevant(api: Api, tmp_path) -> None:  # type: ignore[no-untyped-def]
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    pages = ["The buyer pays the freight and the insurance.", "Bees like clover more than thyme."]
    await api.upload(alice, pdf(tmp_path / "terms.pdf", *pages), namespace)

    async def says(query: str, mode: str = "hybrid") -> bool | None:
        body = {"query": query, "mode": mode}
        answer = (await alice.post(f"/api/namespaces/{namespace}/search", json=body)).json()
        assert answer["hits"] or mode == "lexical"
        found: bool | None = answer["is_relevant"]
        return found

    assert await says(ENGLISH) is True
    assert await says(ENGLISH, "dense") is True
    assert await says(ENGLISH, "lexical") is None
    assert await says("How do transistors amplify a current?") is False
    assert await says("How do transistors amplify a current?", "dense") is False
    assert await says(JAPANESE) is False


async def test_follow_up_question_uses_the_previous_topic(api: Api, tmp_path) -> None:  # type: ignore[no-untyped-def]
    alice = await api.user("alice")
    namespace = await api.namespace(alice)
    pages = [
        f"Chapter {n} is about the {thing} of the old castle." for n, thing in enumerate(["roof", "well"] * 4)
    ]
    pages.append("The buyer pays the freight of all goods, except on the Isle of Man, where the seller does.")
    await api.upload(alice, pdf(tmp_path / "terms.pdf", *pages), namespace)
    chat = (await alice.post("/api/chats", json={"namespace_id": namespace})).json()["id"]

    async def cited(question: str) -> list[int]:
        answer = await alice.post(
            f"/api/chats/{chat}/messages",
            json={"content": question},
            headers={"accept": "text/event-stream"},
        )
        event = next(part for part in answer.text.split("\r\n\r\n") if part.startswith("event: citations"))
        return [citation["page"] for citation in json.loads(event.split("data: ", 1)[1])]

    assert (await cited(ENGLISH))[0] == 9
    leaning = "And what if they live there?"
    alone = await alice.post(f"/api/namespaces/{namespace}/search", json={"query": leaning, "k": 6})
    assert alone.json()["is_relevant"] is False
    assert (await cited(leaning))[0] == 9
    # An independent question is not dominated by the earlier ones.
    assert (await cited("Which chapter is about the well of the castle?"))[0] != 9
