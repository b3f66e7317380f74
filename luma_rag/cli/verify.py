"""`luma verify`: consistency of the stored data."""

from typing import Annotated

import typer

from luma_rag import settings
from luma_rag.cli.options import Json
from luma_rag.cli.output import console, print_json
from luma_rag.cli.running import run
from luma_rag.store import open_store
from luma_rag.verify import Verdict
from luma_rag.verify import verify as verify_store


def verify(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every stored file, vector and chunk; takes longer.")
    ] = False,
    json: Json = False,
) -> None:
    """Check that documents, files, chunks and vectors are consistent. The exit code is 1 if they aren't.

    Changes nothing, and can run beside `luma serve`.

    Example: luma verify --deep
    """

    async def check() -> Verdict:
        async with open_store(settings.load()) as store:
            return await verify_store(store.sessions, store.storage, deep=deep)

    verdict = run(check())
    if json:
        print_json(verdict)
    else:
        _print(verdict)
    if verdict.findings:
        raise typer.Exit(1)


def _print(verdict: Verdict) -> None:
    for finding in verdict.findings:
        console.print(f"[red]{finding.check}[/]: {finding.count} violations of this rule:", highlight=False)
        # Names of files are data: they must not be taken for markup.
        lines = [f"  {finding.rule}.", *(f"    {example}" for example in finding.examples)]
        if finding.count > len(finding.examples):
            lines.append(f"    and {finding.count - len(finding.examples)} more")
        lines.append(f"  What to do: {finding.advice}")
        console.print("\n".join(lines), markup=False, highlight=False)
    broken = len(verdict.findings)
    summary = f"{broken} of {verdict.checks} checks failed" if broken else f"All {verdict.checks} checks hold"
    console.print(f"{summary} ({verdict.seconds:.1f} s).", highlight=False)
