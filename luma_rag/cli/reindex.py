"""`luma reindex`: the vectors of namespaces by another embedding model, beside those that are searched."""

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from luma_rag import namespaces, settings
from luma_rag.access import Principal, require_admin
from luma_rag.cli.caller import caller
from luma_rag.cli.failures import InterruptedByUser, UsageError
from luma_rag.cli.options import As, Json
from luma_rag.cli.output import EVERYTHING, console, print_json, say
from luma_rag.cli.reindex_progress import Progress
from luma_rag.cli.running import run
from luma_rag.documents import generation_removal, models, reindexing, vector_index
from luma_rag.documents.generations import KeptGeneration
from luma_rag.documents.models import Models
from luma_rag.evaluation.generations import GenerationComparison, compare_generations
from luma_rag.namespaces import NamespaceView
from luma_rag.runtime import Runtime, load_embedder, model_named, open_models, open_runtime
from luma_rag.settings import Settings


class Result(msgspec.Struct, frozen=True):
    """What became of a namespace.

    `state` is `unchanged` (the model is in use already), `built`, `switched`, `removed`, or `nothing` (there
    were no other vectors). `documents` and `chunks` are those that were embedded now.
    """

    namespace_id: int
    name: str
    state: str
    documents: int = 0
    chunks: int = 0
    comparison: GenerationComparison | None = None


def reindex(
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            help="As in LUMA_EMBEDDING_MODEL, or int8-v1 or float32. [default: that of the settings]",
        ),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Name or id. [default: all namespaces]")
    ] = None,
    switch: Annotated[
        bool, typer.Option("--switch", help="Search the new vectors once they are built and compared.")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="Search the earlier vectors again.")] = False,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Remove the vectors that are not searched.")
    ] = False,
    acting: As = None,
    json: Json = False,
) -> None:
    """Embed the documents of namespaces again, with another embedding model.

    The new vectors are built beside those that are searched, while searches and uploads go on, and then both
    are compared. Nothing changes for searches until --switch. Afterwards both are kept up to date, so that
    --back is possible, until --remove-old. An interrupted command continues where it was: run it again.

    Example: luma reindex --namespace contracts --model float32 --switch
    """
    if sum((switch, back, remove_old)) > 1 or (model is not None and (back or remove_old)):
        raise UsageError("Choose one of --switch, --back, and --remove-old; the last two without --model.")
    work = _Work(namespace, acting, is_quiet=json)
    try:
        if remove_old:
            results = run(work.remove())
        elif back:
            results = run(work.go_back())
        else:
            results = run(work.build(model, switch=switch))
    except KeyboardInterrupt:
        raise InterruptedByUser(
            f"{work.progress.done} documents were embedded, and searches are as before. Run the same command "
            "again to continue."
        ) from None
    if json:
        print_json(results)
    else:
        _print(results)


def _settings() -> Settings:
    """The settings without the read replica, which is behind what is built here."""
    return msgspec.structs.replace(settings.load(), database_read_url=None)


class _Work:
    def __init__(self, namespace: str | None, username: str | None, *, is_quiet: bool) -> None:
        self.progress = Progress(is_quiet=is_quiet)
        self._namespace = namespace
        self._username = username

    async def build(self, name: str | None, *, switch: bool) -> list[Result]:
        async with open_runtime(_settings(), pool_size=4) as runtime:
            principal, chosen = await self._chosen(runtime)
            known = await open_models(runtime, runtime.embedder)
            spec = model_named(runtime.settings, name)
            loaded = await asyncio.to_thread(load_embedder, spec, api_key=runtime.settings.embedding.api_key)
            model_id = await known.learn(loaded)
            results = [
                await self._build_one(runtime, known, principal, each, model_id, switch=switch)
                for each in chosen
            ]
            if switch and self._namespace is None:
                async with runtime.sessions.begin() as session:
                    await models.make_current(session, model_id)
            return results

    async def go_back(self) -> list[Result]:
        async with open_runtime(_settings(), pool_size=4) as runtime:
            principal, chosen = await self._chosen(runtime)
            known = await open_models(runtime, runtime.embedder)
            results, model_ids = [], set()
            for each in chosen:
                async with runtime.sessions.begin() as session:
                    other = await reindexing.other(session, principal, each.id)
                if other is None or other.state != "previous":
                    results.append(Result(each.id, each.name, "nothing"))
                    continue
                await self._switch(runtime, known, principal, each, other)
                results.append(Result(each.id, each.name, "switched"))
                model_ids.add(other.model_id)
            if self._namespace is None and len(model_ids) == 1:
                # New namespaces follow.
                async with runtime.sessions.begin() as session:
                    await models.make_current(session, model_ids.pop())
            return results

    async def remove(self) -> list[Result]:
        async with open_runtime(_settings(), pool_size=4) as runtime:
            principal, chosen = await self._chosen(runtime)
            results = []
            for each in chosen:
                is_removed = await generation_removal.remove(runtime.sessions, principal, each.id)
                results.append(Result(each.id, each.name, "removed" if is_removed else "nothing"))
            while await vector_index.maintain_hnsw(runtime.engine):
                pass
            return results

    async def _chosen(self, runtime: Runtime) -> tuple[Principal, list[NamespaceView]]:
        async with runtime.sessions.begin() as session:
            principal = await caller(session, self._username)
            if self._namespace is not None:
                return principal, [await namespaces.by_name(session, principal, self._namespace)]
            require_admin(principal)
            return principal, (await namespaces.list_readable(session, principal, EVERYTHING)).items

    async def _build_one(
        self,
        runtime: Runtime,
        known: Models,
        principal: Principal,
        namespace: NamespaceView,
        model_id: int,
        *,
        switch: bool,
    ) -> Result:
        async with runtime.sessions.begin() as session:
            generation = await reindexing.begin(session, principal, namespace.id, model_id)
        if generation is None:
            return Result(namespace.id, namespace.name, "unchanged")
        documents, chunks = await self._fill(runtime, known, principal, namespace, generation)
        await vector_index.make(runtime.engine, generation.id)
        comparison = await compare_generations(runtime, principal, namespace.id, generation.id)
        if switch:
            await self._switch(runtime, known, principal, namespace, generation)
        state = "switched" if switch else "built"
        return Result(namespace.id, namespace.name, state, documents, chunks, comparison)

    async def _switch(
        self,
        runtime: Runtime,
        known: Models,
        principal: Principal,
        namespace: NamespaceView,
        generation: KeptGeneration,
    ) -> None:
        while True:
            async with runtime.sessions.begin() as session:
                if await reindexing.switch(session, principal, namespace.id, generation.id):
                    return
            # Documents have come meanwhile.
            await self._fill(runtime, known, principal, namespace, generation)

    async def _fill(
        self,
        runtime: Runtime,
        known: Models,
        principal: Principal,
        namespace: NamespaceView,
        generation: KeptGeneration,
    ) -> tuple[int, int]:
        async with runtime.sessions.begin() as session:
            extent = await reindexing.extent(session, principal, namespace.id, generation)
        with self.progress.of(namespace.name, extent) as on_document:
            await reindexing.fill(runtime.sessions, known, principal, namespace.id, generation, on_document)
        return extent.all_documents - extent.documents, extent.all_chunks - extent.chunks


def _print(results: list[Result]) -> None:
    if not results:
        say("There is no namespace.")
    for result in results:
        say(f"{result.name}: {_sentence(result)}")
        if result.comparison is not None:
            _print_comparison(result.comparison)


def _sentence(result: Result) -> str:
    which = f"luma reindex --namespace {result.namespace_id}"
    embedded = f"{result.documents} documents, {result.chunks} chunks embedded"
    return {
        "unchanged": "the vectors that are searched are by this model already.",
        "built": f"{embedded}. Searches are as before. Run the same command with --switch to search the new "
        f"vectors, or remove them: {which} --remove-old",
        "switched": f"{embedded}. Searches use the other vectors now. To return: {which} --back. To "
        f"remove the earlier ones: {which} --remove-old",
        "removed": "the vectors that were not searched are removed.",
        "nothing": "there are no other vectors.",
    }[result.state]


def _print_comparison(comparison: GenerationComparison) -> None:
    if comparison.measures:
        table = Table(f"{comparison.questions} questions", "searched before", "new", "difference", "p")
        for name, measured in comparison.measures.items():
            numbers = (measured.live, measured.other, measured.difference)
            table.add_row(Text(name), *(f"{number:.3f}" for number in numbers), f"{measured.p:.3f}")
        console.print(table)
    if comparison.overlap is not None:
        say(f"Both have {comparison.overlap:.0%} of the first ten passages in common.")
