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
def page(driver: webdriver.Chrome, server: str) -> Iterator[Page]:
    """The page without a session. At teardown, no script may have failed or been blocked."""
    page = Page(driver, server)
    page.resize(1280, 800)
    page.open("/")
    driver.delete_all_cookies()
    driver.execute_script("sessionStorage.clear(); localStorage.clear()")
    driver.get_log("browser")
    page.open("/")
    yield page
    complaints = [entry["message"] for entry in driver.get_log("browser")]
    assert not [text for text in complaints if "Content Security Policy" in text or "Uncaught" in text]


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
def signed_in(account: None, page: Page) -> Page:
    """The page with the first account signed in."""
    page.open("/")
    page.sign_in()
    return page
