"""Every view of the page, in both themes and at three sizes, has no violation that axe finds."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from tests.browser import Page

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
SIZES = [(1440, 900), (768, 1024), (390, 844)]
THEMES = ["light", "dark"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# All that a theme can break.
COLOR_RULES = ["color-contrast", "link-in-text-block"]
QUESTION = "How many days of paid leave do I have in a year?"
_RUN = """
const [type, values, done] = arguments;
axe.run(document, {runOnly: {type, values}, resultTypes: ["violations"]}).then(
    ({violations}) => done(violations.map(({id, nodes}) => [id, nodes.slice(0, 3).map((node) => node.html)])),
    (error) => done([["axe failed", [String(error)]]]),
);
"""


@pytest.fixture(scope="session")
def places(driver: webdriver.Chrome, server: str, account: None, documents: Path) -> dict[str, str]:
    """Addresses of the page by name, in a Luma with documents, a chat and a member."""
    page = Page(driver, server)
    driver.delete_all_cookies()
    page.open("/")
    page.sign_in()
    files = [documents / "employee-handbook.pdf", documents / "service-contract.docx"]
    namespace = page.prepare_namespace("Accessibility", files)
    empty = page.prepare_namespace("Empty")
    chat = page.call("POST", "/api/chats", {"namespace_id": namespace})["id"]
    exchange = page.call("POST", f"/api/chats/{chat}/messages", {"content": QUESTION})
    answer = exchange["llm_message"]
    cited = next(citation for citation in answer["citations"] if citation["page"] is not None)
    listed = page.call("GET", f"/api/namespaces/{namespace}/documents")["items"]
    contract = next(document["id"] for document in listed if document["type"] == "docx")
    return {
        "start": "/",
        "empty namespace": f"/n/{empty}",
        "new chat": f"/n/{namespace}",
        "answer": f"/c/{chat}",
        "cited page": f"/c/{chat}/cite/{answer['id']}/{cited['n']}",
        "text": f"/n/{namespace}/documents/doc/{contract}",
        "documents": f"/n/{namespace}/documents",
        "people": f"/n/{namespace}/people",
        "my documents": "/documents",
        "settings": "/settings",
        "tokens": "/settings/tokens",
        "administration": "/admin",
        "audit": "/admin/audit",
        "health": "/admin/health",
        "not found": "/c/999999",
    }


def violations(page: Page, theme: str) -> list[Any]:
    """What axe finds on what is shown; in further themes, of what depends on colors."""
    rules = ("tag", RULES) if theme == THEMES[0] else ("rule", COLOR_RULES)
    found: list[Any] = page.driver.execute_async_script(_RUN, *rules)
    return found


def appearances(page: Page) -> Iterator[tuple[str, str]]:
    """Show the page in each theme at each size, and yield them."""
    for width, height in SIZES:
        page.resize(width, height)
        for theme in THEMES:
            page.driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
            yield f"{width} px", theme


def check(page: Page, view: str) -> None:
    page.driver.execute_script(AXE.read_text())
    found = {
        f"{view}, {size}, {theme}": violated
        for size, theme in appearances(page)
        if (violated := violations(page, theme))
    }
    assert not found, json.dumps(found, indent=1)


VIEWS = [
    "start",
    "empty namespace",
    "new chat",
    "answer",
    "cited page",
    "text",
    "documents",
    "people",
    "my documents",
    "settings",
    "tokens",
    "administration",
    "audit",
    "health",
    "not found",
]


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_accessible(signed_in: Page, places: dict[str, str], view: str) -> None:
    signed_in.open(places[view])
    signed_in.wait(lambda: signed_in.find("#main").text != "", "the view to be filled")
    signed_in.settle()
    check(signed_in, view)


def test_sign_in_is_accessible(account: None, page: Page) -> None:
    check(page, "sign-in")


OVERLAYS: dict[str, Callable[[Page], None]] = {
    "palette": lambda page: page.press_with_control("k"),
    "shortcuts": lambda page: page.press("?"),
}


@pytest.mark.parametrize("overlay", list(OVERLAYS))
def test_overlays_are_accessible(signed_in: Page, overlay: str) -> None:
    OVERLAYS[overlay](signed_in)
    signed_in.wait_for("dialog[open]")
    check(signed_in, overlay)
