"""`luma ask` and `luma search`: questions from the command line."""

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from luma_rag import namespaces, settings
from luma_rag.chat.history import CitationView
from luma_rag.cli.caller import caller
from luma_rag.cli.output import console, errors, place, print_json
from luma_rag.retrieval.search import MAX_K, Mode, SearchResult
from luma_rag.runtime import open_runtime

Namespace = Annotated[str, typer.Argument(help="Its name or its id.")]
User = Annotated[
    str | None, typer.Option("--user", help="Whose rights to use. [default: the first administrator]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Answer(msgspec.Struct, frozen=True):
    """A question, its answer and what that cites."""

    question: str
    answer: str
    answered_by: str
    citations: list[CitationView]


def ask(namespace: Namespace, question: str, user: User = None, json: Json = False) -> None:
    """Answer a question from the documents of a namespace.

    Example: luma ask contracts "How long is the notice period?"
    """

    async def run() -> Answer:
        async with open_runtime(settings.load()) as runtime:
            async with runtime.sessions.begin() as session:
                principal = await caller(session, user)
                found = await namespaces.by_name(session, principal, namespace)
            text, citations = await runtime.chats.answer_once(principal, found.id, question)
            return Answer(question, text, runtime.answerer.name, citations)

    answer = asyncio.run(run())
    if json:
        print_json(answer)
        return
    console.print(answer.answer, markup=False)
    for citation in answer.citations:
        console.print(f"\n[bold]\\[{citation.n}][/] ", end="")
        where = place(citation.page, citation.heading)
        console.print(f"{citation.title}{', ' if where else ''}{where}", markup=False, highlight=False)


def search(
    namespace: Namespace,
    query: str,
    k: Annotated[int, typer.Option("-k", min=1, max=MAX_K, help="How many passages.")] = 5,
    mode: Annotated[Mode, typer.Option(help="Dense, lexical or hybrid search.")] = "hybrid",
    rerank: Annotated[
        bool | None, typer.Option("--rerank/--no-rerank", help="[default: if one is configured]")
    ] = None,
    user: User = None,
    json: Json = False,
) -> None:
    """Find the passages of a namespace that fit a query best.

    Example: luma search contracts "notice period" -k 10
    """

    async def run() -> SearchResult:
        async with open_runtime(settings.load()) as runtime:
            async with runtime.sessions.begin() as session:
                principal = await caller(session, user)
                found = await namespaces.by_name(session, principal, namespace)
            return await runtime.retriever.search(principal, found.id, query, k=k, mode=mode, rerank=rerank)

    result = asyncio.run(run())
    if json:
        print_json(result)
        return
    if not result.hits:
        console.print(
            f"Nothing was found. Where there are no documents yet: luma ingest … --namespace {namespace}"
        )
        return
    table = Table("", "score", "document", "passage", show_lines=True)
    for hit in result.hits:
        where = place(hit.page, hit.heading)
        table.add_row(str(hit.rank), f"{hit.score:.3f}", f"{hit.title}\n{where}", hit.text)
    console.print(table)
    if result.is_relevant is False:
        console.print("None of it is likely to be about this: it is only what comes nearest.")
    took = result.took_ms
    stages = (("embed", took.embed), ("search", took.search), ("rerank", took.rerank))
    console.print(
        ", ".join(f"{taken:.1f} ms to {stage}" for stage, taken in stages if taken is not None) + "."
    )
    why = {"late": "was not done in time", "failed": "failed"}.get(result.reranking)
    if why is not None:
        errors.print(f"The reranker {why}: this is the order without it.")
