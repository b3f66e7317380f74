"""The way through the page by keyboard alone. The focus is never lost."""

from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser import PASSWORD, USER, Page

# Farther than this no control is from the one before.
MOST_STOPS = 60


def focused(page: Page) -> str:
    """What has the focus: its label, text or name. It is never the body."""
    name = page.driver.execute_script(
        """
        const element = document.activeElement;
        if (element === document.body) return null;
        const [label, name] = ["aria-label", "name"].map((each) => element.getAttribute(each));
        return label || element.innerText.trim() || name || element.localName;
        """
    )
    assert name is not None, "the focus was lost"
    return str(name)


def tab_to(page: Page, wanted: str, *, back: bool = False) -> None:
    """Move the focus until it is on something of this name."""
    for _ in range(MOST_STOPS):
        if wanted in focused(page):
            return
        if back:
            page.press_with_shift(Keys.TAB)
        else:
            page.press(Keys.TAB)
    raise AssertionError(f"Tab never reached {wanted!r}")


def test_ask_and_check_by_keyboard_alone(account: None, page: Page, documents: Path) -> None:
    tab_to(page, "username")
    page.press(USER, Keys.TAB, PASSWORD, Keys.ENTER)
    page.wait_for(".shell")
    page.prepare_namespace("By keyboard", [documents / "employee-handbook.pdf"])
    page.open("/")
    page.wait_for("luma-start")

    # The first stop skips the rail.
    page.press(Keys.TAB)
    assert focused(page) == "Skip to content"
    page.press(Keys.ENTER)
    assert page.has_focus("#main")

    # The palette finds the namespace.
    page.press_with_control("k")
    page.wait_for("dialog[open]")
    page.press("By keyboard")
    page.wait(lambda: "By keyboard" in page.text("dialog[open] [aria-selected=true]"), "the namespace")
    page.press(Keys.ENTER)
    page.wait(lambda: "/n/" in page.driver.current_url, "the namespace")

    page.wait_for("#question")
    page.press("/")
    page.wait(lambda: page.has_focus("#question"), "the composer to have the focus")
    page.press("How many days of paid leave do I have in a year?", Keys.ENTER)
    page.wait_for("luma-answer-actions", 60)
    focused(page)

    # Back from the composer to the citation, and into the reader.
    tab_to(page, "Source 1", back=True)
    page.press(Keys.ENTER)
    page.wait_for(".reader-mark.is-strong", 60)
    page.wait(
        lambda: (
            page.find(".zone-reader").rect
            and page.driver.execute_script(
                "return document.querySelector('.zone-reader').contains(document.activeElement)"
            )
        ),
        "the focus to be in the reader",
    )
    tab_to(page, "Close")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.find_all(".zone-reader"), "the reader to close")
    assert "Source 1" in focused(page) or "1" in focused(page)

    # The shortcuts, and back.
    page.press("?")
    page.wait_for("dialog[open]")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.find_all("dialog[open]"), "the shortcuts to close")
    focused(page)

    # A menu opens, moves and closes.
    tab_to(page, "Documents", back=True)
    page.press(Keys.ENTER)
    page.wait_for("luma-document-row")
    tab_to(page, "employee-handbook")
