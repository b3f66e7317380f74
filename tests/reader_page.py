"""Actions on the reader of the page, and what it shows."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser import Page

NAMESPACE = "Reader"
REVENUE = "What was the revenue?"
PASSWORDS = "How long must passwords be?"

# The characters of the text layer whose middle lies in a mark of this kind.
_MARKED_TEXT = """
    const boxes = [...document.querySelectorAll(arguments[0])].map((mark) => mark.getBoundingClientRect());
    const range = document.createRange();
    let text = "";
    for (const span of document.querySelectorAll(".pdf-text span")) {
        for (let at = 0; at < span.textContent.length; at += 1) {
            range.setStart(span.firstChild, at);
            range.setEnd(span.firstChild, at + 1);
            const {left, right, top, bottom} = range.getBoundingClientRect();
            const [x, y] = [(left + right) / 2, (top + bottom) / 2];
            if (boxes.some((box) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom)) {
                text += span.textContent[at];
            }
        }
    }
    return text;
"""
_IN_VIEW = """
    const box = document.querySelector(arguments[0])?.getBoundingClientRect();
    const view = document.querySelector(".reader-body")?.getBoundingClientRect();
    if (!box || !view) return false;
    const isInHeight = box.top >= view.top && box.bottom <= view.bottom;
    return isInHeight && box.left >= view.left && box.right <= view.right;
"""


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


class ReaderPage:
    """The reader in a page that is signed in, with the demo documents in a namespace."""

    def __init__(self, page: Page, documents: Path) -> None:
        self.page = page
        listed = page.call("GET", "/api/namespaces?limit=200")["items"]
        known = next((item["id"] for item in listed if item["name"] == NAMESPACE), None)
        self.namespace = known or page.prepare_namespace(NAMESPACE, sorted(documents.iterdir()))

    def ask(self, question: str) -> tuple[int, dict[str, Any]]:
        """A new chat with an answer, by the interface: the id of the chat, and the answer."""
        chat: int = self.page.call("POST", "/api/chats", {"namespace_id": self.namespace})["id"]
        exchange = self.page.call("POST", f"/api/chats/{chat}/messages", {"content": question})
        assert exchange["llm_message"]["citations"], "the answer cites nothing"
        return chat, exchange["llm_message"]

    def document(self, title: str) -> int:
        listed = self.page.call("GET", f"/api/namespaces/{self.namespace}/documents?limit=200")["items"]
        return next(int(item["id"]) for item in listed if item["title"] == title)

    def upload(self, name: str, content: bytes) -> int:
        """Upload a document to no namespace."""
        script = """
            const bytes = Uint8Array.from(atob(a[1]), (character) => character.charCodeAt(0));
            const form = new FormData();
            form.append("file", new File([bytes], a[0]));
            return (await m.upload("/api/documents", form, () => {})).body.id;
        """
        return int(self.page.module("core/api.js", script, name, b64encode(content).decode()))

    def go(self, path: str) -> None:
        """Follow a link within the page."""
        self.page.module("core/router.js", "m.router.go(m.parse(a[0]));", path)

    def wait_for_mark(self, kind: str = ".reader-mark.is-strong") -> None:
        self.page.wait(lambda: self.is_in_view(kind), "the mark in view")

    def is_in_view(self, selector: str) -> bool:
        return bool(self.page.driver.execute_script(_IN_VIEW, selector))

    def marked(self, kind: str = ".reader-mark.is-strong") -> str:
        """The letters of the page that lie under marks."""
        return letters(self.page.driver.execute_script(_MARKED_TEXT, kind))

    def visible_text(self) -> str:
        """The text of the pages that are drawn."""
        script = (
            "return [...document.querySelectorAll('.pdf-text')].map((layer) => layer.textContent).join(' ')"
        )
        return str(self.page.driver.execute_script(script))

    @property
    def number(self) -> str:
        return str(self.page.find(".reader-page-field").get_attribute("value"))

    def keys(self, *keys: str, holding: str | None = None) -> None:
        """Press keys where the focus is."""
        actions = ActionChains(self.page.driver)
        if holding:
            actions.key_down(holding)
        actions.send_keys(*keys)
        if holding:
            actions.key_up(holding)
        actions.perform()

    @property
    def focused(self) -> Any:
        return self.page.driver.switch_to.active_element

    def escape(self) -> None:
        self.keys(Keys.ESCAPE)
