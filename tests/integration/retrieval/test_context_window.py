from collections.abc import Sequence

import pytest
from sqlalchemy import select

from luma_rag.access import Principal
from luma_rag.db.models import Chunk
from luma_rag.retrieval.context_window import ContextWindow, context_windows
from luma_rag.retrieval.search import Retriever
from tests.api import Api
from tests.factories import pdf
from tests.library import Library

TEXTS = ["one ", "two ", "three ", "four ", "five "]


async def around(library: Library, namespace: int, *texts: str) -> list[ContextWindow]:
    """The context of the chunks with these texts, passed as the hits of a search, best first."""
    vec_ids = [(await library.search(namespace, text, "dense", k=1))[0].vec_id for text in texts]
    async with library.store.sessions.begin() as session:
        found = await context_windows(session, library.owner, namespace, vec_ids)
    return [found[vec_id] for vec_id in vec_ids]


async def test_neighbors_are_included_once_and_from_the_same_passage(library: Library) -> None:
    namespace = await library.namespace()
    doc_id = await library.add(TEXTS, namespace)
    assert await around(library, namespace, "one ", "three ") == [
        ContextWindow("", "two "),
        ContextWindow("", "four "),
    ]
    assert await around(library, namespace, "three ", "one ") == [
        ContextWindow("two ", "four "),
        ContextWindow(),
    ]
    async with library.store.sessions.begin() as session:
        for chunk in await session.scalars(select(Chunk).where(Chunk.doc_id == doc_id, Chunk.ordinal > 2)):
            chunk.passage = 1
    assert await around(library, namespace, "three ") == [ContextWindow("two ", "")]


@pytest.mark.parametrize(
    ("texts", "places", "expected"),
    [
        # Shared context is included only once.
        (("A man, a plan", "a plan, a canal", "a canal."), ((0, 13), (7, 22), (15, 23)), ("A man, ", ".")),
        # Separate parts are not joined.
        (("One.", "Two.", "Three."), ((0, 4), (5, 9), (11, 17)), ("One.\n", "\nThree.")),
    ],
)
async def test_chunks_are_joined_in_document_order(
    library: Library,
    texts: Sequence[str],
    places: Sequence[tuple[int, int]],
    expected: tuple[str, str],
) -> None:
    namespace = await library.namespace()
    doc_id = await library.add(texts, namespace)
    async with library.store.sessions.begin() as session:
        for chunk in await session.scalars(select(Chunk).where(Chunk.doc_id == doc_id)):
            chunk.start_char, chunk.end_char = places[chunk.ordinal]
    assert await around(library, namespace, texts[1]) == [ContextWindow(*expected)]


async def test_inaccessible_namespace_returns_no_context(library: Library) -> None:
    namespace, other = await library.namespace(), await library.namespace()
    await library.add(TEXTS, namespace)
    vec_id = (await library.search(namespace, "two ", "dense", k=1))[0].vec_id
    stranger = Principal(library.owner.user_id + 1, "user")
    async with library.store.sessions.begin() as session:
        for principal, where in ((stranger, namespace), (library.owner, other)):
            assert await context_windows(session, principal, where, [vec_id]) == {vec_id: ContextWindow()}


async def test_search_returns_each_place_and_text_once(api: Api, library: Library, tmp_path) -> None:  # type: ignore[no-untyped-def]
    alice = await api.user("alice2")
    namespace = await api.namespace(alice)
    long = "\n".join(f"The bees of hive {n} like clover best, and fly far for it." for n in range(50))
    wasps = "Wasps build nests of paper."
    ids = [
        await api.upload(alice, pdf(tmp_path / f"{name}.pdf", *pages), namespace)
        for name, pages in {"bees": [long, wasps], "copy": [wasps]}.items()
    ]

    async def search(**more: object) -> list[dict[str, object]]:
        body = {"query": "Wasps and bees like clover", "k": 10, **more}
        answer = await alice.post(f"/api/namespaces/{namespace}/search", json=body)
        assert answer.status_code == 200, answer.text
        hits: list[dict[str, object]] = answer.json()["hits"]
        return hits

    hits = await search()
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit["text"] for hit in hits].count(wasps) == 1
    # The page has four chunks; no two adjacent ones are hits.
    assert (await alice.get(f"/api/namespaces/{namespace}")).json()["chunks"] == 6
    assert len([hit for hit in hits if (hit["doc_id"], hit["page"]) == (ids[0], 1)]) in {1, 2}
    narrowed = await search(per_document=1)
    assert len({hit["doc_id"] for hit in narrowed}) == len(narrowed)
    answer = await alice.post(
        f"/api/namespaces/{namespace}/search", json={"query": "bees", "per_document": 0}
    )
    assert answer.status_code == 422


async def test_context_around_a_hit(api: Api, tmp_path) -> None:  # type: ignore[no-untyped-def]
    alice = await api.user("alice3")
    namespace = await api.namespace(alice)
    lines = [f"Field {n} has clover of kind {n}, sown in spring and cut in autumn." for n in range(50)]
    await api.upload(alice, pdf(tmp_path / "fields.pdf", "\n".join(lines)), namespace)
    me = (await alice.get("/api/auth/me")).json()
    retriever: Retriever = api.runtime.retriever
    retrieved = await retriever.retrieve(
        Principal(me["id"], me["role"]), namespace, lines[30], k=3, surrounded=1
    )
    found = retrieved.found
    assert lines[30] in found[0].text
    assert found[0].before or found[0].after
    assert not any(hit.before or hit.after for hit in found[1:])
    whole = " ".join(f"{found[0].before}{found[0].text}{found[0].after}".split())
    assert whole in " ".join("\n".join(lines).split())
