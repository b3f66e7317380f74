"""The tests of access find what is mutated; `python -m tests.access.mutation_test` tries all of it."""

import asyncio

import pytest

from tests.access.mutants import MUTANTS, Mutant
from tests.access.mutation_test import found, places


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_it_can_still_be_planted(mutant: Mutant) -> None:
    paths = places(mutant)
    assert paths
    for path in paths:
        compile(path.read_text().replace(mutant.old, mutant.new), str(path), "exec")


# One of each leak that other systems had; the first of the mutants is the cheapest to find.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "mutant",
    {p.leak: p for p in reversed(MUTANTS) if p.leak not in ("levels", "chats and tokens")}.values(),
    ids=lambda mutant: mutant.leak,
)
async def test_it_is_found(mutant: Mutant, server_url: str) -> None:
    assert await asyncio.to_thread(found, mutant, server_url)
