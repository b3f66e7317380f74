"""A call of each kind, and a few hundred; `python -m tests.access.fuzz` makes thousands."""

import asyncio

import pytest

from luma_rag.http.app import create_service
from luma_rag.runtime import Runtime
from tests.access.fuzz import METHODS, Fuzz, fuzz, sample
from tests.one_transaction import client_of


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")
async def test_one_call_of_each_kind_tells_nothing_hidden(runtime: Runtime) -> None:
    loop = asyncio.get_running_loop()
    async with client_of(create_service(runtime)) as client:
        described = (await client.get("/schema/openapi.json")).json()
        done = await asyncio.to_thread(sample, runtime, client, loop, described, 1)
    called = {name.partition(" ")[2] for name in done.statuses}
    assert called == {
        f"{method.upper()} {path}"
        for path, methods in described["paths"].items()
        for method in methods
        if method in METHODS
    }
    _assert_nothing_found(done)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")
async def test_no_call_tells_what_is_hidden_or_fails_in_a_way_that_is_not_described(
    runtime: Runtime, base_url: str
) -> None:
    loop = asyncio.get_running_loop()
    done = await asyncio.to_thread(fuzz, runtime, base_url, loop, 450, 1)
    _assert_nothing_found(done)
    assert not done.never_past_validation(), done.table()


def _assert_nothing_found(done: Fuzz) -> None:
    assert not done.findings, "\n".join(f"{name}: {what}" for (name, _), what in done.findings.items())
