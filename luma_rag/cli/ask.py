"""`luma ask` and `luma search`: questions from the command line."""

from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from luma_rag import namespaces, settings
from luma_rag.chat.messages import CitationView
from luma_rag.cli.caller import caller
from luma_rag.cli.options import As, Json, Namespace
from luma_rag.cli.output import console, place, print_json, say, write
from luma_rag.cli.running import run
from luma_rag.llm.protocol import AllReasoning
from luma_rag.retrieval.search import MAX_K, Mode, SearchResult
from luma_rag.runtime import open_runtime


class Answer(msgspec.Struct, frozen=True):
    """A question, its answer and what that cites."""

    question: str
    answer: str
    answered_by: str
    citations: list[CitationView]


def ask(
    namespace: Namespace,
    question: Annotated[str, typer.Argument(help="The question.")],
    acting: As = None,
    json: Json = False,
) -> None:
    """Answer a question from the documents of a namespace.

    The answer appears as it is written, followed by the passages that it cites.

    Example: luma ask contracts "How long is the notice period?"
    """

    async def answer() -> Answer:
        async with open_runtime(settings.load()) as runtime:
            async with runtime.sessions.begin() as session:
                principal = await caller(session, acting)
                found = await namespaces.by_name(session, principal, namespace)
            text, citations = "", []
            async for part in runtime.chats.stream_once(principal, found.id, question):
                written = ""
                match part:
                    case str():
                        text, written = text + part, part
                    case AllReasoning():
                        text, written = "", "\n\n"
                    case _:
                        citations = part
                if not json:
                    write(written)
            return Answer(question, text, runtime.answerer.name, citations)

    result = run(answer())
    if json:
        print_json(result)
        return
    write("\n")
    for citation in result.citations:
        where = place(citation.page, citation.heading)
        console.print(f"\n[bold]\\[{citation.n}][/] ", end="")
        say(f"{citation.title}{', ' if where else ''}{where}")


def search(
    namespace: Namespace,
    query: Annotated[str, typer.Argument(help="The search query.")],
    k: Annotated[int, typer.Option("-k", min=1, max=MAX_K, help="Maximum number of passages.")] = 5,
    mode: Annotated[Mode, typer.Option(help="Dense, lexical or hybrid search.")] = "hybrid",
    rerank: Annotated[
        bool | None, typer.Option("--rerank/--no-rerank", help="[default: if one is configured]")
    ] = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Search the passages of a namespace.

    Example: luma search contracts "notice period" -k 10
    """

    async def find() -> SearchResult:
        async with open_runtime(settings.load()) as runtime:
            async with runtime.sessions.begin() as session:
                principal = await caller(session, acting)
                found = await namespaces.by_name(session, principal, namespace)
            return await runtime.retriever.search(principal, found.id, query, k=k, mode=mode, rerank=rerank)

    result = run(find())
    if json:
        print_json(result)
        return
    if not result.hits:
        say(f"No results. If the namespace has no documents yet: luma ingest … --namespace {namespace}")
        return
    table = Table("", "score", "document", "passage", show_lines=True)
    for hit in result.hits:
        where = place(hit.page, hit.heading)
        table.add_row(str(hit.rank), f"{hit.score:.3f}", Text(f"{hit.title}\n{where}"), Text(hit.text))
    console.print(table)
    if result.is_relevant is False:
        console.print("None of these is likely to be relevant; they are only the nearest.")
    times = result.took_ms
    stages = (("embed", times.embed), ("search", times.search), ("rerank", times.rerank))
    say(", ".join(f"{ms:.1f} ms to {stage}" for stage, ms in stages if ms is not None) + ".")
    problem = {"late": "was not done in time", "failed": "failed"}.get(result.reranking)
    if problem is not None:
        say(f"The reranker {problem}: this is the order without it.", err=True)
