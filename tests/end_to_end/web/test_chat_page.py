import time
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import Page


def test_upload_ask_and_open_the_source(signed_in: Page, documents: Path) -> None:
    """Upload, ask, open the cited source, and reload the chat."""
    page = signed_in
    page.create_namespace("Main job")
    assert page.text(".empty-state h2") == "Add your first documents"

    page.upload([documents / "employee-handbook.pdf", documents / "service-contract.docx"])
    page.wait_until_read(2)
    assert {row.get_attribute("data-state") for row in page.find_all(".document")} == {"ready"}
    assert sorted(map(named, page.texts(".document-title"))) == ["employee handbook", "service contract"]
    page.wait(lambda: page.find(".empty-state h2").text == "Ask about 2 documents", "the invitation to ask")

    answer = page.ask("How many days of paid leave do I have in a year?")
    assert "29 working days" in answer.text
    assert page.find(".question").text == "How many days of paid leave do I have in a year?"

    leave = next(source for source in page.find_all(".answer .source") if "p. 5" in source.text)
    leave.click()
    assert named(page.text("#source-heading")) == "employee handbook"
    page.wait(
        lambda: "29 working days" in " ".join(page.find("#source mark").text.split()),
        "the quote to be marked",
    )
    link = page.find("#source a")
    assert link.text == "Open page 5"
    assert link.get_attribute("target") == "_blank"
    url = link.get_attribute("href")
    assert url.endswith("/file#page=5")
    assert fetch(page, url).headers["content-type"] == "application/pdf"
    page.find("#source").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.is_shown("#source"), "the sheet to close")

    messages = page.texts(".message")
    page.open(page.driver.current_url.removeprefix(page.base))
    page.wait(lambda: page.texts(".message") == messages, "the messages to come back")
    assert page.is_shown(".answer .cite")


def named(title: str) -> str:
    """The normalized title of a document, whether from its properties or its file name."""
    return title.lower().replace("-", " ").removesuffix(" for water treatment plants")


def fetch(page: Page, url: str) -> httpx.Response:
    cookies = {cookie["name"]: cookie["value"] for cookie in page.driver.get_cookies()}
    return httpx.get(url, cookies=cookies).raise_for_status()


def test_docx_source_is_shown_in_its_text(signed_in: Page, documents: Path) -> None:
    page = signed_in
    page.create_namespace("Contract")
    page.upload([documents / "service-contract.docx"])
    page.wait_until_read(1)
    page.ask("When does the contract begin and how long does it run?")
    page.click(".answer .cite")
    mark = page.wait_for("#source mark")
    assert len(page.find_all("#source .passage")) > 5
    box, sheet = mark.rect, page.find("#source .sheet-text").rect
    assert sheet["y"] <= box["y"] <= sheet["y"] + sheet["height"]


def test_failures_show_a_reason(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    page.create_namespace("Failures")
    note = tmp_path / "note.txt"
    note.write_text("neither PDF nor DOCX")
    page.upload([note])
    reason = page.text(".document .error")
    assert page.find(".document-title").text == "note.txt"
    assert "PDF" in reason
    assert "DOCX" in reason
    page.click(".document button[aria-label='Dismiss note.txt']")
    page.wait(lambda: not page.find_all(".document"), "the row to go")

    # Stored, then found to be unreadable by the worker.
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"not really\n" * 50)
    page.upload([broken])
    page.wait_for(".document[data-state=failed] .error", 60)
    assert len(page.find(".document .error").text) > 20
    assert page.find(".document .small").text == "Try again"
    assert page.find(".empty-state h2").text == "None of the documents could be read"


def test_document_can_be_removed(signed_in: Page, documents: Path) -> None:
    page = signed_in
    page.create_namespace("Removal")
    page.upload([documents / "security-policy.docx"])
    page.wait_until_read(1)
    page.click(".document [aria-label^=Remove]")
    page.click("#form-dialog .danger")
    page.wait(lambda: not page.find_all(".document"), "the document to go")
    page.wait(lambda: page.find(".empty-state h2").text == "Add your first documents", "the empty state")


def test_namespaces_and_chats_can_be_created_and_deleted(signed_in: Page) -> None:
    page = signed_in
    page.create_namespace("Draft")
    page.click("#edit-namespace")
    page.fill("#form-dialog", name="Final", description="what it is for")
    page.wait(lambda: page.find("#namespace-heading").text == "Final", "the new name")
    assert page.find("#namespace-description").text == "what it is for"

    page.ask("Is there anything here?")
    page.wait(lambda: page.find_all("#chat-list a[aria-current]"), "the chat in the list")
    assert "/c/" in page.driver.current_url
    page.driver.execute_script("document.querySelector('#chat-list button').focus()")
    page.click("#chat-list button")
    page.click("#form-dialog .danger")
    page.wait(
        lambda: "/c/" not in page.driver.current_url and not page.find_all("#chat-list a"), "the chat to go"
    )

    page.click("#delete-namespace")
    page.click("#form-dialog .danger")
    page.wait(lambda: "Final" not in page.texts("#namespace-list .entry-name"), "the namespace to go")


def test_shift_enter_adds_a_line_and_enter_sends(signed_in: Page) -> None:
    page = signed_in
    page.create_namespace("Keys")
    box = page.wait_for("#question")
    box.send_keys("one", Keys.SHIFT, Keys.ENTER)
    box.send_keys(Keys.NULL, "two")
    assert box.get_attribute("value") == "one\ntwo"
    page.ask("")
    assert page.find(".question").text == "one\ntwo"


def test_expired_session_preserves_the_question(signed_in: Page) -> None:
    page = signed_in
    page.create_namespace("Session")
    place = page.driver.current_url
    page.driver.delete_all_cookies()
    page.wait_for("#question").send_keys("What was I about to ask?", Keys.ENTER)
    page.wait_for("#account")
    assert "session has expired" in page.find("#account-lead").text
    page.sign_in()
    draft = "What was I about to ask?"
    page.wait(lambda: page.wait_for("#question").get_attribute("value") == draft, "the question")
    assert page.driver.current_url == place


def test_sign_in_shows_the_server_error(account: None, page: Page) -> None:
    page.sign_in(password="not the password")
    shown = page.text("#account-error")
    answer = httpx.post(
        f"{page.base}/api/auth/login", json={"username": "mira", "password": "not the password"}
    )
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert shown == answer.json()["detail"]


def test_sign_out_clears_all_data(signed_in: Page) -> None:
    page = signed_in
    page.create_namespace("Secret")
    page.wait_for("#question").send_keys("half a question")
    page.click("#sign-out")
    page.wait_for("#account")
    assert page.driver.execute_script("return sessionStorage.length") == 0
    assert "Secret" not in page.driver.page_source


def test_unknown_namespace_shows_an_explanation(signed_in: Page) -> None:
    page = signed_in
    page.create_namespace("Somewhere")
    page.driver.execute_script("location.hash = '#/n/999999'")
    page.wait(lambda: page.find("#welcome h2").text == "Namespace not found", "the explanation")


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_content_fits_the_window_width(signed_in: Page, width: int) -> None:
    page = signed_in
    page.create_namespace(f"A name that is rather long for a window of {width} pixels")
    page.resize(width, 740)
    page.settle()
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    send = page.wait_for("#send").rect
    assert send["x"] + send["width"] <= width
    if width < 500:
        assert not page.is_shown("#documents")
        page.click("#panes [data-pane=documents]")
        assert page.is_shown("#documents")
        page.click("#menu")
        page.wait_for("#namespace-list")


def test_every_control_has_an_accessible_name(signed_in: Page) -> None:
    page = signed_in
    page.create_namespace("Names")
    for element in page.find_all("button, a, input, textarea"):
        if element.is_displayed():
            assert element.accessible_name, element.get_attribute("outerHTML")


def test_changes_by_others_appear_automatically(signed_in: Page, documents: Path) -> None:
    """The server pushes changes; the page fetches the list only after an event."""
    page = signed_in
    page.create_namespace("Events")
    namespace = page.driver.execute_script("return location.hash").split("/")[-1]
    page.driver.execute_script(
        "window.lists = 0; const fetched = window.fetch;"
        "window.fetch = (...a) => {"
        "  if (/\\/documents/.test(a[0])) window.lists += 1; return fetched(...a); };"
    )
    cookies = {cookie["name"]: cookie["value"] for cookie in page.driver.get_cookies()}
    with (documents / "service-contract.docx").open("rb") as file:
        httpx.post(
            f"{page.base}/api/documents",
            cookies=cookies,
            headers={"x-csrftoken": cookies["csrftoken"]},
            files={"file": file},
            data={"namespace_id": namespace},
        ).raise_for_status()
    page.wait_until_read(1)
    time.sleep(1)
    quiet = page.driver.execute_script("return window.lists")
    time.sleep(3)
    assert page.driver.execute_script("return window.lists") == quiet
    url = f"{page.base}/api/namespaces/{namespace}/documents"
    (document,) = httpx.get(url, cookies=cookies).json()["items"]
    httpx.delete(
        f"{url}/{document['id']}", cookies=cookies, headers={"x-csrftoken": cookies["csrftoken"]}
    ).raise_for_status()
    page.wait(lambda: not page.find_all(".document"), "the document to go")


def test_page_polls_without_events(signed_in: Page, documents: Path) -> None:
    page = signed_in
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/events"]})
    try:
        page.create_namespace("No events")
        page.upload([documents / "service-contract.docx"])
        page.wait_until_read(1)
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
