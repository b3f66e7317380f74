"""From an empty installation to the start, and the start afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.browser import PASSWORD, USER, Page, watched
from tests.service_process import serving


@pytest.fixture
def empty_page(driver: webdriver.Chrome, database: str, tmp_path: Path) -> Iterator[Page]:
    """The page of a Luma with an empty database."""
    with (
        serving(tmp_path, LUMA_DATABASE_URL=database) as base,
        watched(driver, base) as page,
    ):
        page.open("/")
        yield page


def test_luma_is_set_up_once(empty_page: Page) -> None:
    page = empty_page
    assert page.text("#account-heading") == "Set up Luma"
    assert page.text("#account-lead") == "This account becomes the administrator."
    page.fill("#account-form", username="a@b", email="nowhere", password="short")
    # All that is wrong is said at once, each at its field.
    page.wait(lambda: page.has_focus("[name=username]"), "the focus on the first field")
    assert page.text("#field-email-error") == "Must be an e-mail address."
    assert "10 to 1024 characters" in page.text("#field-password-error")
    page.fill("#account-form", username=USER, email="mira@quillhaven.example", password=PASSWORD)
    page.wait_for(".drop-zone")
    assert page.text("main h1") == "Ask your documents"
    assert page.call("GET", "/api/auth/me")["role"] == "admin"
    page.sign_out()
    # From now on, it would not be true.
    assert page.text("#account-heading") == "Sign in"
    assert not page.is_shown("#account-other")


def test_the_start_leads_to_namespaces_and_chats(newcomer: Page) -> None:
    page = newcomer
    name = "<b>Letters</b>"
    letters = page.call("POST", "/api/namespaces", {"name": name, "description": "<i>All</i> letters"})["id"]
    chat = page.call("POST", "/api/chats", {"namespace_id": letters})["id"]
    page.call("PATCH", f"/api/chats/{chat}", {"title": "To <u>Ada</u>"})
    page.open("/")
    assert page.text("main h1") == "What do you want to know?"
    card = f".start-card[href='/n/{letters}']"
    assert page.text(card).split("\n") == [name, "<i>All</i> letters", "0 documents"]
    assert page.text(f".start-chat[href='/c/{chat}'] .rail-name") == "To <u>Ada</u>"
    assert not page.find_all("luma-start :is(b, i, u)")
    page.find(card).send_keys(Keys.ENTER)
    page.wait(lambda: page.driver.current_url.endswith(f"/n/{letters}"), "the namespace")


def test_the_page_says_when_it_is_offline(signed_in: Page) -> None:
    page = signed_in
    # Its parts are loaded before there is no network.
    page.wait_for(".shell")
    page.driver.execute_script(
        "const Source = EventSource;"
        "EventSource = function (url) { return (window.opened = new Source(url)); };"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.enable", {})
    try:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **offline})
        page.wait(lambda: "offline" in page.text(".offline-bar"), "the bar")
        # It takes room from the page, and covers nothing.
        edges = (
            "const [bar, shell] = ['.offline-bar', '.shell'].map((each) => document.querySelector(each)"
            ".getBoundingClientRect()); return [bar.bottom, shell.top, shell.bottom]"
        )
        bar_bottom, top, bottom = page.driver.execute_script(edges)
        assert top >= bar_bottom
        assert bottom <= 800
        # An answer that was under way when the network went changes nothing.
        page.driver.execute_script("opened.onopen()")
        page.settle()
        assert page.is_shown(".offline-bar")
    finally:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **offline})
    page.wait(lambda: not page.is_shown(".offline-bar"), "the bar to go")


def test_files_dropped_at_the_start_become_a_namespace(newcomer: Page, documents: Path) -> None:
    page = newcomer
    page.wait_for(".drop-zone")
    page.find("#start-files").send_keys(str(documents / "employee-handbook.pdf"))
    page.wait(lambda: page.call("GET", "/api/namespaces")["total"] == 1, "the namespace")
    namespace = page.call("GET", "/api/namespaces")["items"][0]
    page.wait(lambda: page.driver.current_url.endswith(f"/n/{namespace['id']}"), "the namespace to open")
