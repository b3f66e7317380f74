"""A few hundred calls of all kinds; `python -m tests.access.fuzz` makes thousands."""

import asyncio

import pytest

from luma_rag.runtime import Runtime
from tests.access.fuzz import fuzz


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")
async def test_no_call_tells_what_is_hidden_or_fails_in_a_way_that_is_not_described(
    runtime: Runtime, base_url: str
) -> None:
    loop = asyncio.get_running_loop()
    done = await asyncio.to_thread(fuzz, runtime, base_url, loop, 450, 1)
    assert not done.findings, "\n".join(f"{name}: {what}" for (name, _), what in done.findings.items())
    assert not done.never_past_validation(), done.table()
