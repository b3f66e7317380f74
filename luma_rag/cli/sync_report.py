"""What `luma sync` has done: a table for people, JSON for programs."""

from collections import Counter
from collections.abc import Sequence
from typing import get_args

import msgspec
from rich.table import Table
from rich.text import Text

from ingest.types import ReadingWarning
from luma_rag.cli.output import console, say
from luma_rag.sync.running import Action, Outcome

ACTIONS: tuple[Action, ...] = get_args(Action)
_LISTED = 20
_GONE = "gone from the source, and kept"


class SyncedFile(msgspec.Struct, frozen=True):
    """What was done with a file; see `Outcome`. `warnings` say what of it could not be read."""

    path: str
    action: Action
    doc_id: int | None
    came_from: str | None
    reason: str | None
    warnings: list[ReadingWarning] = []


class SyncReport(msgspec.Struct, frozen=True):
    """The result of a run. `counts` has the number of files by action, `files` those that are not unchanged.

    `waiting` is the number of documents that wait for another attempt.
    """

    source: str
    namespace_id: int | None
    is_dry_run: bool
    counts: dict[str, int]
    waiting: int
    seconds: float
    files: list[SyncedFile]

    @property
    def has_failed(self) -> bool:
        """Whether not every file could be stored and read."""
        return bool(self.counts["failed"] or self.waiting)

    def has_news(self, last: "SyncReport | None") -> bool:
        """Whether anything was done, or something else failed than the `last` time."""
        done = sum(self.counts[action] for action in ("new", "changed", "moved", "removed"))
        return bool(done) or self.failures != (last.failures if last is not None else set())

    @property
    def failures(self) -> set[tuple[str, str | None]]:
        """What failed, and why."""
        return {(file.path, file.reason) for file in self.files if file.action == "failed"}


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The number of files by action, zeros included."""
    found = Counter(outcome.action for outcome in outcomes)
    return {action: found[action] for action in ACTIONS}


def print_report(report: SyncReport) -> None:
    """Print a report as tables."""
    summary = Table("files", "number")
    for action, count in report.counts.items():
        summary.add_row(action if action != "gone" else _GONE, str(count))
    console.print(summary)
    would = "Nothing was changed: this was a dry run. " if report.is_dry_run else ""
    say(f"{would}{report.source} was compared in {report.seconds:.1f} s.")
    for action in ACTIONS:
        files = [file for file in report.files if file.action == action]
        if action in ("failed", "skipped"):
            _print_table((action, "reason"), [(file.path, file.reason or "") for file in files])
        elif action == "moved":
            rows = [(file.path, file.came_from or "") for file in files]
            _print_table(("moved to", "from"), rows, limit=_LISTED)
        elif action != "new" or report.is_dry_run:
            _print_table((action,), [(file.path,) for file in files], limit=_LISTED)
    warned = [
        (file.path, "\n".join(warning.text for warning in file.warnings))
        for file in report.files
        if file.warnings
    ]
    _print_table(("not read, or not for certain", "reason"), warned)
    if report.waiting:
        say(f"{report.waiting} documents wait for another attempt by `luma serve` or `luma sync`.")
    if report.counts["gone"]:
        say("The documents of files that are gone are kept. To remove them: --delete")


def _print_table(titles: Sequence[str], rows: Sequence[tuple[str, ...]], limit: int | None = None) -> None:
    if not rows:
        return
    table = Table(*titles, show_lines=len(titles) > 1)
    for row in rows[:limit]:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    if limit is not None and len(rows) > limit:
        say(f"… and {len(rows) - limit} more; --json lists all.")
