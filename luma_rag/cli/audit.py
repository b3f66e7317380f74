"""`luma audit`: the audit trail, on a terminal or in a file."""

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
from luma_rag.audit.files import CSV_HEADER, Lines, csv_lines, json_lines
from luma_rag.audit.trail import Event, EventFilter
from luma_rag.cli.audit_sentences import sentence
from luma_rag.cli.options import Json
from luma_rag.cli.output import console, print_json, say
from luma_rag.cli.running import run
from luma_rag.db.models import User
from luma_rag.errors import ConflictError, InvalidInputError
from luma_rag.pagination import Page, Pagination
from luma_rag.store import Store, open_store

app = typer.Typer(invoke_without_command=True)

_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMATS: dict[str, tuple[str, Lines]] = {".jsonl": ("", json_lines), ".csv": (CSV_HEADER, csv_lines)}

Since = Annotated[
    str | None, typer.Option("--since", help="A span such as 30m, 12h, 7d, 2w, or a date such as 2026-01-31.")
]
Actor = Annotated[str | None, typer.Option("--actor", help="Only events of this user: name or id.")]
Prefix = Annotated[
    str | None,
    typer.Option("--action", help="Only this action, or actions with this prefix, such as document."),
]


@app.callback()
def show(
    context: typer.Context,
    since: Since = None,
    actor: Actor = None,
    action: Prefix = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of events.")] = 50,
    json: Json = False,
) -> None:
    """Show and export the audit trail.

    Without a command, show sign-ins and changes of access, newest first.

    Example: luma audit --since 7d --action document
    """
    if context.invoked_subcommand is not None:
        return

    async def read() -> Page[Event]:
        async with open_store(settings.load()) as store:
            wanted = await _wanted(store, since, actor, action)
            async with store.sessions.begin() as session:
                return await trail.events(session, wanted, Pagination(limit))

    found = run(read())
    if json:
        print_json(found)
    else:
        _print(found)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A new file, .jsonl or .csv.")],
    since: Since = None,
    actor: Actor = None,
    action: Prefix = None,
) -> None:
    """Write events to FILE, oldest first: JSON Lines (.jsonl) or CSV (.csv).

    Example: luma audit export january.csv --since 2026-01-01
    """
    if file.suffix.lower() not in _FORMATS:
        raise InvalidInputError("The name of the file must end in .jsonl or .csv.")
    header, lines = _FORMATS[file.suffix.lower()]

    async def write_to(opened: TextIO) -> int:
        count = 0
        opened.write(header)
        async with open_store(settings.load()) as store:
            wanted = await _wanted(store, since, actor, action)
            async for batch in trail.all_events(store.sessions, wanted):
                opened.writelines(lines(batch))
                count += len(batch)
        return count

    with _new_file(file) as opened:
        try:
            count = run(write_to(opened))
        except BaseException:
            file.unlink()
            raise
    say(f"Wrote {count} events to {file}.")


def _new_file(file: Path) -> TextIO:
    try:
        # The file contains names and addresses, so only its owner may read it.
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
        # A removed account has events, but no name.
        return int(actor)
    raise InvalidInputError(f"There is no user called {actor}. Give the id of a removed account.")


def actions(prefix: str) -> list[Action]:
    """The actions with this prefix.

    Raises:
        InvalidInputError: there is none; the message lists all actions.
    """
    known: tuple[Action, ...] = get_args(Action)
    if found := [action for action in known if action.startswith(prefix)]:
        return found
    raise InvalidInputError(f"No action begins with {prefix}. The actions are: {', '.join(known)}.")


def moment(since: str, now: datetime) -> datetime:
    """The time that `7d` or `2026-01-31` names; a time without a zone is in UTC.

    Raises:
        InvalidInputError: it is neither a span nor a date.
    """
    try:
        if span := _SPAN.fullmatch(since):
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        time = datetime.fromisoformat(since)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"--since {since} is not a time. Use a span such as 30m, 12h, 7d or 2w, or a date such as "
            "2026-01-31."
        ) from None


def _print(found: Page[Event]) -> None:
    if not found.items:
        say("Nothing in the audit trail matches.")
        return
    table = Table("when (UTC)", "what", "address", "request")
    for event in found.items:
        # Names are data, never markup.
        cells = (
            f"{event.at:%Y-%m-%d %H:%M:%S}",
            sentence(event),
            event.address or "",
            event.request_id or "",
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    if found.total > len(found.items):
        say(f"{found.total - len(found.items)} earlier events are not shown; see --limit.")
