"""`luma reread`: read stored documents again, after an upgrade that reads them better."""

from typing import Annotated

import typer

from luma_rag import namespaces
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import As, Json
from luma_rag.cli.output import print_json, say
from luma_rag.cli.running import run, transaction
from luma_rag.documents import rereading
from luma_rag.documents.rereading import Requested, Which
from luma_rag.documents.workers import live_workers


def reread(
    doc_id: Annotated[
        list[int] | None,
        typer.Argument(metavar="ID", help="Ids of documents; see: luma documents list. [default: all]"),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Only documents in this namespace.")
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Documents with warnings, such as pages that were not read.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="All documents, whichever version of Luma read them.")
    ] = False,
    acting: As = None,
    json: Json = False,
) -> None:
    """Read documents again that an earlier version of Luma has read.

    `luma serve` does this in the background, after all uploads. Each document stays searchable as it is until
    its new text replaces the old. A document that can't be read any more keeps its text.

    Example: luma reread --incomplete --namespace contracts
    """
    if incomplete and everything:
        raise UsageError("Choose --incomplete or --all.")
    which: Which = "incomplete" if incomplete else "all" if everything or doc_id else "outdated"

    async def request() -> tuple[Requested, int]:
        async with transaction(acting) as (session, principal):
            found = None
            if namespace is not None:
                found = (await namespaces.by_name(session, principal, namespace)).id
            requested = await rereading.request(
                session, principal, which, namespace_id=found, doc_ids=doc_id or None
            )
            return requested, (await live_workers(session)).count

    requested, workers = run(request())
    if json:
        print_json(requested)
        return
    if not requested.doc_ids:
        say(f"There is nothing to read again.{_waiting(requested.waiting)}")
        return
    count = len(requested.doc_ids)
    documents = "1 document is" if count == 1 else f"{count} documents are"
    work = "in the background" if workers else "as soon as `luma serve` runs"
    say(f"{documents} going to be read again, {work}.{_waiting(requested.waiting - count)}")


def _waiting(others: int) -> str:
    return f" {others} of earlier requests still wait." if others else ""
