"""The actors on the nodes of a Ray cluster, and which of them are free."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import ray
from ray.exceptions import RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ingest.embedding import Embedder
from ingest.engines.ray_actors import EmbeddingActor, Reader, own_version
from ingest.settings import IngestSettings

_log = logging.getLogger(__name__)

DOCUMENTS_PER_EMBEDDER = 2
"""One is being embedded; another is parsed ahead of it or stored behind it."""
_LOOK_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0


class ClusterError(Exception):
    """The cluster can't be used. The message gives the reason."""


class Member:
    """An actor on a node."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.is_lost = asyncio.Event()


class Pool:
    """The free places of actors, each of which may have several."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[Member] = asyncio.Queue()

    def add(self, member: Member, places: int) -> None:
        """Add the places of an actor."""
        for _ in range(places):
            self._free.put_nowait(member)

    async def take(self) -> Member:
        """A free place, as soon as there is one."""
        while (member := await self._free.get()).is_lost.is_set():
            pass
        return member

    def give(self, member: Member) -> None:
        """Give a place back."""
        self._free.put_nowait(member)

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[Member]:
        """A place for as long as the context lasts."""
        member = await self.take()
        try:
            yield member
        finally:
            self.give(member)


class _Post(msgspec.Struct, frozen=True):
    """A kind of actor: its class with arguments and options, and how many places it has in which pools."""

    kind: type
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    places: Sequence[tuple[Pool, int]]


class _Node(msgspec.Struct, frozen=True):
    """How many processors a node has."""

    cpus: int
    gpus: int


class Crew:
    """On each node a reader for as many files as it has CPUs, and an embedding actor for each CPU or GPU.

    The model is as fast with one thread in each of several processes as with several threads in one, and on
    many cores faster. GPUs are for models of sentence-transformers alone. Readers reserve no CPU, since they
    need less than a tenth of the time. Nodes may come and go at any time, and an actor that dies is replaced.
    """

    def __init__(self, embedder: Embedder, settings: IngestSettings) -> None:
        self.readers = Pool()
        self.embedders = Pool()
        self.room = Pool()
        """Bounds the documents in work."""
        version = own_version()
        self._reader = Reader, (version, embedder.tokens, settings)
        self._embedder = EmbeddingActor, (version, embedder.loader(threads=1))
        self._uses_gpus = embedder.spec.kind == "sentence-transformers"
        self._posts: dict[str, list[asyncio.Task[None]]] = {}
        self._unusable: dict[str, str] = {}
        self._has_started = asyncio.Event()

    async def work(self) -> None:
        """Keep an actor at every post until cancelled.

        Raises:
            ClusterError: no node can be used.
        """
        waiting = asyncio.create_task(self._warn_of_waiting())
        try:
            while True:
                nodes = await asyncio.to_thread(_nodes)
                for node in nodes.keys() - self._posts:
                    posts = self._posts_on(nodes[node])
                    self._posts[node] = [asyncio.create_task(self._hold(node, post)) for post in posts]
                for node in self._posts.keys() - nodes:
                    _log.warning("A node of the Ray cluster is gone; others go on with its documents.")
                    await _cancel(self._posts.pop(node))
                if not nodes.keys() - self._unusable:
                    why = next(iter(self._unusable.values()), "none has a CPU")
                    raise ClusterError(f"No node of the Ray cluster can be used: {why}.")
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        finally:
            await _cancel([waiting, *(post for posts in self._posts.values() for post in posts)])

    async def _warn_of_waiting(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_started.wait(), _PATIENCE_SECONDS)
            return
        _log.warning("The Ray cluster has no free CPU yet; Luma waits until other programs have finished.")

    def _posts_on(self, node: _Node) -> list[_Post]:
        # One call more than places: `ready`.
        options = {"num_cpus": 0, "max_concurrency": node.cpus + 1}
        reader = _Post(*self._reader, options, [(self.readers, node.cpus)])
        on_gpus = self._uses_gpus and node.gpus > 0
        options, count = ({"num_gpus": 1}, node.gpus) if on_gpus else ({"num_cpus": 1}, node.cpus)
        places = [(self.embedders, 1), (self.room, DOCUMENTS_PER_EMBEDDER)]
        return [reader, *[_Post(*self._embedder, options, places)] * count]

    async def _hold(self, node: str, post: _Post) -> None:
        """Keep an actor at a post, as long as its node can be used."""
        strategy = NodeAffinitySchedulingStrategy(node, soft=False)
        while node not in self._unusable:
            actor = (
                ray.remote(post.kind)
                .options(scheduling_strategy=strategy, **post.options)
                .remote(*post.arguments)
            )
            member = Member(actor)
            try:
                await actor.ready.remote()
                for pool, places in post.places:
                    pool.add(member, places)
                if post.kind is EmbeddingActor:
                    self._has_started.set()
                await member.is_lost.wait()
            except RayActorError as error:
                if error.actor_init_failed:
                    self._unusable[node] = _reason(error)
                    _log.error("A node of the Ray cluster can't be used: %s.", self._unusable[node])
            except RayError as error:
                _log.warning("An actor on the Ray cluster did not start: %s", error)
            finally:
                member.is_lost.set()
                ray.kill(actor)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _nodes() -> dict[str, _Node]:
    """The nodes that have a CPU."""
    alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    nodes = {name: _Node(int(has.get("CPU", 0)), int(has.get("GPU", 0))) for name, has in alive.items()}
    return {name: node for name, node in nodes.items() if node.cpus}


def _reason(error: RayActorError) -> str:
    """The last line of a traceback on the node."""
    return str(error).strip().splitlines()[-1].rstrip(".")


async def _cancel(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
