"""`luma db`: the database that is in use."""

import asyncio
import subprocess

import typer

from luma_rag import settings
from luma_rag.cli.output import console, errors
from luma_rag.db import embedded
from luma_rag.db.connect import database_url
from luma_rag.runtime import open_store

app = typer.Typer(help="Look at the database that Luma uses.", no_args_is_help=True)


@app.command()
def url() -> None:
    """Print the URL of the database in use.

    Example: psql "$(luma db url)"
    """
    configured = settings.load()
    if configured.database_url is None and not embedded.is_running(configured.data_dir):
        errors.print(
            "The embedded server runs only while a command of Luma uses it. For a shell: luma db psql",
            style="yellow",
        )
    with database_url(configured) as found:
        print(found)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; further arguments go to psql.

    Example: luma db psql -c "SELECT count(*) FROM document"
    """
    with database_url(settings.load()) as found:
        program = str(embedded.binaries() / "psql")
        done = subprocess.run([program, found, *context.args], check=False)
    raise typer.Exit(done.returncode)


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this version; every other command does so too."""

    async def run() -> None:
        async with open_store(settings.load()):
            pass

    asyncio.run(run())
    console.print("The database is up to date.")


@app.command()
def stop() -> None:
    """Stop the embedded server, also while commands use it; nothing that was stored is lost."""
    was_running = embedded.stop(settings.load().data_dir)
    console.print("Stopped." if was_running else "The embedded server was not running.")
