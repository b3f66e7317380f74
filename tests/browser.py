"""What the tests do in the browser, in the words of somebody using the page."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

USER = "mira"
PASSWORD = "a long enough passphrase"


class Page:
    """Luma's page in a browser."""

    def __init__(self, driver: webdriver.Chrome, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, path: str) -> None:
        # Over a blank page: an address that differs only in its hash would not be loaded afresh.
        self.driver.get("about:blank")
        self.driver.get(self.base + path)
        self.wait(lambda: self.is_shown("#account") or self.is_shown("#app"), "the page to start")

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        """Wait until `condition` holds; elements that were redrawn meanwhile are looked up again."""
        passing = (NoSuchElementException, StaleElementReferenceException)
        waiting = WebDriverWait(self.driver, seconds, 0.1, passing)
        return waiting.until(lambda _: condition(), f"waited for {what}")

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def is_shown(self, selector: str) -> bool:
        return any(element.is_displayed() for element in self.find_all(selector))

    def wait_for(self, selector: str, seconds: float = 20) -> WebElement:
        """The first element of the selector that can be seen."""

        def shown() -> WebElement | None:
            return next((element for element in self.find_all(selector) if element.is_displayed()), None)

        return self.wait(shown, selector, seconds)

    def text(self, selector: str) -> str:
        """The text of the first element of the selector that can be seen, read before the next redraw."""
        return str(self.wait(lambda: self.wait_for(selector).text, f"a text in {selector}"))

    def click(self, selector: str) -> None:
        self.wait_for(selector).click()

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.find_all(selector)]

    def fill(self, form: str, **values: str) -> None:
        """Fill a form and send it."""
        for name, value in values.items():
            field = self.wait_for(f"{form} [name={name}]")
            field.clear()
            field.send_keys(value)
        self.click(f"{form} [type=submit]")

    def sign_in(self, password: str = PASSWORD) -> None:
        self.fill("#account-form", username=USER, password=password)

    def create_namespace(self, name: str) -> None:
        self.wait(
            lambda: self.is_shown("#welcome button, .empty-state h2, .message"), "the page to be filled"
        )
        before = self.driver.current_url
        self.click("#new-namespace")
        self.fill("#form-dialog", name=name)
        # Another may have the same name; the address tells them apart.
        self.wait(lambda: self.driver.current_url != before, f"the place of namespace {name}")
        self.wait(lambda: self.find("#namespace-heading").text == name, f"namespace {name}")
        self.wait_for(".empty-state h2")

    def upload(self, files: Iterable[Path]) -> None:
        self.find("#file-input").send_keys("\n".join(map(str, files)))

    def wait_until_read(self, number: int, seconds: float = 90) -> None:
        """Wait until `number` documents are listed and none is on its way."""

        def is_read() -> bool:
            states = [row.get_attribute("data-state") for row in self.find_all(".document")]
            return len(states) == number and not {"queued", "running"} & set(states)

        self.wait(is_read, f"{number} documents to be read", seconds)

    def ask(self, question: str, seconds: float = 60) -> WebElement:
        """Ask and wait until the answer is whole; returns it."""
        before = len(self.find_all(".answer"))
        self.wait_for("#question").send_keys(question, Keys.ENTER)
        whole = lambda: len(self.find_all(".answer:not(.is-writing)")) > before and self.is_shown("#send")  # noqa: E731
        self.wait(whole, "the answer", seconds)
        return self.find_all(".answer")[-1]

    def module(self, name: str, body: str, *arguments: Any) -> Any:
        """Run `body` with the exports of one of the page's modules as `m`, and the arguments as `a`."""
        script = (
            "const done = arguments[arguments.length - 1], a = [...arguments].slice(0, -1);"
            f"import('/static/{name}').then(async (m) => {{ {body} }})"
            ".then((value) => done([value]), (error) => done(String(error)));"
        )
        result = self.driver.execute_async_script(script, *arguments)
        assert isinstance(result, list), result
        return result[0]

    def settle(self) -> None:
        """Let transitions end before a picture or a measurement."""
        time.sleep(0.3)
