"""Actions on lists of documents and on uploads, in terms of the page."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.browser import PASSWORD, USER, Page, session

ROW = "luma-document-row"


@contextmanager
def client(base: str, username: str = USER, password: str = PASSWORD) -> Iterator[httpx.Client]:
    """A signed-in client of the HTTP interface."""
    cookies = session(base, username, password)
    headers = {"x-csrftoken": cookies["csrftoken"]}
    with httpx.Client(base_url=base, cookies=cookies, headers=headers, timeout=60) as http:
        yield http


def add_user(base: str, username: str) -> int:
    """An account that can sign in with the usual password."""
    with client(base) as admin:
        user = {"username": username, "email": f"{username}@quillhaven.example", "password": "set by mira"}
        created = admin.post("/api/users", json=user).raise_for_status().json()
    with client(base, username, "set by mira") as own:
        change = {"current": "set by mira", "new": PASSWORD}
        own.post("/api/auth/password", json=change).raise_for_status()
    return int(created["id"])


def upload(
    http: httpx.Client, name: str, content: bytes, namespace_id: int | None = None, title: str | None = None
) -> int:
    """Upload a file over HTTP; the id of its document."""
    data = {} if namespace_id is None else {"namespace_id": str(namespace_id)}
    data |= {} if title is None else {"title": title}
    posted = http.post("/api/documents", files={"file": (name, content)}, data=data)
    return int(posted.raise_for_status().json()["id"])


def broken_pdf(text: str) -> bytes:
    """A file that is taken for a PDF and can't be read."""
    return b"%PDF-1.7\n" + text.encode() * 20


def open_documents(page: Page, namespace_id: int) -> None:
    page.open(f"/n/{namespace_id}/documents")
    page.wait_for(".documents")


def titles(page: Page) -> list[str]:
    return page.texts(f"{ROW} .doc-title")


def wait_for_titles(page: Page, wanted: Iterable[str]) -> None:
    expected = list(wanted)
    page.wait(lambda: titles(page) == expected, f"the documents {expected}")


def state(page: Page, title: str) -> str:
    return str(
        page.driver.execute_script(f"return {_row(title)}?.querySelector('.cell-state').innerText ?? ''")
    )


def wait_for_state(page: Page, title: str, wanted: str, seconds: float = 60) -> None:
    page.wait(lambda: state(page, title) == wanted, f"{title} to be: {wanted}", seconds)


def choose(page: Page, title: str, action: str) -> None:
    """Choose an action in the menu of a document."""
    page.click(f'luma-menu [aria-label="Actions for {title}"]')
    page.wait_for("luma-menu [role=menuitem]")
    for item in page.find_all("luma-menu [role=menuitem]"):
        if item.text == action:
            return item.click()
    raise AssertionError(f"{action} is not offered: {page.texts('luma-menu [role=menuitem]')}")


def offered(page: Page, title: str) -> list[str]:
    """What the menu of a document offers."""
    page.click(f'luma-menu [aria-label="Actions for {title}"]')
    page.wait_for("luma-menu [role=menuitem]")
    found = page.texts("luma-menu [role=menuitem]")
    page.click(f'luma-menu [aria-label="Actions for {title}"]')
    return found


def select(page: Page, *wanted: str) -> None:
    for title in wanted:
        page.click(f'[aria-label="Select {title}"]')


def confirm(page: Page) -> None:
    """Press the button of the open dialog, and wait until it is closed."""
    page.click("dialog [type=submit]")
    page.wait(lambda: not page.find_all("dialog[open]"), "the dialog to close")


def add_files(page: Page, *paths: Path) -> None:
    """Choose files with the button."""

    def chosen() -> bool:
        page.find("luma-upload-button input.files").send_keys("\n".join(map(str, paths)))
        return True

    page.wait(chosen, "the button")


def focused(page: Page) -> str:
    """The tag of the element with the focus."""
    return str(page.driver.execute_script("return document.activeElement.tagName"))


def _row(title: str) -> str:
    return (
        f"[...document.querySelectorAll('{ROW}')]"
        f".find((row) => row.querySelector('.doc-title').textContent === {json.dumps(title)})"
    )
