import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests import chromium
from tests.browser import Page, enter, register, watched
from tests.databases import own_database
from tests.documents_page import add_user
from tests.paths import ROOT
from tests.scripted_llm import ScriptedLLM, scripted_llm
from tests.service_process import serving

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo documents."""
    out = tmp_path_factory.mktemp("documents")
    script = ROOT / "docs" / "demo" / "make_documents.py"
    subprocess.run([sys.executable, script, out], check=True, timeout=120, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture(scope="session")
def server_database(server_url: str, template_without_rows: str) -> Iterator[str]:
    """The database of `server`. A copy is there sooner than a Postgres of its own."""
    with own_database(server_url, template_without_rows) as database:
        yield database


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, server_database: str) -> Iterator[str]:
    """The address of a separate Luma with an empty database and no LLM."""
    with serving(tmp_path_factory.mktemp("luma"), LUMA_DATABASE_URL=server_database) as base:
        yield base


@pytest.fixture(scope="session")
def answering(
    tmp_path_factory: pytest.TempPathFactory, server_url: str, template_without_rows: str
) -> Iterator[tuple[str, ScriptedLLM]]:
    """The address of a separate Luma with an LLM and the first account, and the LLM."""
    with scripted_llm() as llm, own_database(server_url, template_without_rows) as database:
        settings = {
            "LUMA_DATABASE_URL": database,
            "LUMA_LLM_BASE_URL": llm.base_url,
            "LUMA_LLM_MODEL": "scripted",
        }
        with serving(tmp_path_factory.mktemp("luma-llm"), **settings) as base:
            register(base)
            yield base, llm


@pytest.fixture
def llm(answering: tuple[str, ScriptedLLM]) -> Iterator[ScriptedLLM]:
    """The LLM of `answering`, which says the same to everything unless the test says otherwise."""
    llm = answering[1]
    llm.script = ["Yes [1]."]
    yield llm
    llm.status = 200
    llm.finish_reason = "stop"
    llm.let_go()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A real headless Chromium."""
    if not chromium.is_installed():
        pytest.skip("no chromium and chromedriver here: apt-get install chromium chromium-driver")
    with chromium.chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def cleared(driver: webdriver.Chrome, server: str) -> Iterator[Page]:
    """A browser without a session. At teardown, no script may have failed or been blocked."""
    with watched(driver, server) as page:
        yield page


@pytest.fixture
def page(cleared: Page) -> Page:
    """The page without a session."""
    cleared.open("/")
    return cleared


@pytest.fixture(scope="module")
def modules(driver: webdriver.Chrome, server: str) -> Page:
    """The page after loading, for tests of its modules."""
    page = Page(driver, server)
    driver.delete_all_cookies()
    page.open("/")
    return page


@pytest.fixture(scope="session")
def account(server: str) -> None:
    """The first account."""
    register(server)


@pytest.fixture
def signed_in(account: None, cleared: Page) -> Page:
    """The page with a session of the first account."""
    enter(cleared)
    return cleared


@pytest.fixture
def newcomer(account: None, cleared: Page) -> Page:
    """The page with a session of a user who has nothing yet. The sidebar names only a few namespaces."""
    name = f"newcomer{next(_numbers)}"
    add_user(cleared.base, name)
    enter(cleared, name)
    return cleared


@pytest.fixture
def answered(
    driver: webdriver.Chrome, answering: tuple[str, ScriptedLLM], llm: ScriptedLLM
) -> Iterator[Page]:
    """The page of the Luma with an LLM, with a session of the first account."""
    with watched(driver, answering[0]) as page:
        enter(page)
        yield page
