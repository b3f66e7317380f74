"""Answers while they are written: stop, failures, leaving and coming back, in real Chromium."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from luma_rag.errors import LLMError
from tests.browser import Page
from tests.end_to_end.web.conversation_page import (
    answer_text,
    ask,
    in_new_tab,
    open_handbook_chat,
    questions,
    type_question,
)
from tests.scripted_llm import BREAK, HOLD, ScriptedLLM

WORDS = [f"word{i} " for i in range(200)]
BEGUN = ["Written [1]: ", *WORDS[:5], HOLD]


@pytest.fixture
def chat(answered: Page, llm: ScriptedLLM, documents: Path) -> tuple[Page, ScriptedLLM]:
    """A new chat about the employee handbook."""
    open_handbook_chat(answered, documents)
    return answered, llm


def path_of(page: Page) -> str:
    return page.driver.current_url.removeprefix(page.base)


def begin(page: Page, question: str) -> None:
    """Ask, and wait for the first words of the answer."""
    type_question(page, question).send_keys(Keys.ENTER)
    page.wait(lambda: "word4" in page.find(".is-writing luma-answer-text").text, "the first words")


def test_answer_is_streamed_and_can_be_stopped(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [*BEGUN, *WORDS[5:]]
    begin(page, "How much leave?")
    assert "word5" not in answer_text(page)
    # A source can be opened during the answer, and its address stays right.
    page.click(".is-writing .source")
    page.wait(lambda: "/cite/" in page.driver.current_url, "the source in the address")
    message, n = path_of(page).split("/cite/")[1].split("/")
    found = "return m.conversation.findCitation(Number(a[0]), Number(a[1]))?.title ?? null"
    assert page.module("stores/conversation.js", found, message, n) == "employee-handbook"
    page.driver.back()
    assert page.is_shown(".is-writing")

    page.click(".stop")
    page.wait_for("luma-answer-actions .again")
    assert "stopped" in page.text(".answer .answer-end")
    partial = answer_text(page)
    assert "word4" in partial
    assert "word5" not in partial
    assert page.is_shown(".send")
    assert page.module("stores/conversation.js", found, message, n) == "employee-handbook"

    page.driver.refresh()
    page.wait(lambda: answer_text(page) == partial, "what was written to come back")
    assert "stopped" in page.text(".answer .answer-end")
    assert page.module("stores/conversation.js", found, message, n) == "employee-handbook"

    llm.script = ["The whole answer."]
    page.click(".answer .answer-end .again")
    page.wait(lambda: answer_text(page) == "The whole answer.", "the new answer")
    assert questions(page) == ["How much leave?"]
    assert len(page.find_all(".answer")) == 1
    assert page.text(".answer .version-place") == "2/2"


def test_stopped_answer_can_go_on(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [*BEGUN, "never"]
    begin(page, "How much leave?")
    page.click(".stop")
    page.wait_for(".go-on")
    llm.script = ["The rest."]
    page.click(".go-on")
    page.wait(lambda: answer_text(page) == "The rest.", "the rest")
    assert len(page.find_all(".answer")) == 2
    assert not page.find_all(".go-on")


def test_question_stopped_before_its_answer_began_can_be_answered_later(
    chat: tuple[Page, ScriptedLLM],
) -> None:
    page, llm = chat
    llm.script = [HOLD, "never"]
    type_question(page, "Anything?").send_keys(Keys.ENTER)
    page.wait_for(".step-title")
    assert "5 documents" not in page.text(".steps")
    assert "passage" in page.text(".steps")
    assert page.text(".step-title") == "employee-handbook"
    page.click(".stop")
    page.wait_for(".again")
    llm.script = ["Another answer."]
    ask(page, "And this?")
    page.driver.refresh()
    page.wait(lambda: questions(page) == ["Anything?", "And this?"], "the questions")
    # The first question keeps its way to an answer.
    llm.script = ["At last."]
    page.click(".answer-end .again")
    page.wait(lambda: answer_text(page) == "At last.", "the answer")
    assert questions(page) == ["Anything?"]


def test_failed_answer_says_why_and_can_be_retried(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [BREAK]
    type_question(page, "And on Sundays?").send_keys(Keys.ENTER)
    assert page.text(".unanswered p") == LLMError.public_detail
    assert page.find("#question").get_attribute("value") == ""
    page.driver.refresh()
    assert page.text(".unanswered p") == LLMError.public_detail

    llm.script = ["Closed."]
    page.click(".unanswered .again")
    page.wait(lambda: answer_text(page) == "Closed.", "the answer")
    assert not page.find_all(".unanswered")
    assert questions(page) == ["And on Sundays?"]


def test_failed_answer_stays_when_the_next_question_is_asked(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [*WORDS[:5], BREAK]
    type_question(page, "And on Mondays?").send_keys(Keys.ENTER)
    page.wait_for(".answer .answer-end")
    partial = answer_text(page)
    assert partial.startswith("word0 word1")
    llm.script = ["Open."]
    ask(page, "And on Tuesdays?")
    assert answer_text(page, 0) == partial
    assert page.text(".answer .answer-end p") == LLMError.public_detail
    assert len(page.find_all(".answer")) == 2


def test_answer_goes_on_after_leaving_and_is_joined_again(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [*BEGUN, *WORDS[5:10], HOLD, "the end"]
    new_chat = path_of(page)
    begin(page, "Something long?")
    here = path_of(page)
    page.driver.execute_script(
        "const link = document.createElement('a'); link.href = arguments[0]; document.body.append(link);"
        "link.click(); link.remove()",
        new_chat,
    )
    page.wait(lambda: not page.find_all(".message"), "the empty chat")
    assert page.is_shown(".send")
    llm.go_on()
    # Nothing of the old answer appears in the new chat.
    page.settle()
    assert not page.find_all(".message")

    page.driver.back()
    page.wait(lambda: "word9" in page.find(".is-writing luma-answer-text").text, "the answer to be joined")
    page.driver.refresh()
    page.wait(lambda: "word9" in page.find(".is-writing luma-answer-text").text, "it after a reload")
    assert answer_text(page).count("word4") == 1

    def stop() -> None:
        page.wait(lambda: "word9" in page.find(".is-writing luma-answer-text").text, "it in another tab")
        page.click(".stop")
        page.wait_for(".answer .answer-end")

    in_new_tab(page, here, stop)
    page.wait_for(".answer .answer-end")
    assert questions(page) == ["Something long?"]
    assert len(page.find_all(".answer")) == 1


def test_lost_connection_is_joined_again_without_repeating(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [*BEGUN, *WORDS[5:10]]
    # The stream breaks for the page after the first words, as if the network had gone.
    page.driver.execute_script(
        """
        const fetched = window.fetch;
        window.fetch = async (path, options) => {
            const response = await fetched(path, options);
            if (!/messages$/.test(path) || options.method !== "POST") return response;
            window.fetch = fetched;
            const reader = response.body.getReader();
            const body = new ReadableStream({
                async pull(controller) {
                    const { value, done } = await reader.read();
                    if (window.isCut) return controller.error(new TypeError("network error"));
                    return done ? controller.close() : controller.enqueue(value);
                },
            });
            return new Response(body, { headers: response.headers });
        };
        """
    )
    begin(page, "Through a tunnel?")
    page.driver.execute_script("window.isCut = true")
    llm.go_on()
    page.wait(lambda: page.find_all("luma-answer-actions"), "the end of the answer")
    text = answer_text(page)
    assert [text.count(f"word{i}") for i in range(10)] == [1] * 10
    assert not page.find_all(".answer-end")


def test_two_chats_are_answered_at_once(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = [*BEGUN, "slow"]
    new_chat = path_of(page)
    begin(page, "First?")
    first = path_of(page)
    llm.script = ["Quick."]
    page.open(new_chat)
    ask(page, "Second?")
    assert answer_text(page) == "Quick."
    page.open(first)
    page.wait(lambda: "word4" in answer_text(page), "the first answer")
    llm.go_on()
    page.wait(lambda: answer_text(page).endswith("slow"), "its end")
    assert urlsplit(page.driver.current_url).path == first


def test_reasoning_is_folded_and_no_part_of_the_answer(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = ["<think>Let me see [1].", HOLD, "</think>\n\n", HOLD, "28 days [1]."]
    llm.finish_reason = "length"
    type_question(page, "How much leave?").send_keys(Keys.ENTER)
    page.wait(lambda: page.text(".is-writing .reasoning summary") == "Thinking…", "the reasoning")
    assert answer_text(page) == ""
    llm.go_on()
    llm.go_on()
    page.wait_for("luma-answer-actions")
    assert answer_text(page).startswith("28 days")
    assert "greatest length" in page.text(".answer .answer-end")
    page.driver.refresh()
    page.wait(lambda: answer_text(page).startswith("28 days"), "the answer to come back")
    assert page.text(".reasoning summary") == "Thoughts"
    page.click(".reasoning summary")
    assert page.text(".reasoning-text") == "Let me see [1]."


def test_reasoning_whose_end_alone_is_marked(chat: tuple[Page, ScriptedLLM]) -> None:
    page, llm = chat
    llm.script = ["Let me see.", HOLD, "</think>", "28 days [1]."]
    type_question(page, "How much leave?").send_keys(Keys.ENTER)
    page.wait(lambda: "Let me see" in answer_text(page), "what looks like an answer")
    llm.go_on()
    page.wait_for("luma-answer-actions")
    assert answer_text(page).startswith("28 days")
    page.click(".reasoning summary")
    assert page.text(".reasoning-text") == "Let me see."
