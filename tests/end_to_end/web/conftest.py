import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium import webdriver

from tests import chromium
from tests.browser import PASSWORD, USER, Page
from tests.paths import ROOT
from tests.service_process import serving


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo documents."""
    out = tmp_path_factory.mktemp("documents")
    script = ROOT / "docs" / "demo" / "make_documents.py"
    subprocess.run([sys.executable, script, out], check=True, timeout=120, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a separate Luma with an empty database and no LLM."""
    with serving(tmp_path_factory.mktemp("luma")) as base:
        yield base


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
    page = Page(driver, server)
    page.resize(1280, 800)
    # A page of the same origin that runs nothing.
    driver.get(f"{server}/problems")
    driver.delete_all_cookies()
    driver.execute_script("sessionStorage.clear(); localStorage.clear()")
    driver.get_log("browser")
    yield page
    complaints = [entry["message"] for entry in driver.get_log("browser")]
    assert not [text for text in complaints if "Content Security Policy" in text or "Uncaught" in text]


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
    account = {"username": USER, "email": "mira@quillhaven.example", "password": PASSWORD}
    httpx.post(f"{server}/api/auth/register", json=account).raise_for_status()


@pytest.fixture
def signed_in(account: None, cleared: Page) -> Page:
    """The page with a session of the first account, which is quicker than the form."""
    with httpx.Client(base_url=cleared.base) as client:
        client.post("/api/auth/login", json={"username": USER, "password": PASSWORD}).raise_for_status()
        for name, value in client.cookies.items():
            cleared.driver.add_cookie({"name": name, "value": value})
    cleared.open("/")
    return cleared
