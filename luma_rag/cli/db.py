"""`luma db`: the database in use."""

import subprocess
from typing import Annotated

import msgspec
import typer

from luma_rag import settings
from luma_rag.backfills import Unfinished, unfinished
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import Json, Yes
from luma_rag.cli.output import print_json, say
from luma_rag.cli.running import run
from luma_rag.db import embedded
from luma_rag.db.connect import database_url
from luma_rag.db.migrate import current_and_head
from luma_rag.store import open_store


class _Status(msgspec.Struct, frozen=True):
    revision: str | None
    backfills: list[Unfinished]


app = typer.Typer(help="Work with the database.", no_args_is_help=True)


@app.command()
def url(json: Json = False) -> None:
    """Print the URL of the database in use.

    Example: luma db url
    """
    configured = settings.load()
    if configured.database_url is None and not embedded.is_running(configured.data_dir):
        say(
            "The embedded server runs only while a command of Luma uses it. For a shell: luma db psql",
            err=True,
        )
    with database_url(configured) as found:
        if json:
            print_json({"url": found})
        else:
            print(found)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(
    context: typer.Context,
    superuser: Annotated[
        bool, typer.Option("--superuser", help="Connect as the superuser of the embedded Postgres.")
    ] = False,
) -> None:
    """Open psql on the database; further arguments are passed to psql.

    Example: luma db psql -c "SELECT count(*) FROM document"
    """
    configured = settings.load()
    if superuser and configured.database_url is not None:
        raise UsageError("--superuser is for the embedded Postgres, and LUMA_DATABASE_URL names another one.")
    with database_url(configured) as found:
        address = embedded.as_superuser(found) if superuser else found
        program = str(embedded.binaries() / "psql")
        done = subprocess.run([program, address, *context.args], check=False)
    raise typer.Exit(done.returncode)


@app.command()
def upgrade(json: Json = False) -> None:
    """Migrate the database to the schema of this version, as every other command does.

    Example: luma db upgrade
    """

    async def migrate() -> None:
        async with open_store(settings.load()):
            pass

    run(migrate())
    if json:
        print_json({"upgraded": True})
    else:
        say("The database is up to date.")


@app.command("adopt-files")
def adopt_files(yes: Yes = False, json: Json = False) -> None:
    """Use the data directory's files for this database, after a restore or a move.

    From then on, servers with another data directory refuse to start. Run `luma verify` afterwards.

    Example: luma db adopt-files
    """
    configured = settings.load()
    folder = configured.data_dir / "files"
    if not yes:
        typer.confirm(f"Use {folder} for this database?", abort=True, err=True)

    async def adopt() -> None:
        async with open_store(configured, adopts_files=True):
            pass

    run(adopt())
    if json:
        print_json({"adopted": folder})
    else:
        say(f"The database uses {folder}. Check it: luma verify")


@app.command()
def status(json: Json = False) -> None:
    """Show the revision of the database and its unfinished backfills.

    Example: luma db status
    """

    async def look() -> _Status:
        async with open_store(settings.load()) as store, store.sessions.begin() as session:
            connection = await session.connection()
            revision, _ = await connection.run_sync(current_and_head)
            return _Status(revision, await unfinished(session))

    found = run(look())
    if json:
        print_json(found)
        return
    say(f"The database is up to date, at revision {found.revision}.")
    for backfill in found.backfills:
        say(
            f"The backfill {backfill.name} is at row {backfill.position}. It continues while luma serve runs."
        )


@app.command()
def stop(json: Json = False) -> None:
    """Stop the embedded server, even while commands use it. Stored data is safe.

    Example: luma db stop
    """
    was_running = embedded.stop(settings.load().data_dir)
    if json:
        print_json({"was_running": was_running})
    else:
        say("Stopped." if was_running else "The embedded server was not running.")
