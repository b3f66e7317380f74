"""The rail: chats by day, search, renaming, pinning, export, deletion, namespaces, the user."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser import Page, enter
from tests.databases import run_on
from tests.documents_page import add_user, client
from tests.scripted_llm import HOLD, ScriptedLLM

_HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
_CHATS = "luma-chat-list a.rail-entry"


@pytest.fixture(scope="session")
def ravi(account: None, server: str) -> str:
    """A user of these tests alone, whose chats and namespaces are deleted."""
    add_user(server, "ravi")
    return "ravi"


@pytest.fixture
def rail(cleared: Page, ravi: str) -> Page:
    """The page with the rail, and no chats in it."""
    page = cleared
    with client(page.base, ravi) as http:
        # Their chats are deleted with them.
        for namespace in http.get("/api/namespaces").json()["items"]:
            http.delete(f"/api/namespaces/{namespace['id']}").raise_for_status()
    enter(page, ravi)
    return page


def _namespace(page: Page, name: str) -> int:
    return int(page.call("POST", "/api/namespaces", {"name": name})["id"])


def _chat(page: Page, namespace: int, title: str) -> int:
    chat = int(page.call("POST", "/api/chats", {"namespace_id": namespace})["id"])
    page.call("PATCH", f"/api/chats/{chat}", {"title": title})
    return chat


def _row(chat: int) -> str:
    return f".rail-row:has(a[href='/c/{chat}'])"


def _titles(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in page.texts(_CHATS)]


def _await_titles(page: Page, *titles: str) -> None:
    page.wait(lambda: _titles(page) == list(titles), f"the chats {titles}")


def test_chats_stand_in_groups_by_day(modules: Page) -> None:
    now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    days = [0, 1, 2, 7, 8, 30, 31, 60, 200]
    chats = [{"id": day, "last_activity_at": (now - timedelta(days=day)).isoformat()} for day in days]
    group = "return m.byDay(a[0], new Date(a[1])).map(({name, items}) => [name, items.map(({id}) => id)]);"
    assert modules.module("views/chat-list.js", group, chats, now.isoformat()) == [
        ["Today", [0]],
        ["Yesterday", [1]],
        ["Previous 7 days", [2, 7]],
        ["Previous 30 days", [8, 30]],
        ["February", [31]],
        ["January", [60]],
        ["September 2025", [200]],
    ]


def test_the_open_chat_is_marked_and_hinted(rail: Page) -> None:
    page = rail
    papers, letters = _namespace(page, "Papers"), _namespace(page, "Letters")
    first, second = _chat(page, papers, "About papers"), _chat(page, letters, "About letters")
    _await_titles(page, "About letters", "About papers")
    assert page.text(f"{_row(first)} .rail-hint") == "Papers"
    page.click(f"{_row(second)} a")
    page.wait_for(f"{_row(second)} a[aria-current=page]")
    assert page.driver.current_url.endswith(f"/c/{second}")
    page.driver.back()
    page.wait(lambda: not page.find_all(f"{_CHATS}[aria-current]"), "no chat to be current")
    page.driver.forward()
    page.wait_for(f"{_row(second)} a[aria-current=page]")
    # A new chat begins in the namespace of this one.
    assert str(page.find("#new-chat").get_attribute("href")).endswith(f"/n/{letters}")


def test_hostile_titles_are_text(rail: Page) -> None:
    page = rail
    chat = _chat(page, _namespace(page, _HOSTILE), _HOSTILE)
    _await_titles(page, _HOSTILE)
    assert page.text("luma-rail-namespaces .rail-name") == _HOSTILE
    page.choose(_row(chat), "Delete")
    assert _HOSTILE in page.text("dialog")
    assert not page.find_all("luma-rail img[src=x], luma-rail script, dialog img, dialog script")


def test_chats_are_found_by_title_and_text(rail: Page) -> None:
    page = rail
    papers = _namespace(page, "Papers")
    asked = _chat(page, papers, "First")
    page.call("POST", f"/api/chats/{asked}/messages", {"content": "Where does the okapi live?"})
    _chat(page, papers, "Second")
    _await_titles(page, "Second", "First")
    page.find("#rail-search").send_keys("okapi")
    _await_titles(page, "First")
    page.find("#rail-search").send_keys(Keys.CONTROL, "a")
    page.find("#rail-search").send_keys("SECO")
    _await_titles(page, "Second")
    assert not page.is_shown("luma-rail-namespaces h2")
    page.find("#rail-search").send_keys("?")
    page.wait(lambda: page.text(".rail-empty") == "No chat has this text.", "the empty list")
    page.find("#rail-search").send_keys(Keys.ESCAPE)
    _await_titles(page, "Second", "First")
    assert page.has_focus("#rail-search")


def test_a_chat_is_renamed_in_place(rail: Page) -> None:
    page = rail
    chat = _chat(page, _namespace(page, "Papers"), "Old")
    link = page.wait_for(f"{_row(chat)} a")
    ActionChains(page.driver).double_click(link).perform()
    page.wait_for(".rail-rename").send_keys("By mouse", Keys.ENTER)
    _await_titles(page, "By mouse")
    # By keyboard: the focus is on the link again.
    page.wait(lambda: page.has_focus(f"{_row(chat)} a"), "the focus on the chat")
    page.press(Keys.F2)
    page.wait_for(".rail-rename").send_keys("Thrown away", Keys.ESCAPE)
    _await_titles(page, "By mouse")
    page.press(Keys.F2)
    page.wait_for(".rail-rename").send_keys("By keyboard", Keys.ENTER)
    _await_titles(page, "By keyboard")
    page.choose(_row(chat), "Rename")
    page.wait_for(".rail-rename").send_keys("   ", Keys.ENTER)
    _await_titles(page, "By keyboard")
    assert page.call("GET", f"/api/chats/{chat}")["title"] == "By keyboard"


def test_pinned_chats_come_first(rail: Page) -> None:
    page = rail
    papers = _namespace(page, "Papers")
    older = _chat(page, papers, "Older")
    _chat(page, papers, "Newer")
    _await_titles(page, "Newer", "Older")
    page.choose(_row(older), "Pin")
    _await_titles(page, "Older", "Newer")
    assert page.texts("luma-chat-list h2") == ["Pinned", "Today"]
    page.wait(lambda: page.has_focus(f"{_row(older)} a"), "the focus on the chat where it is now")
    page.choose(_row(older), "Unpin")
    _await_titles(page, "Newer", "Older")


def test_a_chat_is_saved_as_a_file(rail: Page, tmp_path: Path) -> None:
    page = rail
    chat = _chat(page, _namespace(page, "Papers"), "Saved")
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    for item, name in (("Save as Markdown", f"chat-{chat}.md"), ("Save as JSON", f"chat-{chat}.json")):
        page.choose(_row(chat), item)
        page.wait((tmp_path / name).exists, name)
    assert (tmp_path / f"chat-{chat}.md").read_text().startswith("# Saved")


def test_deleting_asks_first_and_keeps_the_focus(rail: Page) -> None:
    page = rail
    papers = _namespace(page, "Papers")
    older, newer = _chat(page, papers, "Older"), _chat(page, papers, "Newer")
    page.click(f"{_row(newer)} a")
    page.choose(_row(newer), "Delete")
    page.press(Keys.ESCAPE)
    page.wait(lambda: page.has_focus(f"{_row(newer)} luma-menu button"), "the focus where it was")
    page.choose(_row(newer), "Delete")
    page.click("dialog .danger")
    _await_titles(page, "Older")
    # The open chat is gone: a new one can begin in its namespace.
    page.wait(lambda: page.driver.current_url.endswith(f"/n/{papers}"), "the namespace")
    page.wait(lambda: page.has_focus(f"{_row(older)} a"), "the focus on the neighbor")
    page.choose(_row(older), "Delete")
    page.click("dialog .danger")
    page.wait(lambda: page.has_focus("#new-chat"), "the focus on the way to a new chat")
    assert page.text(".rail-empty") == "Your chats will appear here."


def test_the_list_follows_other_tabs(rail: Page) -> None:
    page = rail
    papers = _namespace(page, "Papers")
    first, other = page.driver.current_window_handle, None
    try:
        page.driver.switch_to.new_window("tab")
        other = page.driver.current_window_handle
        page.resize(1280, 800)
        page.open("/")
        page.driver.switch_to.window(first)
        chat = _chat(page, papers, "Seen everywhere")
        page.driver.switch_to.window(other)
        _await_titles(page, "Seen everywhere")
        page.choose(_row(chat), "Delete")
        page.click("dialog .danger")
        page.driver.switch_to.window(first)
        page.wait(lambda: not page.find_all(_CHATS), "the chat to go in the first tab, too")
    finally:
        if other is not None:
            page.driver.switch_to.window(other)
            page.driver.close()
        page.driver.switch_to.window(first)


def test_long_lists_are_loaded_while_scrolling(rail: Page, server_database: str) -> None:
    page = rail
    papers = _namespace(page, "Papers")
    create = f"""
        INSERT INTO chats (user_id, namespace_id, started_at)
        SELECT user_id, id, now() FROM namespace, generate_series(1, 120) WHERE id = {papers}
    """
    asyncio.run(run_on(server_database, create))
    page.open("/")
    page.wait(lambda: len(page.find_all(_CHATS)) == 50, "the first chats")
    for number in (100, 120):
        page.driver.execute_script(
            "const list = document.querySelector('.rail-scroll'); list.scrollTo(0, 1e6)"
        )
        page.wait(lambda number=number: len(page.find_all(_CHATS)) == number, f"{number} chats")
    links = {link.get_attribute("href") for link in page.find_all(_CHATS)}
    assert len(links) == 120


def test_arrow_keys_move_through_the_chats(rail: Page) -> None:
    page = rail
    papers = _namespace(page, "Papers")
    older, newer = _chat(page, papers, "Older"), _chat(page, papers, "Newer")
    _await_titles(page, "Newer", "Older")
    page.driver.execute_script("arguments[0].focus()", page.find(f"{_row(newer)} a"))
    page.press(Keys.ARROW_DOWN)
    assert page.has_focus(f"{_row(older)} a")
    page.press(Keys.ENTER)
    page.wait(lambda: page.driver.current_url.endswith(f"/c/{older}"), "the chat")


def test_the_rail_is_a_drawer_on_a_phone(rail: Page) -> None:
    page = rail
    chat = _chat(page, _namespace(page, "Papers"), "Pocketed")
    page.resize(390, 844)
    page.open("/")
    assert not page.is_shown(".rail")
    page.click(".rail-button")
    page.wait_for(f"{_row(chat)} a")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.is_shown(".rail"), "the drawer to close")
    assert page.has_focus(".rail-button")
    page.click(".rail-button")
    page.click(f"{_row(chat)} a")
    page.wait(lambda: not page.is_shown(".rail"), "the drawer to close")
    assert page.driver.current_url.endswith(f"/c/{chat}")


def test_a_running_answer_shows_in_the_list(answered: Page, llm: ScriptedLLM, documents: Path) -> None:
    page = answered
    llm.script = [HOLD, "Yes."]
    papers = page.prepare_namespace("Reports", [documents / "annual-report.pdf"])
    page.open("/")
    chat = _chat(page, papers, "Asked elsewhere")
    page.wait(lambda: "Asked elsewhere" in _titles(page), "the chat")
    ask = (
        "m.call('POST', `/api/chats/${a[0]}/messages`, {content: 'How often are buoys serviced?'}); return 1;"
    )
    page.module("core/api.js", ask, chat)
    page.wait_for(f"{_row(chat)} .activity")
    llm.go_on()
    page.wait(lambda: not page.find_all(".activity"), "the dot to go")
