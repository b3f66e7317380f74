from pathlib import Path

import anyio
import httpx
import pytest

from luma_client import ApiError, AsyncLuma, KnownPlace, Luma, NewQuestion
from luma_client.protocol import pause
from tests import factories
from tests.api import Api


@pytest.fixture
async def token(api: Api) -> str:
    alice = await api.user("alice")
    created = await alice.post("/api/auth/tokens", json={"name": "script"})
    return str(created.json()["token"])


async def test_from_a_file_to_an_evaluation_in_asyncio(api: Api, token: str, tmp_path: Path) -> None:
    async with AsyncLuma(api.base_url, token=token) as luma:
        namespace = await luma.create_namespace("papers", description="What we read.")
        assert await luma.namespaces() == [namespace]
        uploaded = await luma.upload(factories.handbook(tmp_path), namespace.id, title="The handbook")
        await api.work()
        assert [done.state for done in await luma.wait(uploaded)] == ["ready"]
        assert [document.title for document in await luma.documents(namespace.id)] == ["The handbook"]
        hits = (await luma.search(namespace.id, "handbook", k=2, doc_ids=[uploaded.id])).hits
        assert {hit.doc_id for hit in hits} == {uploaded.id}
        assert len(hits) == 2
        assert len((await luma.search(namespace.id, "handbook", per_document=1)).hits) == 1
        question = NewQuestion(hits[0].text[:200], [KnownPlace(uploaded.id, hits[0].page)])
        added = await luma.add_questions(namespace.id, [question])
        assert await luma.questions(namespace.id) == added
        assert await luma.candidates(namespace.id) == []
        first, second = await luma.evaluate(namespace.id, mode="dense"), await luma.evaluate(namespace.id)
        assert first.result.measures["RR"].mean == 1
        assert (await luma.compare(namespace.id, first, second)).differences["RR"].mean == 0
        answer = await luma.ask(namespace.id, question.question)
        assert answer.sender_type == "LLM"
        with pytest.raises(ApiError, match="This namespace does not exist") as refused:
            await luma.documents(2_000_000)
        assert refused.value.status == 404


async def test_from_a_file_to_an_evaluation_in_a_script(api: Api, token: str, tmp_path: Path) -> None:
    def script() -> None:
        with Luma(api.base_url, token=token) as luma:
            namespace = luma.create_namespace("papers")
            document = luma.upload(factories.handbook(tmp_path), namespace.id)
            anyio.from_thread.run(api.work)
            assert [done.state for done in luma.wait(document)] == ["ready"]
            hits = luma.search(namespace.id, "handbook").hits
            luma.add_questions(namespace.id, [NewQuestion(hits[0].text[:200], [KnownPlace(document.id)])])
            assert luma.evaluate(namespace.id).result.measures["RR"].mean == 1

    await anyio.to_thread.run_sync(script)


async def test_lists_are_read_completely(api: Api, token: str) -> None:
    async with AsyncLuma(api.base_url, token=token) as luma:
        created = [await luma.create_namespace(f"{number:03}") for number in range(201)]
        assert await luma.namespaces() == created


def test_rate_limited_call_is_retried_a_few_times() -> None:
    later = httpx.Response(429, headers={"retry-after": "7"})
    assert pause(later, tries=1) == 7
    assert pause(later, tries=5) is None
    assert pause(httpx.Response(503), tries=1) is None
    assert pause(httpx.Response(404, headers={"retry-after": "7"}), tries=1) is None
