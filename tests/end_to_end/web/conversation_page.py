"""Actions in a conversation, for its tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser import PASSWORD, USER, Page
from tests.scripted_llm import ScriptedLLM, scripted_llm
from tests.service_process import serving


@contextmanager
def answering(driver: webdriver.Chrome, folder: Path) -> Iterator[tuple[Page, ScriptedLLM]]:
    """The page of a Luma with an LLM, signed in."""
    with (
        scripted_llm() as llm,
        serving(folder, LUMA_LLM_BASE_URL=llm.base_url, LUMA_LLM_MODEL="scripted") as base,
    ):
        page = Page(driver, base)
        page.resize(1280, 800)
        page.open("/")
        driver.delete_all_cookies()
        driver.execute_script("sessionStorage.clear(); localStorage.clear()")
        page.open("/")
        page.call(
            "POST", "/api/auth/register", {"username": USER, "email": "m@q.example", "password": PASSWORD}
        )
        page.call("POST", "/api/auth/login", {"username": USER, "password": PASSWORD})
        page.open("/")
        page.wait_for(".shell")
        yield page, llm


def open_chat(page: Page, namespace: int) -> None:
    """A new chat in a namespace."""
    page.open(f"/n/{namespace}")
    page.wait_for("#question")


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
