"""A real Postgres, migrated once and copied for each test; the real model; a real HTTP server."""

import asyncio
import itertools
import os
import socket
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from ingest.embedder import Embedder
from luma_rag.db import migrate
from luma_rag.db.embedded import running, stop
from luma_rag.db.session import create_engine, create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.http import server
from luma_rag.runtime import Runtime, Store, open_services
from luma_rag.settings import Settings
from tests.api import Api

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """The libpq URL of an embedded Postgres, or of the one that another run has started."""
    if shared := os.environ.get("LUMA_TEST_POSTGRES"):
        yield shared
        return
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        with running(Path(folder), grace=0) as url:
            yield url
        stop(Path(folder))


@pytest.fixture(scope="session")
async def template(server_url: str) -> str:
    """The name of a migrated database, to be copied."""
    # Copying and dropping a database for each test is mostly waiting for the disk, and nothing is to last.
    await run_on(server_url, "ALTER SYSTEM SET fsync = off")
    await run_on(server_url, "SELECT pg_reload_conf()")
    name = f"luma_template_{os.getpid()}"
    await run_on(server_url, f"CREATE DATABASE {name}")
    engine = create_engine(_database(server_url, name))
    await migrate.upgrade(engine)
    await engine.dispose()
    return name


@pytest.fixture
async def database(server_url: str, template: str) -> AsyncGenerator[str]:
    """The libpq URL of a migrated database for one test."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    await run_on(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _database(server_url, name)
    await run_on(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings that name the test's database and folder."""
    return Settings(data_dir=tmp_path / "luma", database_url=database)


@pytest.fixture
async def store(settings: Settings, database: str) -> AsyncGenerator[Store]:
    """The test's database and files."""
    engine = create_engine(database)
    storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
    yield Store(settings, database, engine, create_sessions(engine), storage)
    await engine.dispose()


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real model."""
    return Embedder()


@pytest.fixture
async def runtime(store: Store, embedder: Embedder) -> AsyncGenerator[Runtime]:
    """What the service works with, quoting for lack of an LLM."""
    async with open_services(store, embedder) as services:
        yield services


@pytest.fixture
async def base_url(runtime: Runtime) -> AsyncGenerator[str]:
    """The address of a real server on this runtime."""
    async with serving(runtime) as url:
        yield url


@pytest.fixture
async def api(base_url: str, runtime: Runtime) -> AsyncGenerator[Api]:
    """Clients of the server, by user."""
    async with Api(base_url, runtime) as clients:
        yield clients


@asynccontextmanager
async def serving(runtime: Runtime) -> AsyncGenerator[str]:
    """Serve a runtime by HTTP on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Under plain asyncio an answer in two packets would wait 40 ms for the client's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready = asyncio.Event()
        running_server = asyncio.create_task(server.run(runtime, listening, ready.set))
        await ready.wait()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            running_server.cancel()
            await asyncio.gather(running_server, return_exceptions=True)


def _database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def run_on(url: str, statement: str) -> None:
    """Execute a statement that may not stand in a transaction."""
    engine = create_engine(url, pool_size=1)
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text(statement))
    await engine.dispose()
