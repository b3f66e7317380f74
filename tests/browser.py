"""Browser actions for tests, in terms of the page."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

USER = "mira"
PASSWORD = "a long enough passphrase"

# One script is many times quicker than the commands of the driver, which look at one element each.
_LOOK = """
const all = [...document.querySelectorAll(arguments[0])];
const shown = (element) => getComputedStyle(element).display === "contents"
    ? [...element.children].some(shown)
    // An option is where its field is.
    : (element.closest("select") ?? element).checkVisibility(
        { opacityProperty: true, visibilityProperty: true });
const lines = (text) => text.replace(/[\\u00a0\\t]/g, " ").split("\\n").map((line) => line.trim());
const read = (element) => shown(element)
    ? lines(element.innerText ?? element.textContent).filter(Boolean).join("\\n")
    : "";
"""


def register(base: str) -> None:
    """Create the first account of a Luma."""
    account = {"username": USER, "email": "mira@quillhaven.example", "password": PASSWORD}
    httpx.post(f"{base}/api/auth/register", json=account, timeout=60).raise_for_status()


class Page:
    """Luma's page in a browser."""

    def __init__(self, driver: webdriver.Chrome, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, path: str) -> None:
        self.driver.get(self.base + path)
        self.wait(lambda: self.is_shown("#account-form, .shell"), "the page to start")

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        """Wait until `condition` holds; elements that are redrawn in the meantime are looked up again."""
        passing = (NoSuchElementException, StaleElementReferenceException, IndexError)
        waiting = WebDriverWait(self.driver, seconds, 0.05, passing)
        return waiting.until(lambda _: condition(), f"waited for {what}")

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def look(self, what: str, selector: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression over `all` elements of the selector, `shown` and `read`."""
        return self.driver.execute_script(f"{_LOOK} return {what};", selector, *arguments)

    def is_shown(self, selector: str) -> bool:
        return bool(self.look("all.some(shown)", selector))

    def wait_for(self, selector: str, seconds: float = 20) -> WebElement:
        """The first visible element of the selector."""
        return self.wait(lambda: self.look("all.find(shown)", selector), selector, seconds)

    def text(self, selector: str) -> str:
        """The text of the selector's first visible element: its lines that are not empty."""
        first = "all.filter(shown).slice(0, 1).map(read)[0]"
        return str(self.wait(lambda: self.look(first, selector), f"a text in {selector}"))

    def click(self, selector: str) -> None:
        """Click the first visible element of the selector; once more if it is redrawn at that moment."""

        def is_clicked() -> bool:
            self.wait_for(selector).click()
            return True

        self.wait(is_clicked, f"a click on {selector}")

    def click_text(self, selector: str, text: str) -> None:
        """Click the first visible element of the selector with this text."""

        def is_clicked() -> bool:
            found = self.look("all.find((each) => read(each).includes(arguments[1]))", selector, text)
            if found is not None:
                found.click()
            return found is not None

        self.wait(is_clicked, f"{text} in {selector}")

    def hover(self, selector: str) -> None:
        """Move the pointer over the last element of the selector."""
        ActionChains(self.driver).move_to_element(self.find_all(selector)[-1]).perform()

    def choose(self, menu: str, item: str) -> None:
        """Open the menu inside `menu` and choose one of its items."""
        element = self.wait_for(menu)
        # Some menus appear with the pointer.
        ActionChains(self.driver).move_to_element(element).perform()
        element.find_element(By.CSS_SELECTOR, "button[aria-haspopup=menu]").click()
        named = "all.find((each) => read(each) === arguments[1])"
        self.wait(lambda: self.look(named, "[role=menuitem]", item), f"the item {item!r}").click()

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def press_with_control(self, key: str) -> None:
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def press_with_shift(self, key: str) -> None:
        ActionChains(self.driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()

    def has_focus(self, selector: str) -> bool:
        return bool(self.look("all.includes(document.activeElement)", selector))

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements of the selector, empty for those that are hidden."""
        return list(self.look("all.map(read)", selector))

    def fill(self, form: str, **values: str) -> None:
        """Fill and submit a form."""
        for name, value in values.items():
            field = self.wait_for(f"{form} [name={name}]")
            field.clear()
            field.send_keys(value)
        self.click(f"{form} [type=submit]")

    def sign_out(self) -> None:
        """Sign out by the menu of the user."""
        self.choose(".rail-user", "Sign out")
        self.wait_for("#account-form")

    def sign_in(self, username: str = USER, password: str = PASSWORD) -> None:
        """Sign in by the form."""
        self.fill("#account-form", username=username, password=password)
        self.wait_for(".shell")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the HTTP interface with the session of the browser, and return the decoded body."""
        return self.module("core/api.js", "return m.call(a[0], a[1], a[2] ?? undefined);", method, path, body)

    def prepare_namespace(self, name: str, files: Iterable[Path] = (), seconds: float = 90) -> int:
        """Create a namespace with documents over HTTP, wait until they are ready, and return its id."""
        namespace: int = self.call("POST", "/api/namespaces", {"name": name})["id"]
        cookies = {cookie["name"]: cookie["value"] for cookie in self.driver.get_cookies()}
        headers = {"x-csrftoken": cookies["csrftoken"]}
        with httpx.Client(base_url=self.base, cookies=cookies, headers=headers) as client:
            for file in files:
                data = {"namespace_id": str(namespace)}
                client.post(
                    "/api/documents", files={"file": (file.name, file.read_bytes())}, data=data
                ).raise_for_status()
        listing = f"/api/namespaces/{namespace}/documents"

        def is_read() -> bool:
            states = [document["ingestion"]["state"] for document in self.call("GET", listing)["items"]]
            return not {"queued", "running"} & set(states)

        self.wait(is_read, f"the documents of {name}", seconds)
        return namespace

    def module(self, name: str, body: str, *arguments: Any) -> Any:
        """Run `body` with the exports of one of the page's modules as `m`, and the arguments as `a`."""
        script = (
            "const done = arguments[arguments.length - 1], a = [...arguments].slice(0, -1);"
            "const main = document.querySelector('script[type=module]').src;"
            f"import(main.replace('main.js', '{name}')).then(async (m) => {{ {body} }})"
            ".then((value) => done([value]), (error) => done(String(error)));"
        )
        result = self.driver.execute_async_script(script, *arguments)
        assert isinstance(result, list), result
        return result[0]

    def settle(self) -> None:
        """Let transitions finish before a screenshot or a measurement."""
        time.sleep(0.3)


@contextmanager
def watched(driver: webdriver.Chrome, base: str) -> Iterator[Page]:
    """The page of a Luma, not loaded yet, without a session. At the end, no script may have failed or been
    blocked.
    """
    page = Page(driver, base)
    page.resize(1280, 800)
    # Of the same origin, and runs nothing.
    driver.get(f"{base}/health/live")
    driver.delete_all_cookies()
    driver.execute_script("sessionStorage.clear(); localStorage.clear()")
    driver.get_log("browser")
    yield page
    complaints = [entry["message"] for entry in driver.get_log("browser")]
    assert not [text for text in complaints if "Content Security Policy" in text or "Uncaught" in text]


def enter(page: Page, username: str = USER) -> None:
    """Sign in over HTTP, which is quicker than the form, and load the page."""
    for name, value in session(page.base, username).items():
        page.driver.add_cookie({"name": name, "value": value})
    page.open("/")


_sessions: dict[tuple[str, str, str], dict[str, str]] = {}


def session(base: str, username: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """The cookies of a session. It is used as long as it lasts, because a password takes long to check."""
    key = (base, username, password)
    with httpx.Client(base_url=base, cookies=_sessions.get(key), timeout=60) as client:
        if not client.get("/api/auth/me").is_success:
            client.cookies.clear()
            client.post(
                "/api/auth/login", json={"username": username, "password": password}
            ).raise_for_status()
            _sessions[key] = dict(client.cookies)
    return _sessions[key]
