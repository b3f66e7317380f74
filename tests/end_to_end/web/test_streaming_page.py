"""The page while an LLM streams an answer: stopping and failures."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium import webdriver

from luma_rag.errors import LLMError
from tests.browser import PASSWORD, USER, Page
from tests.service_process import serving

WORDS = [f"word{i} " for i in range(200)]


class SlowLLM(ThreadingHTTPServer):
    """Serves OpenAI's streaming chat completions: one word every `pause` seconds, at most `breaks_after`."""

    pause = 0.05
    breaks_after = len(WORDS)
    words = len(WORDS)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: SlowLLM

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for word in ["Written [1]: ", *WORDS[: self.server.words]][: self.server.breaks_after]:
            time.sleep(self.server.pause)
            try:
                self._event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            except OSError:  # Luma closed the connection, as it should when the reader stops
                return
        if self.server.breaks_after > self.server.words:
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: object) -> None:
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Silent: the output belongs to the tests."""


@pytest.fixture(scope="module")
def llm() -> Iterator[SlowLLM]:
    server = SlowLLM()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chat(
    driver: webdriver.Chrome, llm: SlowLLM, documents: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A page with a document, on a Luma with this LLM."""
    address = f"http://127.0.0.1:{llm.server_port}/v1"
    folder = tmp_path_factory.mktemp("luma-llm")
    with serving(folder, LUMA_LLM_BASE_URL=address, LUMA_LLM_MODEL="slow") as base:
        page = Page(driver, base)
        page.resize(1280, 800)
        driver.delete_all_cookies()
        page.open("/")
        page.click("#account-other")
        page.fill("#account-form", username=USER, email="mira@quillhaven.example", password=PASSWORD)
        page.wait_for("#welcome button")
        page.create_namespace("Streaming")
        page.upload([documents / "employee-handbook.pdf"])
        page.wait_until_read(1)
        yield page


def test_answer_is_streamed_and_can_be_stopped(chat: Page, llm: SlowLLM) -> None:
    chat.click("#new-chat")
    chat.wait_for("#question").send_keys("How much leave?\n")
    chat.wait(lambda: "word3" in chat.find(".is-writing").text, "the first words")
    assert "word199" not in chat.find(".answer").text
    # A source can be opened during the answer.
    chat.click(".is-writing .source")
    chat.wait_for("#source mark")
    chat.click("#source [aria-label=Close]")
    # Changing the namespace's description does not interrupt it either.
    chat.click("#edit-namespace")
    chat.fill("#form-dialog", description="slow")
    chat.wait(lambda: chat.find("#namespace-description").text == "slow", "the description")
    assert chat.is_shown(".is-writing")
    chat.click("#stop")
    chat.wait_for(".answer .message-actions")
    partial = chat.find(".answer-text").text
    assert "word3" in partial
    assert "word199" not in partial
    assert chat.is_shown("#send")

    chat.driver.refresh()
    chat.wait(lambda: chat.find(".answer-text").text == partial, "what was written to come back")


def test_stopped_answer_can_be_regenerated(chat: Page, llm: SlowLLM) -> None:
    llm.pause, llm.words, llm.breaks_after = 0.0, 5, 10
    chat.click(".answer .message-actions button")
    chat.wait(lambda: chat.find(".answer-text").text.endswith("word4"), "the new answer")
    assert len(chat.find_all(".answer")) == len(chat.find_all(".question")) == 1
    assert chat.find(".question").text == "How much leave?"


def test_failed_answer_shows_the_reason_and_can_be_retried(chat: Page, llm: SlowLLM) -> None:
    llm.pause, llm.words, llm.breaks_after = 0.01, 20, 6
    chat.click("#new-chat")
    chat.wait(lambda: not chat.find_all(".answer"), "the new chat")
    chat.wait_for("#question").send_keys("And on Sundays?\n")
    reason = chat.text(".failure .error")
    assert reason == LLMError.public_detail
    assert chat.find("#question").get_attribute("value") == ""

    llm.words, llm.breaks_after = 20, 99
    chat.click(".failure button")
    chat.wait(lambda: chat.find(".answer-text").text.endswith("word19"), "the answer")
    assert not chat.find_all(".failure")
    assert chat.texts(".question") == ["And on Sundays?"]


def test_failed_answer_stays_when_the_next_question_is_asked(chat: Page, llm: SlowLLM) -> None:
    llm.pause, llm.words, llm.breaks_after = 0.01, 20, 6
    chat.click("#new-chat")
    chat.wait(lambda: not chat.find_all(".answer"), "the new chat")
    chat.wait_for("#question").send_keys("And on Mondays?\n")
    chat.wait_for(".failure .error")
    partial = chat.text(".answer-text")
    llm.words, llm.breaks_after = 5, 99
    chat.wait_for("#question").send_keys("And on Tuesdays?\n")
    chat.wait(lambda: len(chat.find_all(".answer")) == 2 and chat.is_shown("#send"), "the second answer")
    assert chat.find(".answer-text").text == partial
    assert chat.find(".answer .error").text == LLMError.public_detail


def test_answer_goes_on_after_leaving_the_chat_and_is_joined_again(chat: Page, llm: SlowLLM) -> None:
    llm.pause, llm.words, llm.breaks_after = 0.05, 200, 999
    chat.click("#new-chat")
    chat.wait_for("#question").send_keys("Something long?\n")
    chat.wait(lambda: "word2" in chat.find(".is-writing").text, "the first words")
    chat.click("#new-chat")
    chat.wait(lambda: not chat.find_all(".message"), "the empty chat")
    assert chat.is_shown("#send")
    # Nothing of the old answer appears in the new chat.
    chat.settle()
    assert not chat.find_all(".message")

    chat.driver.back()
    chat.wait(lambda: "word2" in chat.find(".is-writing").text, "the answer to be joined")
    chat.driver.refresh()
    chat.wait(lambda: "word9" in chat.find(".is-writing").text, "the answer to be joined after a reload")
    chat.click("#stop")
    chat.wait_for(".answer .message-actions")
    assert chat.texts(".question") == ["Something long?"]
    assert len(chat.find_all(".answer")) == 1
