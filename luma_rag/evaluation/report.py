"""Evaluation reports: runs in several modes over the same questions, stored in files and compared."""

from datetime import datetime
from pathlib import Path

import msgspec

from luma_rag.errors import InvalidInputError
from luma_rag.evaluation.measures import MEASURES, Difference, compare
from luma_rag.evaluation.runner import Run


class Report(msgspec.Struct, frozen=True):
    """An evaluation: the documents, the date, the model, and a run per mode."""

    of: str
    at: datetime
    model: str
    runs: list[Run]


class Comparison(msgspec.Struct, frozen=True):
    """The difference of each metric, second run minus first."""

    first: str
    second: str
    differences: dict[str, Difference]


def read_report(path: Path) -> Report:
    """Read a report that was written with `--json`.

    Raises:
        InvalidInputError: it is not a report.
    """
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
        if not report.runs or any(run.measures.keys() != set(MEASURES) for run in report.runs):
            raise msgspec.ValidationError("it has no runs, or other measures than this version of Luma")
        return report
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidInputError(
            f"{path} is not the result of an evaluation ({error}). "
            f"Make one: luma eval retrieval … --json > {path}"
        ) from None


def compare_runs(first: Run, second: Run, names: tuple[str, str]) -> Comparison:
    """Compare every metric of two runs.

    Raises:
        InvalidInputError: they have no question in common.
    """
    try:
        differences = {name: compare(first.measures[name], second.measures[name]) for name in MEASURES}
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
    return Comparison(*names, differences)


def compare_reports(first: Report, second: Report) -> list[Comparison]:
    """Pair the runs of two reports by mode; without a common mode, pair the first runs.

    Raises:
        InvalidInputError: they have no question in common.
    """
    by_mode = {run.mode: run for run in second.runs}
    pairs = [(run, by_mode[run.mode]) for run in first.runs if run.mode in by_mode]
    return [
        compare_runs(a, b, (f"first, {a.mode}", f"second, {b.mode}"))
        for a, b in pairs or [(first.runs[0], second.runs[0])]
    ]
