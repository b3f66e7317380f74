"""`luma audit`: who did what to whose access, for people and for files."""

import asyncio
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TextIO, get_args

import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy import func, select

from luma_rag import settings
from luma_rag.audit import Action, trail
from luma_rag.audit.trail import Event, EventFilter
from luma_rag.cli.audit_files import Writer, csv_lines, json_lines
from luma_rag.cli.audit_sentences import sentence
from luma_rag.cli.output import console, print_json
from luma_rag.db.models import User
from luma_rag.errors import ConflictError, InvalidInputError
from luma_rag.pagination import Page, Pagination
from luma_rag.runtime import Store, open_store

app = typer.Typer(help="Show and export the audit trail.", invoke_without_command=True)

_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WRITERS: dict[str, Writer] = {".jsonl": json_lines, ".csv": csv_lines}

Since = Annotated[
    str | None, typer.Option("--since", help="A span such as 30m, 12h, 7d, 2w, or a date such as 2026-01-31.")
]
Actor = Annotated[str | None, typer.Option("--actor", help="Only what this user did: name or id.")]
Prefix = Annotated[
    str | None,
    typer.Option("--action", help="Only these: a whole action, or its beginning such as document."),
]


@app.callback()
def show(
    context: typer.Context,
    since: Since = None,
    actor: Actor = None,
    action: Prefix = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show who signed in, shared, published, deleted and made tokens, newest first.

    Example: luma audit --since 7d --action document
    """
    if context.invoked_subcommand is not None:
        return

    async def run() -> Page[Event]:
        async with open_store(settings.load()) as store:
            wanted = await _wanted(store, since, actor, action)
            async with store.sessions.begin() as session:
                return await trail.events(session, wanted, Pagination(limit))

    found = asyncio.run(run())
    if json:
        print_json(found)
    else:
        _print(found)


@app.command()
def export(file: Path, since: Since = None, actor: Actor = None, action: Prefix = None) -> None:
    """Write events to FILE, oldest first: as JSON lines (.jsonl) or for spreadsheets (.csv).

    Example: luma audit export january.csv --since 2026-01-01
    """
    write = _WRITERS.get(file.suffix.lower())
    if write is None:
        raise InvalidInputError("The name of the file must end in .jsonl or .csv.")

    async def run(opened: TextIO) -> int:
        async with open_store(settings.load()) as store:
            wanted = await _wanted(store, since, actor, action)
            async with store.sessions.begin() as session:
                return await write(trail.all_events(session, wanted), opened)

    with _new_file(file) as opened:
        try:
            written = asyncio.run(run(opened))
        except BaseException:
            file.unlink()
            raise
    console.print(f"Wrote {written} events to {file}.", markup=False, highlight=False)


def _new_file(file: Path) -> TextIO:
    try:
        # It will hold names and addresses: for nobody else's eyes.
        created = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConflictError(f"{file} exists; choose another name.") from None
    except OSError as error:
        raise InvalidInputError(f"{file} can't be written: {error.strerror}.") from None
    return os.fdopen(created, "w", encoding="utf-8", newline="")


async def _wanted(store: Store, since: str | None, actor: str | None, prefix: str | None) -> EventFilter:
    return EventFilter(
        actor_id=None if actor is None else await _actor_id(store, actor),
        actions=None if prefix is None else actions(prefix),
        since=None if since is None else moment(since, datetime.now(UTC)),
    )


async def _actor_id(store: Store, actor: str) -> int:
    async with store.sessions.begin() as session:
        known = await session.scalar(select(User.id).where(func.lower(User.username) == actor.lower()))
    if known is not None:
        return known
    if actor.isdecimal() and len(actor) < 10:
        # Who was removed has no name any more, but events.
        return int(actor)
    raise InvalidInputError(f"There is no user called {actor}. One who was removed is found by their id.")


def actions(prefix: str) -> list[Action]:
    """The actions that begin like this.

    Raises:
        InvalidInputError: none does; the message lists them all.
    """
    known: tuple[Action, ...] = get_args(Action)
    if found := [action for action in known if action.startswith(prefix)]:
        return found
    raise InvalidInputError(f"No action begins with {prefix}. There are: {', '.join(known)}.")


def moment(since: str, now: datetime) -> datetime:
    """The time that `7d` or `2026-01-31` names; a time without a zone is in UTC.

    Raises:
        InvalidInputError: it names none.
    """
    try:
        if span := _SPAN.fullmatch(since):
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        given = datetime.fromisoformat(since)
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"--since {since} is no time. Write a span such as 30m, 12h, 7d or 2w, or a date such as "
            "2026-01-31."
        ) from None


def _print(found: Page[Event]) -> None:
    if not found.items:
        console.print("Nothing was recorded that fits.")
        return
    table = Table("when (UTC)", "what", "address", "request")
    for event in found.items:
        # Names are data: they must not be taken for markup.
        cells = (
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            sentence(event),
            event.address or "",
            event.request_id or "",
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    if found.total > len(found.items):
        console.print(f"{found.total - len(found.items)} earlier ones are not shown; see --limit.")
