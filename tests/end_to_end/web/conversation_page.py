"""Actions in a conversation, for its tests."""

from collections.abc import Callable
from pathlib import Path

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser import Page


def open_chat(page: Page, namespace: int) -> None:
    """A new chat in a namespace."""
    page.open(f"/n/{namespace}")
    page.wait_for("#question")


def open_handbook_chat(page: Page, documents: Path) -> None:
    """A new chat about the employee handbook, which is read once."""
    listed = page.call("GET", "/api/namespaces?limit=200")["items"]
    known = next((item["id"] for item in listed if item["name"] == "Handbook"), None)
    open_chat(page, known or page.prepare_namespace("Handbook", [documents / "employee-handbook.pdf"]))


def type_question(page: Page, text: str) -> WebElement:
    box = page.wait_for("#question")
    box.send_keys(text)
    return box


def ask(page: Page, text: str) -> None:
    """Send a question, and wait until its answer is complete."""
    answers = len(page.find_all("luma-answer-actions"))
    type_question(page, text).send_keys(Keys.ENTER)
    page.wait(lambda: len(page.find_all("luma-answer-actions")) > answers, "the answer")
    page.wait(lambda: page.is_shown(".send"), "the end of the answer")


def answer_text(page: Page, number: int = -1) -> str:
    """The text of an answer; "" while there is none."""
    texts = page.texts("luma-answer-text")
    return texts[number] if texts else ""


def questions(page: Page) -> list[str]:
    return page.texts(".question-text")


def in_new_tab(page: Page, path: str, act: Callable[[], None]) -> None:
    """Open an address in a second tab, do something there, and return."""
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    try:
        page.open(path)
        act()
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
