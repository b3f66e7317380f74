"""The whole story of two people with their documents, told by clicks, at three sizes.

Nothing leaves the origin, and the policy of the page blocks nothing.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests import chromium
from tests.browser import PASSWORD, USER, Page
from tests.scripted_llm import HOLD, ScriptedLLM, scripted_llm
from tests.service_process import serving

SIZES = [
    pytest.param(1440, 900),
    pytest.param(768, 1024, marks=pytest.mark.slow),
    pytest.param(390, 844, marks=pytest.mark.slow),
]
OTHER = "jonas"
LEAVE = "How many days of paid leave do I have in a year?"


class Story:
    """Two people, each with a browser, and one Luma."""

    def __init__(self, mira: Page, jonas: Page, llm: ScriptedLLM) -> None:
        self.mira = mira
        self.jonas = jonas
        self.llm = llm


@pytest.fixture
def story(tmp_path: Path, database: str) -> Iterator[Story]:
    if not chromium.is_installed():
        pytest.skip("no chromium and chromedriver here: apt-get install chromium chromium-driver")
    with ExitStack() as stack:
        llm = stack.enter_context(scripted_llm())
        settings = {
            "LUMA_DATABASE_URL": database,
            "LUMA_LLM_BASE_URL": llm.base_url,
            "LUMA_LLM_MODEL": "scripted",
        }
        base = stack.enter_context(serving(tmp_path, **settings))
        drivers = [
            stack.enter_context(chromium.chromium(tmp_path / name, logs=("browser", "performance")))
            for name in ("mira", "jonas")
        ]
        yield Story(Page(drivers[0], base), Page(drivers[1], base), llm)
        for name, driver in zip(("mira", "jonas"), drivers, strict=True):
            # What a failed test saw last.
            driver.save_screenshot(str(tmp_path / f"{name}.png"))
        for driver in drivers:
            assert requested_hosts(driver) <= {urlsplit(base).netloc}
            complaints = [entry["message"] for entry in driver.get_log("browser")]
            assert not [text for text in complaints if "Security Policy" in text or "Uncaught" in text]


def requested_hosts(driver: webdriver.Chrome) -> set[str]:
    """The hosts of all requests, those that were blocked included."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return {
        urlsplit(url).netloc for url in urls if not url.startswith(("data:", "blob:", "chrome", "about:"))
    }


def send(page: Page, question: str) -> None:
    page.wait_for("#question").send_keys(question, Keys.ENTER)


def wait_for_answers(page: Page, number: int) -> None:
    page.wait(lambda: len(page.find_all("luma-answer-actions")) >= number, f"{number} answers", 60)


def choose(page: Page, row: str, action: str) -> None:
    """An action in the menu of a row of documents."""
    page.click(f"luma-document-row:has([aria-label='Select {row}']) luma-menu button")
    page.click_text("[role=menuitem]", action)


def sign_in_as_jonas(story: Story) -> None:
    # What an administrator set has to be changed first.
    with httpx.Client(base_url=story.mira.base) as client:
        credentials = {"username": OTHER, "password": "set by mira, not kept"}
        client.post("/api/auth/login", json=credentials).raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        change = {"current": credentials["password"], "new": PASSWORD}
        client.post("/api/auth/password", json=change).raise_for_status()
    story.jonas.open("/")
    story.jonas.sign_in(OTHER)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_whole_story(story: Story, documents: Path, width: int, height: int) -> None:
    mira, jonas, llm = story.mira, story.jonas, story.llm
    for page in (mira, jonas):
        page.resize(width, height)

    # From an empty installation to an answer: the account, the files, the question.
    mira.open("/")
    assert mira.text("#account-heading") == "Set up Luma"
    mira.fill("#account-form", username=USER, email="mira@quillhaven.example", password=PASSWORD)
    files = [documents / "employee-handbook.pdf", documents / "service-contract.docx"]
    mira.wait_for("luma-start-files")
    mira.find("#start-files").send_keys("\n".join(map(str, files)))
    mira.wait(lambda: "/n/" in mira.driver.current_url, "the new namespace")
    namespace = mira.driver.current_url
    mira.wait(lambda: "2 documents" in mira.text("#main"), "both documents to be read", 90)
    llm.script = ["You have **29 working days** of paid leave a year [1]."]
    send(mira, LEAVE)
    wait_for_answers(mira, 1)
    assert "29 working days" in mira.text("luma-answer-text")
    assert LEAVE in llm.prompts[-1]

    # The cited page, with the sentence marked; Back closes it first.
    mira.click("luma-answer-text .cite")
    mira.wait_for(".reader-mark.is-strong", 60)
    assert "/cite/" in mira.driver.current_url
    assert mira.find(".reader-page-field").get_attribute("value") == "5"
    mira.driver.refresh()
    mira.wait_for(".reader-mark.is-strong", 60)
    mira.driver.back()
    mira.wait(lambda: not mira.is_shown(".zone-reader"), "the reader to close")
    chat = mira.driver.current_url

    # Stop; then leave, and come back to an answer that has gone on.
    llm.script = ["Written so far [1]. ", HOLD, "Never seen."]
    send(mira, "What is the notice period?")
    mira.wait(lambda: "Written so far" in mira.texts("luma-answer-text")[-1], "the beginning")
    mira.click("[aria-label=Stop]")
    mira.wait(lambda: mira.find_all(".answer-end"), "what says that it was stopped")
    assert "Never seen" not in mira.find("#main").text
    llm.go_on()
    llm.script = ["It begins [1]", HOLD, " and ends."]
    send(mira, "And the contract?")
    mira.wait(lambda: "It begins" in mira.texts("luma-answer-text")[-1], "the beginning")
    mira.driver.get(namespace)
    mira.wait_for("#question")
    llm.go_on()
    mira.driver.get(chat)
    mira.wait(lambda: mira.texts("luma-answer-text")[-1].endswith("and ends."), "the whole answer", 30)
    wait_for_answers(mira, 3)

    # Another version of the last question; both survive a reload.
    llm.script = ["Four years [1]."]
    mira.hover(".question-text")
    mira.find_all(".edit")[-1].click()
    editor = mira.wait_for("[aria-label='Edit your question']")
    editor.clear()
    editor.send_keys("How long does the contract run?", Keys.ENTER)
    mira.wait(lambda: mira.texts("luma-answer-text")[-1].startswith("Four years"), "the new answer", 30)
    mira.driver.refresh()
    mira.wait(lambda: "How long does the contract run?" in mira.texts(".question-text"), "the version")
    assert "2/2" in mira.find("#main").text
    mira.click("[aria-label='Previous version of this question']")
    mira.wait(lambda: "And the contract?" in mira.texts(".question-text"), "the older version")

    # Share; the other page follows, and asks.
    user = {"username": OTHER, "email": "jonas@quillhaven.example", "password": "set by mira, not kept"}
    mira.call("POST", "/api/users", user)
    sign_in_as_jonas(story)
    assert "No documents" not in jonas.text("#main")
    mira.driver.get(f"{namespace}/people")
    mira.wait_for("luma-people [name=username]").send_keys(OTHER, Keys.ENTER)
    mira.wait(lambda: OTHER in mira.text("luma-people"), "the member")
    jonas.driver.get(namespace)
    llm.script = ["29 days [1]."]
    send(jonas, LEAVE)
    wait_for_answers(jonas, 1)
    assert "Reader" in jonas.text(".zone-main")
    jonas.click("luma-answer-text .cite")
    jonas.wait_for(".reader-mark.is-strong", 60)

    # Revoke: all of it leaves the other screen, but the old answer with its quote.
    mira.click(f"[aria-label='Remove {OTHER}']")
    mira.click(".modal .danger")
    jonas.wait(lambda: not jonas.find_all(".reader-pages"), "the pages to leave")
    jonas.wait(lambda: not jonas.is_shown("#question"), "the place to ask to leave")
    assert "no longer available" in jonas.text(".zone-reader")
    assert not jonas.find_all("luma-rail [href^='/n/']")

    # Delete for good: gone everywhere; the old answer keeps its quote.
    mira.driver.get(f"{namespace}/documents")
    mira.wait_for("luma-document-row")
    choose(mira, "employee-handbook", "Delete for good…")
    mira.click(".modal .danger")
    mira.wait(lambda: len(mira.find_all("luma-document-row")) == 1, "the document to go")
    mira.driver.get(chat)
    mira.click("luma-answer-text .cite")
    mira.wait(lambda: "29 working days" in mira.text(".zone-reader"), "the quote that was kept")
    assert not mira.find_all(".zone-reader [aria-label='Download']")
