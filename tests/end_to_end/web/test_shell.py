"""The frame of the page: its title, and what it loads on demand."""

from pathlib import Path

from selenium.webdriver.common.keys import Keys

from tests.browser import Page


def test_the_window_has_the_title_of_the_chat(signed_in: Page, documents: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Titles", [documents / "service-contract.docx"])
    page.open(f"/n/{namespace}")
    page.wait_for("#question").send_keys("When does it end?", Keys.ENTER)
    page.wait(lambda: page.driver.title == "When does it end? · Titles · Luma", "the title")
    chat = int(page.driver.current_url.split("/c/")[1])
    page.call("PATCH", f"/api/chats/{chat}", {"title": "The end"})
    page.wait(lambda: page.driver.title == "The end · Titles · Luma", "the new title")


def test_a_part_that_cannot_be_loaded_any_more_offers_to_reload(signed_in: Page) -> None:
    page = signed_in
    page.driver.execute_cdp_cmd("Network.enable", {})
    # As after an upgrade: the addresses of this version are gone.
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/views/settings.js"]})
    page.choose(".rail-user", "Settings")
    page.wait(lambda: "could not be loaded" in page.text(".notice"), "the notice")
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.click_text(".notice button", "Reload")
    page.wait_for("luma-settings h1")


def test_the_number_of_documents_follows(newcomer: Page, documents: Path) -> None:
    page = newcomer
    namespace = page.prepare_namespace("Counted", [documents / "service-contract.docx"])
    entry = f"luma-rail [href='/n/{namespace}'] .rail-count"
    page.wait(lambda: page.text(entry) == "1", "the number in the rail")
