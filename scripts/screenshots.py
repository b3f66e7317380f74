"""Take the screenshots of the documentation with a real Chromium: `python -m scripts.screenshots`."""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser import PASSWORD, USER, Page
from tests.chromium import chromium
from tests.paths import ROOT
from tests.service_process import serving

IMAGES = ROOT / "docs" / "images"
QUESTIONS = ["How many days of paid leave do I have in a year?", "How long must passwords be?"]


def take(page: Page, documents: Path) -> None:
    """Ask in a namespace with the demo documents, and save what is shown."""
    page.open("/")
    account = {"username": USER, "email": "mira@quillhaven.example", "password": PASSWORD}
    page.call("POST", "/api/auth/register", account)
    page.call("POST", "/api/auth/login", {"username": USER, "password": PASSWORD})
    namespace = page.prepare_namespace("Quillhaven", sorted(documents.iterdir()))
    page.open(f"/n/{namespace}")
    for question in QUESTIONS:
        answers = page.texts("luma-answer-actions")
        page.wait_for("#question").send_keys(question, Keys.ENTER)
        page.wait(partial(_has_more, page, "luma-answer-actions", len(answers)), "the answer")
    save(page, "chat")
    page.click("luma-answer-text .cite")
    page.wait_for(".reader-mark.is-strong", 60)
    page.driver.execute_script("document.activeElement.blur()")
    save(page, "reader")
    page.open(f"/n/{namespace}/documents")
    page.wait_for("luma-document-row")
    save(page, "documents")


def _has_more(page: Page, selector: str, number: int) -> bool:
    return len(page.find_all(selector)) > number


def save(page: Page, name: str) -> None:
    """Save what is shown under `docs/images`."""
    page.settle()
    page.driver.save_screenshot(str(IMAGES / f"{name}.png"))


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = folder / "documents"
        script = ROOT / "docs" / "demo" / "make_documents.py"
        subprocess.run([sys.executable, script, documents], check=True, stdout=subprocess.DEVNULL)
        with serving(folder) as base, chromium(folder / "profile") as driver:
            page = Page(driver, base)
            page.resize(1440, 900)
            take(page, documents)


if __name__ == "__main__":
    main()
