"""Evaluation charts."""

import html
import io
from pathlib import Path

from luma_rag.errors import InvalidInputError
from luma_rag.evaluation.measures import MEASURES
from luma_rag.evaluation.report import Report

FORMATS = (".png", ".svg", ".html")
_COLOURS = ("#1b6ca8", "#e08e2b", "#5a9367", "#8c5e99")


def draw(report: Report, path: Path) -> None:
    """Draw the means with their confidence intervals: a group of bars per metric, a bar per mode.

    Raises:
        InvalidInputError: the suffix of `path` is not one of `FORMATS`.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InvalidInputError(
            f"A plot is written as {', '.join(FORMATS)}; {path.name} ends in none of them."
        )
    picture = _picture(report, "png" if suffix == ".png" else "svg")
    if suffix == ".html":
        svg = picture.decode().partition("<svg")[2]
        page = f"<!doctype html><meta charset=utf-8><title>{html.escape(report.of)}</title><svg{svg}"
        picture = page.encode()
    path.write_bytes(picture)


def _picture(report: Report, kind: str) -> bytes:
    # Not pyplot, which looks for a display and keeps every figure in memory.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(report.runs)
    for number, run in enumerate(report.runs):
        found = [run.measures[name] for name in MEASURES]
        means = [measured.mean for measured in found]
        below = [measured.mean - measured.low for measured in found]
        above = [measured.high - measured.mean for measured in found]
        places = [i + (number - (len(report.runs) - 1) / 2) * width for i in range(len(MEASURES))]
        bars = axes.bar(
            places,
            means,
            width * 0.92,
            yerr=(below, above),
            label=run.mode,
            color=_COLOURS[number % len(_COLOURS)],
            error_kw={"ecolor": "#333", "elinewidth": 1, "capsize": 2},
        )
        axes.bar_label(bars, [f"{mean:.3f}" for mean in means], padding=2, fontsize=7)
    axes.set_xticks(range(len(MEASURES)), MEASURES)
    axes.set_ylim(0, 1.08)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{report.of}: {report.runs[0].questions} questions, 95 % intervals", fontsize=10)
    figure.legend(loc="outside lower center", ncols=len(report.runs), frameon=False)
    written = io.BytesIO()
    figure.savefig(written, format=kind, dpi=150)
    return written.getvalue()
