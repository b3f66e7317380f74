"""Shared fixtures: a real Postgres, the real model and a real HTTP server, each started once."""

import functools
import os
import signal
import ssl
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.accounts import passwords
from luma_rag.db.embedded import running, stop
from luma_rag.db.session import create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.runtime import Runtime, Store, open_services
from luma_rag.settings import Settings
from tests import servers
from tests.api import Api
from tests.databases import Database, Databases, create_template, drop, run_on
from tests.servers import serving

__all__ = ["run_on", "serving"]

pytest_plugins = ["tests.canned_server", "tests.cross_encoder", "tests.library", "tests.luma_command"]

TIERS = ("unit", "integration", "end_to_end", "slow")
# Real servers, browsers and killed processes on a busy machine: a test that passes only at the second attempt
# is named in the summary. Those of access are never tried twice: a leak that shows once is a leak.
TRIED_TWICE = ("integration", "end_to_end", "slow")
TRIED_ONCE = "access"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, the name of its folder. Tests outside the tiers are integration tests by
    default.
    """
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in TIERS:
            item.add_marker(folder)
        elif not any(item.get_closest_marker(tier) for tier in TIERS):
            item.add_marker("integration")
        if folder != TRIED_ONCE and any(item.get_closest_marker(tier) for tier in TRIED_TWICE):
            item.add_marker(pytest.mark.flaky(reruns=1))
    # These come first, because an idle process takes over the last tests of another, and would need a browser
    # and services of its own for them.
    items.sort(key=lambda item: item.get_closest_marker("end_to_end") is None)


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
async def template_without_rows(server_url: str) -> AsyncGenerator[str]:
    """The name of a migrated database without rows."""
    name = f"luma_template_{os.getpid()}"
    await create_template(server_url, name)
    yield name
    await drop(server_url, name)


@pytest.fixture(scope="session")
def template(template_without_rows: str) -> str:
    """The database that tests copy; a module may override it."""
    return template_without_rows


@pytest.fixture(scope="session")
async def databases(server_url: str, template_without_rows: str) -> AsyncGenerator[Databases]:
    """The databases of this worker process."""
    pool = Databases(server_url, template_without_rows)
    yield pool
    await pool.close()


@pytest.fixture(scope="session", autouse=True)
async def _servers() -> AsyncGenerator[None]:
    yield
    await servers.stop_all()


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    # Shells start background jobs with SIGINT ignored, and so would be the commands that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Generator[None]:
    # httpx would load the certificates for each client, which takes longer than most requests.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Generator[None]:
    # At its real cost, password hashing would dominate the run time.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
async def copy(databases: Databases, template: str) -> AsyncGenerator[Database]:
    """A copy of the template. If a test changes its schema, the next test gets a new one."""
    taken = await databases.take(template)
    yield taken
    await databases.give_back(taken)


@pytest.fixture
def database(copy: Database) -> str:
    """The libpq URL of a migrated database, without rows unless the template has some."""
    return copy.url


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings for the test's database and folder."""
    return Settings(data_dir=tmp_path / "luma", database_url=database)


@pytest.fixture
def store(settings: Settings, copy: Database) -> Store:
    """The test's database and files."""
    storage = FileStorage(settings.data_dir / "files", settings.max_upload_mb * 2**20)
    engine = copy.engine
    return Store(settings, copy.url, engine, create_sessions(engine), storage)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real model."""
    return PackagedEmbedder()


@pytest.fixture
async def runtime(store: Store, embedder: Embedder) -> AsyncGenerator[Runtime]:
    """The components of the service, with the extractive answerer."""
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
