"""Asking and reading in real Chromium, without a language model."""

import base64
import io
import json
from pathlib import Path

import pypdf
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser import Page
from tests.documents_page import client
from tests.end_to_end.web.conversation_page import (
    answer_text,
    ask,
    open_chat,
    open_handbook_chat,
    questions,
    type_question,
)

LEAVE = "How many days of paid leave do I have in a year?"


@pytest.fixture
def chat(signed_in: Page, documents: Path) -> Page:
    """A new chat about the employee handbook."""
    open_handbook_chat(signed_in, documents)
    return signed_in


def test_ask_look_at_the_source_and_come_back(chat: Page) -> None:
    page = chat
    assert page.text(".conversation-start h2") == "Ask about 1 document"
    ask(page, LEAVE)
    assert "/c/" in page.driver.current_url
    assert "29 working days" in answer_text(page)
    assert questions(page) == [LEAVE]
    # Advice for operators is not part of an answer.
    assert "LUMA_" not in page.text(".answer")

    cite = page.wait_for(".answer .cite")
    ActionChains(page.driver).move_to_element(cite).perform()
    card = page.wait_for(".citation-card")
    assert "Page 5" in card.text
    assert "29 working days" in card.text
    cite.click()
    page.wait(lambda: "/cite/" in page.driver.current_url, "the citation in the address")
    page.driver.back()
    page.wait(lambda: "/cite/" not in page.driver.current_url, "the way back")

    messages = page.texts(".message")
    page.driver.refresh()
    page.wait(lambda: page.texts(".message") == messages, "the messages to come back")
    # The link works like any link.
    address = page.wait_for(".answer .source").get_attribute("href")
    assert address is not None
    assert address.startswith(f"{page.base}/c/")
    assert "/cite/" in address


def test_card_comes_with_the_keyboard(chat: Page) -> None:
    page = chat
    ask(page, LEAVE)
    page.wait_for("#question").send_keys("x")
    for _ in range(20):
        ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
        if page.driver.execute_script("return document.activeElement.matches('.cite, .source')"):
            break
    assert "29 working days" in page.text(".citation-card")
    described = page.driver.execute_script("return document.activeElement.getAttribute('aria-describedby')")
    assert described == "citation-card"
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.wait(lambda: not page.is_shown(".citation-card"), "the card to go")


def test_quotes_are_shown_word_for_word_and_copied_with_their_numbers(chat: Page) -> None:
    page = chat
    ask(page, LEAVE)
    assert page.is_shown(".quote")
    page.driver.execute_script(
        "window.copied = null;"
        "navigator.clipboard.writeText = async (text) => { window.copied = text; };"
        "getSelection().selectAllChildren(document.querySelector('.quote'));"
    )
    selected = page.driver.execute_script("return getSelection().toString()")
    assert selected.rstrip().endswith("[1]")
    page.click("luma-answer-actions .copy")
    copied = page.driver.execute_script("return window.copied")
    assert "[1]" in copied
    assert "Sources:\n[1] employee-handbook, page 5" in copied
    assert "LUMA_" not in copied


def test_nothing_found_is_a_state_of_its_own(chat: Page) -> None:
    page = chat
    ask(page, "Which volcano erupted in 1883?")
    assert "Not in these documents" in page.text(".not-found")
    assert not page.find_all(".source")


def test_answer_is_rated_with_a_comment(chat: Page) -> None:
    page = chat
    ask(page, LEAVE)
    page.click("[aria-label='Bad answer']")
    page.wait_for(".feedback input").send_keys("Too short", Keys.ENTER)
    page.wait(lambda: not page.find_all(".feedback"), "the comment to be sent")
    page.driver.refresh()
    pressed = page.wait_for("[aria-label='Bad answer']")
    assert pressed.get_attribute("aria-pressed") == "true"
    chat_id = page.driver.current_url.split("/c/")[1]
    answer = page.call("GET", f"/api/chats/{chat_id}/messages")["items"][-1]
    assert answer["feedback"] == {"message_id": answer["id"], "rating": -1, "comment": "Too short"}
    pressed.click()
    page.wait(
        lambda: page.find("[aria-label='Bad answer']").get_attribute("aria-pressed") == "false", "no rating"
    )


def test_versions_of_answers_and_questions_survive_a_reload(chat: Page) -> None:
    page = chat
    ask(page, LEAVE)
    page.click("luma-answer-actions .again")
    page.wait(lambda: page.texts(".answer .version-place") == ["2/2"], "the second version")
    ask(page, "Who has the code?")
    first = page.find(".question-text")
    ActionChains(page.driver).move_to_element(first).perform()
    page.click(".question .edit")
    box = page.wait_for(".question-editor textarea")
    assert box.get_attribute("value") == LEAVE
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys("How long is the notice period?", Keys.ENTER)
    page.wait(lambda: page.is_shown(".send") and page.find_all("luma-answer-actions"), "the answer")
    assert questions(page) == ["How long is the notice period?"]
    assert page.texts(".question .version-place") == ["2/2"]

    page.click("[aria-label='Previous version of this question']")
    page.wait(lambda: questions(page) == [LEAVE, "Who has the code?"], "the older branch")
    assert "branch=" in page.driver.current_url
    page.driver.refresh()
    page.wait(lambda: questions(page) == [LEAVE, "Who has the code?"], "the branch after a reload")
    # A question there continues what is shown.
    ask(page, "And on Sundays?")
    assert questions(page) == [LEAVE, "Who has the code?", "And on Sundays?"]
    page.driver.refresh()
    page.wait(lambda: len(questions(page)) == 3, "the branch, which is in use now")
    assert "branch=" not in page.driver.current_url


def test_keys_send_and_break_lines(chat: Page) -> None:
    page = chat
    box = page.wait_for("#question")
    box.send_keys("one", Keys.SHIFT, Keys.ENTER)
    box.send_keys(Keys.NULL, "two")
    assert box.get_attribute("value") == "one\ntwo"
    # While an input method composes, Enter selects a candidate.
    page.driver.execute_script(
        "arguments[0].dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))",
        box,
    )
    assert not page.find_all(".question")
    ask(page, "")
    assert questions(page) == ["one\ntwo"]

    page.module("stores/preferences.js", "m.preferences.set({ sendKey: 'ctrl-enter' }); return true;")
    box = type_question(page, "three")
    box.send_keys(Keys.ENTER)
    assert box.get_attribute("value") == "three\n"
    box.send_keys(Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: questions(page) == ["one\ntwo", "three"], "the question")


def test_draft_of_each_chat_is_kept(chat: Page) -> None:
    page = chat
    new_chat = page.driver.current_url.removeprefix(page.base)
    ask(page, LEAVE)
    box = page.wait_for("#question")
    assert box.get_attribute("value") == ""
    box.send_keys("half a question")
    page.open(new_chat)
    assert page.wait_for("#question").get_attribute("value") == ""
    page.wait_for("#question").send_keys("another")
    page.driver.back()
    page.wait(lambda: page.find("#question").get_attribute("value") == "half a question", "the draft")
    page.driver.refresh()
    page.wait(
        lambda: page.find("#question").get_attribute("value") == "half a question", "the draft after a reload"
    )


def test_question_that_can_not_be_sent_comes_back(chat: Page) -> None:
    page = chat
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/messages"]})
    try:
        type_question(page, LEAVE).send_keys(Keys.ENTER)
        assert "unreachable" in page.text(".composer-problem")
        assert page.find("#question").get_attribute("value") == LEAVE
        assert not page.find_all(".question")
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.driver.get_log("browser")
    page.click(".send")
    page.wait(lambda: "29 working days" in answer_text(page), "the answer")
    assert not page.find_all(".composer-problem")


def test_ended_session_preserves_the_question(chat: Page) -> None:
    page = chat
    place = page.driver.current_url
    type_question(page, "What was I about to ask?")
    page.driver.delete_all_cookies()
    # The page may have noticed by itself, and lie below the form already.
    page.driver.execute_script("document.querySelector('.composer').requestSubmit()")
    page.wait_for("#account-form")
    page.sign_in()
    page.wait(lambda: not page.is_shown("#account-form"), "the form to go")
    draft = "What was I about to ask?"
    page.wait(lambda: page.wait_for("#question").get_attribute("value") == draft, "the question")
    assert page.driver.current_url == place


def test_signing_out_forgets_what_was_typed(chat: Page) -> None:
    page = chat
    type_question(page, "half a secret")
    assert "half a secret" in page.driver.execute_script("return JSON.stringify(localStorage)")
    page.module("stores/session.js", "m.session.signOut(); return true;")
    page.wait_for("#account-form")
    assert "half a secret" not in page.driver.execute_script("return JSON.stringify(localStorage)")


def test_questions_can_be_narrowed_to_documents(chat: Page) -> None:
    page = chat
    narrow = "m.conversation.narrow([{ id: a[0], title: 'Employee <handbook>' }]); return true;"
    found = page.call("GET", "/api/documents?limit=200")["items"]
    handbook = next(document["id"] for document in found if document["title"] == "employee-handbook")
    page.module("stores/conversation.js", narrow, handbook)
    assert page.text(".narrowed-document bdi") == "Employee <handbook>"
    page.driver.execute_script(
        "window.bodies = []; const fetched = window.fetch;"
        "window.fetch = (path, options) => { if (options?.body) window.bodies.push(options.body);"
        " return fetched(path, options); };"
    )
    ask(page, LEAVE)
    bodies = [json.loads(body) for body in page.driver.execute_script("return window.bodies")]
    assert [body["doc_ids"] for body in bodies if "content" in body] == [[handbook]]
    page.click(".narrowed .link")
    page.wait(lambda: not page.find_all(".narrowed"), "all documents again")


def test_empty_states_say_what_to_do(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    open_chat(page, page.prepare_namespace("Nothing yet"))
    assert page.text(".conversation-start h2") == "Add your first documents"
    page.click(".conversation-start .button")
    page.wait(lambda: page.driver.current_url.endswith("/documents"), "the documents")
    page.driver.get_log("browser")

    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"not really\n" * 50)
    open_chat(page, page.prepare_namespace("Broken", [broken]))
    assert page.text(".conversation-start h2") == "None of the documents could be read"


def test_unknown_places_say_so(signed_in: Page) -> None:
    page = signed_in
    for path in ("/n/999999", "/c/999999"):
        page.open(path)
        assert page.text("luma-not-found h1") == "Not found"


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_conversation_fits_the_window(chat: Page, width: int) -> None:
    page = chat
    ask(page, LEAVE)
    page.resize(width, 740)
    page.settle()
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    send = page.wait_for(".send").rect
    assert send["x"] + send["width"] <= width
    assert send["height"] >= 32
    scroller = (
        "const s = document.querySelector('.conversation-scroller'); return s.scrollWidth <= s.clientWidth"
    )
    assert page.driver.execute_script(scroller)


def printed_text(page: Page) -> str:
    """What the menu of the rail prints of the open chat, without the dialog of the browser."""
    page.driver.execute_script("window.print = () => { window.isPrinted = true; };")
    page.choose("luma-rail-chat:has([aria-current])", "Print")
    page.wait(lambda: page.driver.execute_script("return window.isPrinted"), "the chat to be printed")
    data = page.driver.execute_cdp_cmd("Page.printToPDF", {})["data"]
    pages = pypdf.PdfReader(io.BytesIO(base64.b64decode(data))).pages
    return " ".join(" ".join(each.extract_text() for each in pages).split())


def test_long_chat_loads_older_messages_when_they_are_wanted(answered: Page, documents: Path) -> None:
    # With an LLM that says little, which takes less time than finding sentences.
    page = answered
    open_handbook_chat(page, documents)
    ask(page, LEAVE)
    chat_id = page.driver.current_url.split("/c/")[1]
    # The page would follow each of these.
    page.driver.get(f"{page.base}/health/live")
    with client(page.base) as http:
        for i in range(30):
            question = {"content": f"Nothing {i}?"}
            http.post(f"/api/chats/{chat_id}/messages", json=question).raise_for_status()
    page.open(f"/c/{chat_id}")
    page.wait(lambda: questions(page) and questions(page)[-1] == "Nothing 29?", "the last messages")
    assert len(questions(page)) == 25
    printed = printed_text(page)
    assert LEAVE in printed
    assert "Nothing 29?" in printed
    assert "New chat" not in printed

    page.driver.refresh()
    page.wait(lambda: len(questions(page)) == 25, "the last messages")
    scroller = "const s = document.querySelector('.conversation-scroller');"
    at_end = f"{scroller} return s.scrollHeight - s.scrollTop - s.clientHeight < 2"
    page.wait(lambda: page.driver.execute_script(at_end), "the end of the chat")
    page.driver.execute_script("document.querySelector('.conversation-scroller').scrollTop = 0")
    page.wait(lambda: len(questions(page)) == 31, "the older messages")
    page.click(".jump")
    page.wait(lambda: page.driver.execute_script(at_end), "the end of the chat")
