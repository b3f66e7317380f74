"""`luma eval`: evaluation of retrieval."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from luma_rag import namespaces, settings
from luma_rag.access import Principal
from luma_rag.cli.caller import caller
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import As
from luma_rag.cli.output import console, errors, print_json, say
from luma_rag.cli.running import run
from luma_rag.db.base import utcnow
from luma_rag.evaluation import dataset as sets
from luma_rag.evaluation.measures import MEASURES, require_libraries
from luma_rag.evaluation.plot import FORMATS, draw
from luma_rag.evaluation.questions import Question, read_questions
from luma_rag.evaluation.report import Comparison, Report, compare_reports, compare_runs, read_report
from luma_rag.evaluation.runner import run as run_questions
from luma_rag.retrieval.search import MAX_K, MODES, Mode
from luma_rag.runtime import Runtime, open_runtime
from luma_rag.settings import Settings

app = typer.Typer(help="Evaluate retrieval.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, with the values of every question.")]
Result = Annotated[
    Path,
    typer.Argument(
        help="A result of luma eval retrieval --json.", exists=True, dir_okay=False, readable=True
    ),
]
Plot = Annotated[Path | None, typer.Option("--plot", help="Plot the measures: .png, .svg or .html.")]


class Ways(msgspec.Struct, frozen=True):
    """How to search: in each mode for `k` passages, with or without reranking."""

    modes: list[Mode]
    k: int
    rerank: bool | None


@app.command()
def retrieval(
    dataset: Annotated[
        Path | None,
        typer.Option(help="A folder with a dataset in BEIR's format.", exists=True, file_okay=False),
    ] = None,
    namespace: Annotated[str | None, typer.Option(help="A namespace, by name or id.")] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            help="Questions for the namespace: .jsonl or .csv.", exists=True, dir_okay=False, readable=True
        ),
    ] = None,
    mode: Annotated[list[str] | None, typer.Option(help=f"{', '.join(MODES)}. [default: all]")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=MAX_K, help="Number of passages to retrieve.")] = MAX_K,
    rerank: Annotated[
        bool | None, typer.Option("--rerank/--no-rerank", help="[default: if one is configured]")
    ] = None,
    acting: As = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Search for the answers to questions with known places, and measure the results.

    A line of a question file: {"question": "How long is the notice period?", "document": "contract.pdf",
    "page": 3}. A dataset is ingested once, into a separate store in the data directory.

    Example: luma eval retrieval --namespace contracts --questions questions.jsonl --plot quality.png
    """
    require_libraries()
    ways = Ways(_modes(mode or list(MODES)), k, rerank)
    if plot is not None:
        # Before the run, which may take an hour.
        check_plot(plot)
    configured = settings.load()
    if dataset is not None and namespace is None and questions is None:
        report = run(_of_dataset(configured, dataset, ways))
    elif dataset is None and namespace is not None and questions is not None:
        known = read_questions(questions)
        report = run(_of_namespace(configured, namespace, known, ways, acting))
    else:
        raise UsageError("Give either --dataset DIR, or --namespace NAME with --questions FILE.")
    if plot is not None:
        draw(report, plot)
    if json:
        print_json(report)
    else:
        _print(report)


@app.command()
def compare(first: Result, second: Result, json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Compare two results of `luma eval retrieval --json`, question by question.

    Example: luma eval compare before.json after.json
    """
    comparisons = compare_reports(read_report(first), read_report(second))
    if json:
        print_json(comparisons)
    else:
        for comparison in comparisons:
            _print_comparison(comparison)


def check_plot(path: Path) -> None:
    """See that a plot can be written to this file.

    Raises:
        UsageError: it can't; the message says why.
    """
    folder = path.absolute().parent
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot {path}: the name must end in {', '.join(FORMATS)}.")
    if path.is_dir():
        raise UsageError(f"--plot {path}: this is a folder. Name a file in it.")
    if not folder.is_dir():
        raise UsageError(f"--plot {path}: there is no folder {folder}.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--plot {path}: no permission to write there.")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install matplotlib")


async def _of_namespace(
    configured: Settings, name: str, questions: list[Question], ways: Ways, acting: str | None
) -> Report:
    async with open_runtime(configured) as runtime:
        async with runtime.sessions.begin() as session:
            principal = await caller(session, acting)
            namespace = await namespaces.by_name(session, principal, name)
        return await _report(runtime, principal, namespace.id, namespace.name, questions, ways)


async def _of_dataset(configured: Settings, folder: Path, ways: Ways) -> Report:
    dataset = sets.read_dataset(folder)
    # Separate from the users' store: the texts of a dataset have no files.
    folder = configured.data_dir / "evaluation" / sets.store_name(dataset, configured.ingest)
    apart = msgspec.structs.replace(configured, data_dir=folder, database_url=None)
    async with open_runtime(apart) as runtime:
        with _progress("Ingesting the dataset", len(dataset.entries)) as show:
            principal, namespace_id = await sets.load(
                runtime, runtime.embedder, dataset, configured.ingest.chunk, show
            )
        return await _report(runtime, principal, namespace_id, dataset.name, dataset.questions, ways)


async def _report(
    runtime: Runtime,
    principal: Principal,
    namespace_id: int,
    name: str,
    questions: list[Question],
    ways: Ways,
) -> Report:
    runs = []
    for mode in ways.modes:
        with _progress(f"Searching, {mode}", len(questions)) as show:
            runs.append(
                await run_questions(
                    runtime.sessions,
                    runtime.retriever,
                    principal,
                    namespace_id,
                    questions,
                    mode=mode,
                    k=ways.k,
                    rerank=ways.rerank,
                    on_progress=show,
                )
            )
    return Report(name, utcnow(), runtime.embedder.model.name, runs)


def _modes(names: list[str]) -> list[Mode]:
    known = {str(mode): mode for mode in MODES}
    for name in names:
        if name not in known:
            raise UsageError(f"There is no mode {name}. The modes are {', '.join(MODES)}.")
    return [known[name] for name in names]


@contextmanager
def _progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, completed=done)


def _print(report: Report) -> None:
    table = Table(
        "", *(run.mode for run in report.runs), title=f"{report.of}, {report.runs[0].questions} questions"
    )
    for name in MEASURES:
        found = [run.measures[name] for run in report.runs]
        table.add_row(name, *(f"{m.mean:.3f} [dim]({m.low:.3f} to {m.high:.3f})[/]" for m in found))
    for label, field in (("p50, ms", "p50"), ("p95, ms", "p95")):
        table.add_row(label, *(f"{getattr(run.latency, field):.1f}" for run in report.runs))
    if any(run.reranked for run in report.runs):
        table.add_row("reranked", *(str(run.reranked) for run in report.runs))
    table.add_row("leaked", *(str(run.leaked) for run in report.runs))
    console.print(table)
    say("In parentheses: 95 % confidence interval. The mean of RR is the MRR.")
    for other in report.runs[1:]:
        _print_comparison(compare_runs(report.runs[0], other, (report.runs[0].mode, other.mode)))
    if unknown := report.runs[0].unknown:
        some = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
        say(f"{len(unknown)} documents that the questions name are not in the namespace: {some}", err=True)


def _print_comparison(comparison: Comparison) -> None:
    parts = [
        f"{name} {difference.mean:+.3f} (p {difference.p:.3f})"
        for name, difference in comparison.differences.items()
    ]
    console.print(f"{comparison.second} minus {comparison.first}: {', '.join(parts)}", highlight=False)
