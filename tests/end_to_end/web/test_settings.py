"""The settings: password, second factor, sessions, tokens, appearance."""

import asyncio
import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from selenium.webdriver.common.keys import Keys

from tests.browser import PASSWORD, Page
from tests.databases import run_on
from tests.documents_page import add_user

_USER = "sven"
_NEW_PASSWORD = "quite another passphrase"


@pytest.fixture(scope="session")
def sven(account: None, server: str) -> str:
    """A user of these tests alone, since they change the account."""
    add_user(server, _USER)
    return _USER


@pytest.fixture
def settings(cleared: Page, sven: str) -> Page:
    """The page with its user signed in."""
    # Some of the tests let all earlier sessions grow old.
    cleared.open("/")
    cleared.sign_in(sven)
    return cleared


@contextmanager
def _browser(base: str) -> Iterator[httpx.Client]:
    """Another browser of the user."""
    with httpx.Client(base_url=base, timeout=60, headers={"user-agent": "Firefox/150 (Linux)"}) as client:
        client.post("/api/auth/login", json={"username": _USER, "password": PASSWORD}).raise_for_status()
        yield client


def _forget_passwords(database: str) -> None:
    """Let all sessions be so old that the server wants the password for sensitive changes."""
    forget = f"""
        UPDATE login_session SET authenticated_at = now() - interval '1 hour'
        WHERE user_id = (SELECT id FROM users WHERE username = '{_USER}')
    """
    asyncio.run(run_on(database, forget))


def _code(secret: str) -> str:
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(time.time())).decode()


def test_the_password_is_changed(settings: Page) -> None:
    page = settings
    page.open("/settings")
    assert page.text(".section-tabs [aria-current=page]") == "Account"
    with _browser(page.base) as other:
        page.click("#change-password")
        page.fill("dialog form", current="wrong", new=_NEW_PASSWORD)
        page.wait(lambda: page.has_focus("dialog [name=current]"), "the focus on the wrong password")
        assert page.text("#form-dialog-current-error") == "Invalid current password."
        page.fill("dialog form", current=PASSWORD, new="short")
        page.wait(lambda: "characters" in page.text("#form-dialog-new-error"), "the rule")
        page.fill("dialog form", current=PASSWORD, new=_NEW_PASSWORD)
        page.wait(lambda: not page.find_all("dialog"), "the form to close")
        assert page.has_focus("#change-password")
        assert other.get("/api/auth/me").status_code == 401
    page.call("POST", "/api/auth/password", {"current": _NEW_PASSWORD, "new": PASSWORD})


def test_a_second_factor_is_set_up_and_removed(settings: Page, server_database: str) -> None:
    page = settings
    _forget_passwords(server_database)
    page.open("/settings/account")
    page.click("#second-factor")
    # The server wants the password. A wrong one is refused, the right one continues.
    page.fill("dialog form", password="not this one")
    page.wait(lambda: "Invalid password" in page.text("dialog .error"), "the refusal")
    page.fill("dialog form", password=PASSWORD)
    secret = page.text("#second-factor-key").replace(" ", "")
    page.fill("#account-form", code=_code(secret))
    page.wait_for(".codes")
    page.click("#codes-kept")
    page.wait(lambda: page.text("[aria-label='Second factor'] .badge") == "On", "the second factor")
    assert page.has_focus("#second-factor")

    page.click("#second-factor")
    page.click("dialog .danger")
    page.wait(lambda: page.text("[aria-label='Second factor'] .badge") == "Off", "the second factor to go")


def test_without_the_password_nothing_changes(settings: Page, server_database: str) -> None:
    page = settings
    _forget_passwords(server_database)
    page.open("/settings/account")
    page.click("#second-factor")
    page.wait_for("dialog [name=password]")
    page.press(Keys.ESCAPE)
    page.wait(lambda: "Nothing was changed" in page.text("luma-second-factor .error"), "the reason")
    assert not page.find_all("#second-factor-key")


def test_sessions_are_listed_and_ended(settings: Page) -> None:
    page = settings
    with _browser(page.base) as first, _browser(page.base) as second:
        page.open("/settings/sessions")
        page.wait_for("luma-session-list .row")
        rows = page.texts("luma-session-list .row")
        assert [row.split("\n")[0] for row in rows].count("Chrome on Linux This browser") == 1
        page.click("luma-session-list .row:has(.small) button")
        page.wait(lambda: len(page.find_all("luma-session-list .row")) == len(rows) - 1, "one to go")
        assert {client.get("/api/auth/me").status_code for client in (first, second)} == {200, 401}
        assert page.has_focus("luma-session-list *")
        page.click("#end-others")
        page.click("dialog [type=submit]")
        page.wait(lambda: len(page.find_all("luma-session-list .row")) == 1, "only this session to stay")
        assert first.get("/api/auth/me").status_code == second.get("/api/auth/me").status_code == 401


def test_a_token_is_created_shown_once_and_revoked(settings: Page) -> None:
    page = settings
    papers = page.call("POST", "/api/namespaces", {"name": "Papers & <b>letters</b>"})["id"]
    page.call("POST", "/api/namespaces", {"name": "Others"})
    page.open("/settings/tokens")
    page.click("#new-token")
    page.click("#token-form [value=some]")
    page.click("#token-form [type=submit]")
    # All that is missing is said at once.
    page.wait(lambda: page.has_focus("#token-form [name=name]"), "the focus on the first field")
    assert page.text("#field-name-error") == "Give the token a name."
    assert page.text("#token-namespaces-error") == "Choose at least one namespace."
    page.click(f"#token-form [name=namespace][value='{papers}']")
    page.fill("#token-form", name="<i>nightly</i>")
    token = page.text("#token-text")
    assert token.startswith("luma_")
    assert page.text("#token-curl") == (f'curl -H "Authorization: Bearer {token}" {page.base}/api/namespaces')
    page.wait(lambda: page.has_focus("#token-heading"), "the focus on the token")
    bearer = {"Authorization": f"Bearer {token}"}
    seen = httpx.get(f"{page.base}/api/namespaces", headers=bearer).json()["items"]
    assert [(item["id"], item["auth_level"]) for item in seen] == [(papers, 1)]
    row = page.text("luma-token-list .row")
    assert row.startswith("<i>nightly</i>\nRead and ask, in Papers & <b>letters</b>\nUntil ")
    assert not page.find_all("luma-settings-tokens :is(i, b)")

    page.open("/settings/tokens")
    page.wait_for("luma-token-list .row")
    assert token not in page.driver.page_source
    page.click("luma-token-list button")
    page.click("dialog .danger")
    page.wait(lambda: page.text("luma-token-list .row") == "There are no tokens yet.", "the token to go")
    assert httpx.get(f"{page.base}/api/namespaces", headers=bearer).status_code == 401
    page.wait(lambda: page.has_focus("luma-token-list .rows"), "the focus on the list")


def test_an_endless_token_wants_the_password(settings: Page, server_database: str) -> None:
    page = settings
    _forget_passwords(server_database)
    page.open("/settings/tokens")
    page.click("#new-token")
    page.click("#token-form [name=lifetime] option:last-child")
    page.fill("#token-form", name="for good")
    page.fill("dialog form", password=PASSWORD)
    page.wait_for("#token-text")
    assert "Never expires" in page.text("luma-token-list .row")


def test_the_appearance_is_kept(settings: Page) -> None:
    page = settings
    fields = "luma-settings-appearance input"
    page.open("/settings/appearance")
    page.wait(lambda: page.find_all(fields), "the form")
    size = "return getComputedStyle(document.documentElement).fontSize"
    normal = page.driver.execute_script(size)
    for value in ("dark", "large", "ctrl-enter"):
        page.driver.execute_script("arguments[0].click()", page.find(f"input[value='{value}']"))
    page.open("/settings/appearance")
    page.wait(lambda: page.find_all(fields), "the form")
    assert page.find("html").get_attribute("data-theme") == "dark"
    assert float(page.driver.execute_script(size)[:-2]) > float(normal[:-2])
    checked = [field.get_attribute("value") for field in page.find_all(f"{fields}:checked")]
    assert checked == ["dark", "large", "ctrl-enter"]


def test_an_unknown_section_is_not_found(settings: Page) -> None:
    settings.open("/settings/constructor")
    assert settings.text("main h1") == "Not found"
