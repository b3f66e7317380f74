"""The palette and the other shortcuts, by keyboard alone."""

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import Page

_HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def palette(signed_in: Page) -> Page:
    """The page with a namespace and a chat, and the open palette."""
    page = signed_in
    names = {item["name"]: item["id"] for item in page.call("GET", "/api/namespaces")["items"]}
    if "Tide tables" not in names:
        tides = page.call("POST", "/api/namespaces", {"name": "Tide tables"})["id"]
        page.call("POST", "/api/namespaces", {"name": _HOSTILE})
        for title in ("High water", "Low water"):
            chat = page.call("POST", "/api/chats", {"namespace_id": tides})["id"]
            page.call("PATCH", f"/api/chats/{chat}", {"title": title})
    page.open("/settings/appearance")
    page.wait_for("luma-chat-list a")
    page.press_with_control("k")
    page.wait(lambda: page.has_focus("#palette-input"), "the palette")
    return page


def _selected(page: Page) -> str:
    return page.text(".palette [aria-selected=true]").split("\n")[0]


def _path(page: Page) -> str:
    return page.driver.current_url.removeprefix(page.base)


def test_a_few_letters_lead_to_a_namespace(palette: Page) -> None:
    page = palette
    page.press(*"tide")
    page.wait(lambda: _selected(page) == "Tide tables", "the namespace")
    active = page.find("#palette-input").get_attribute("aria-activedescendant")
    assert page.find(f"#{active}").text == "Tide tables"
    page.press(Keys.ENTER)
    page.wait(lambda: _path(page).startswith("/n/"), "the namespace")
    assert not page.find_all("luma-palette")


def test_arrows_move_through_recent_chats_and_around(palette: Page) -> None:
    page = palette
    assert _selected(page) == "Low water"
    page.press(Keys.ARROW_DOWN)
    page.wait(lambda: _selected(page) == "High water", "the next entry")
    page.press(Keys.ARROW_UP, Keys.ARROW_UP)
    page.wait(lambda: _selected(page) == "Sign out", "the last entry")
    page.press(Keys.ARROW_DOWN, Keys.ENTER)
    page.wait(lambda: _path(page).startswith("/c/"), "the chat")


def test_chats_and_documents_are_found_on_the_server(palette: Page, documents: Path, tmp_path: Path) -> None:
    page = palette
    page.press(Keys.ESCAPE)
    survey = tmp_path / "osprey-survey.pdf"
    survey.write_bytes((documents / "employee-handbook.pdf").read_bytes() + b"\n% another file\n")
    page.prepare_namespace("Palette", [survey])
    page.press_with_control("k")
    page.wait_for("#palette-input").send_keys("osprey")
    page.wait(lambda: _selected(page) == "osprey-survey", "the document")
    page.press(Keys.ENTER)
    # It opens beside what was open.
    page.wait(lambda: _path(page).startswith("/settings/appearance/doc/"), "the reader")
    page.press(Keys.ESCAPE)
    page.wait(lambda: _path(page) == "/settings/appearance", "the reader to close")
    page.press_with_control("k")
    page.wait_for("#palette-input").send_keys("high")
    page.wait(lambda: _selected(page) == "High water", "the chat")


def test_commands_run(palette: Page) -> None:
    page = palette
    page.press(*"dark th", Keys.ENTER)
    page.wait_for("html[data-theme=dark]")
    page.press_with_control("k")
    page.wait_for("#palette-input").send_keys("aud", Keys.ENTER)
    page.wait(lambda: _path(page) == "/admin/audit", "the audit trail")


def test_escape_returns_the_focus(palette: Page) -> None:
    page = palette
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.find_all("luma-palette"), "the palette to close")
    page.driver.execute_script("document.querySelector('#rail-search').focus()")
    page.press_with_control("k")
    page.wait(lambda: page.has_focus("#palette-input"), "the palette")
    # The same keys close it.
    page.press_with_control("k")
    page.wait(lambda: page.has_focus("#rail-search"), "the focus where it was")


def test_nothing_found_is_said_and_names_are_text(palette: Page) -> None:
    page = palette
    page.press(*"onerror")
    page.wait(lambda: _selected(page) == _HOSTILE, "the namespace")
    assert not page.find_all(".palette img")
    page.press(*"zzz")
    assert page.text(".palette-empty") == "Nothing was found."
    assert page.find("#palette-input").get_attribute("aria-activedescendant") is None
    page.press(Keys.ENTER)
    assert page.is_shown("#palette-input")


def test_single_keys_work_outside_of_fields_only(palette: Page) -> None:
    page = palette
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.find_all("luma-palette"), "the palette to close")
    page.press("?")
    page.wait(lambda: page.text("#shortcuts-heading") == "Keyboard shortcuts", "the shortcuts")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.find_all("luma-shortcuts"), "the shortcuts to close")
    page.find("#rail-search").send_keys("?/")
    assert page.find("#rail-search").get_attribute("value") == "?/"
    assert not page.find_all("luma-shortcuts")


def test_a_slash_leads_to_the_composer(palette: Page) -> None:
    page = palette
    page.press(*"tide", Keys.ENTER)
    page.wait_for("#question")
    page.driver.execute_script("document.querySelector('#new-chat').focus()")
    page.press("/")
    assert page.has_focus("#question")
    assert page.find("#question").get_attribute("value") == ""
