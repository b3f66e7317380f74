"""The tests of access find what is planted; `python -m tests.access.plant` tries all of it."""

import asyncio

import pytest

from tests.access.plant import found, places
from tests.access.plantings import PLANTINGS, Planting


@pytest.mark.parametrize("planting", PLANTINGS, ids=lambda planting: planting.what)
def test_it_can_still_be_planted(planting: Planting) -> None:
    paths = places(planting)
    assert paths
    for path in paths:
        compile(path.read_text().replace(planting.old, planting.new), str(path), "exec")


# One of each leak that other systems had; the first of the plantings is the cheapest to find.
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "planting",
    {p.leak: p for p in reversed(PLANTINGS) if p.leak not in ("levels", "chats and tokens")}.values(),
    ids=lambda planting: planting.leak,
)
async def test_it_is_found(planting: Planting, server_url: str) -> None:
    assert await asyncio.to_thread(found, planting, server_url)
