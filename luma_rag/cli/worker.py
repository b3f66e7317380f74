"""`luma worker`: workers without a server, and `luma workers`: what all workers are doing."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from luma_rag import __version__, log, settings, tracing
from luma_rag.access import require_admin
from luma_rag.cli.options import As, Json
from luma_rag.cli.output import console, print_json, say
from luma_rag.cli.running import run, stop_signal, transaction
from luma_rag.documents.workers import WorkerView
from luma_rag.documents.workers import workers as connected
from luma_rag.errors import ConfigurationError
from luma_rag.settings import Settings
from luma_rag.store import open_store
from luma_rag.worker_process import worker_processes


def worker(
    count: Annotated[int, typer.Option("--number", "-n", min=1, help="Number of worker processes.")] = 1,
) -> None:
    """Read documents from the queue, on any machine that shares the database and the files.

    The machine needs the same `LUMA_DATABASE_URL` as `luma serve`, and its folder `files` in the data
    directory. SIGTERM and Ctrl-C stop the workers; what they were reading is queued again.

    Example: luma worker -n 2
    """
    configured = settings.load()
    if configured.database_url is None:
        raise ConfigurationError(
            "luma worker needs a Postgres server that it shares with luma serve: set LUMA_DATABASE_URL to "
            "its address, for both. The embedded database serves only its own machine; there, run luma serve "
            "--workers 2."
        )
    log.to_stderr(configured.log)
    tracing.start("worker", __version__)
    asyncio.run(_work(configured, count))


async def _work(configured: Settings, count: int) -> None:
    async with stop_signal() as stopped:
        # Says at once what is wrong with the database or the folder.
        async with open_store(configured, pool_size=1):
            pass
        async with worker_processes(configured, count):
            number = "1 worker reads" if count == 1 else f"{count} workers read"
            say(f"{number} documents. Press Ctrl-C to stop.")
            await stopped.wait()


def workers(acting: As = None, json: Json = False) -> None:
    """List the workers of all machines, and what they are reading.

    Example: luma workers
    """

    async def read() -> list[WorkerView]:
        async with transaction(acting) as (session, principal):
            require_admin(principal)
            return await connected(session)

    found = run(read())
    if json:
        print_json(found)
        return
    if not found:
        say("No worker runs. Start luma serve, or luma worker.")
        return
    table = Table("host", "process", "since (UTC)", "last heartbeat (UTC)", "reads", "documents read")
    for each in found:
        table.add_row(
            Text(each.host or "unknown"),
            str(each.process_id or ""),
            _time(each.started_at),
            _time(each.seen_at),
            _reading(each),
            str(each.documents),
        )
    console.print(table)


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


def _reading(worker: WorkerView) -> str:
    if worker.doc_id is None:
        return "nothing"
    return f"document {worker.doc_id}: {worker.stage} {worker.progress or 0:.0%}"
