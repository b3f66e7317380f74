"""Which actors a node gets."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from ingest.embedding import ModelSpec
from ingest.engines.ray_crew import DOCUMENTS_PER_EMBEDDER, Crew, Member, _Node
from ingest.settings import IngestSettings


def crew_for(kind: Any) -> Crew:
    embedder: Any = SimpleNamespace(spec=ModelSpec(kind), tokens=None, loader=lambda threads: None)
    return Crew(embedder, IngestSettings())


@pytest.mark.parametrize(
    ("kind", "node", "embedding"),
    [
        ("packaged", _Node(4, 0), [{"num_cpus": 1}] * 4),
        ("packaged", _Node(4, 2), [{"num_cpus": 1}] * 4),
        ("sentence-transformers", _Node(2, 0), [{"num_cpus": 1}] * 2),
        ("sentence-transformers", _Node(16, 2), [{"num_gpus": 1}] * 2),
    ],
)
def test_actors_of_a_node(kind: str, node: _Node, embedding: list[dict[str, int]]) -> None:
    crew = crew_for(kind)
    reader, *others = crew._posts_on(node)
    assert reader.places == [(crew.readers, node.cpus)]
    assert reader.options["num_cpus"] == 0
    assert [post.options for post in others] == embedding
    assert all(post.places == [(crew.embedders, 1), (crew.room, DOCUMENTS_PER_EMBEDDER)] for post in others)


async def test_places_of_a_lost_actor_are_not_given_again() -> None:
    pool = crew_for("packaged").readers
    lost, left = Member("lost"), Member("left")
    pool.add(lost, 2)
    pool.add(left, 1)
    assert await pool.take() is lost
    lost.is_lost.set()
    pool.give(lost)
    async with pool.place() as member:
        assert member is left
        waiting = asyncio.create_task(pool.take())
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting is left
