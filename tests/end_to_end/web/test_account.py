"""The forms before the page: signing in, and what an account has to do first."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.browser import PASSWORD, USER, Page, register, watched
from tests.documents_page import client
from tests.service_process import serving


@pytest.fixture
def strict_page(driver: webdriver.Chrome, database: str, tmp_path: Path) -> Iterator[Page]:
    """The page of a Luma where administrators need a second factor, with one account."""
    with serving(tmp_path, LUMA_DATABASE_URL=database, LUMA_REQUIRE_ADMIN_TOTP="true") as base:
        register(base)
        with watched(driver, base) as page:
            page.open("/")
            yield page


def _code(secret: str, steps: int) -> str:
    at = int(time.time()) + 30 * steps
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(at).decode()


def _await_heading(page: Page, heading: str) -> None:
    page.wait(lambda: page.text("#account-heading") == heading, heading)


def test_a_required_second_factor_is_set_up_and_asked_for(strict_page: Page) -> None:
    page = strict_page
    page.fill("#account-form", username=USER, password=PASSWORD)
    _await_heading(page, "Set up a second factor")
    # Reloading doesn't get around it.
    page.open("/")
    _await_heading(page, "Set up a second factor")
    secret = page.text("#second-factor-key").replace(" ", "")
    assert f"secret={secret}" in str(page.find("a[href^='otpauth:']").get_attribute("href"))
    page.fill("#account-form", code="000000x")
    page.wait(lambda: "wrong" in page.text("#account-form .error"), "the refusal")
    page.wait(lambda: page.has_focus("[name=code]"), "the focus on the code")
    page.fill("#account-form", code=_code(secret, 0))
    _await_heading(page, "Keep your recovery codes")
    recovery_code = page.texts(".codes code")[0]
    assert len(set(page.texts(".codes code"))) == 10
    # Nothing else happens before they are kept.
    assert not page.is_shown(".shell")
    page.click("#codes-kept")
    page.wait_for(".shell")
    page.sign_out()
    for code in (_code(secret, 1), recovery_code):
        _await_heading(page, "Sign in")
        page.fill("#account-form", username=USER, password=PASSWORD)
        _await_heading(page, "Enter your code")
        assert not page.is_shown("#account-form [name=password]")
        page.fill("#account-form", code=code)
        page.wait_for(".shell")
        page.sign_out()


def test_a_password_of_an_administrator_is_replaced(account: None, page: Page) -> None:
    with client(page.base) as admin:
        emil = {"username": "emil", "email": "emil@quillhaven.example", "password": "chosen by mira"}
        admin.post("/api/users", json=emil).raise_for_status()
    page.fill("#account-form", username="emil", password="chosen by mira")
    _await_heading(page, "Choose your password")
    # The current one was just entered.
    assert page.has_focus("[name=new]")
    page.fill("#account-form", new="short")
    page.wait(lambda: "characters" in page.text("#field-new-error"), "the rule")
    page.fill("#account-form", new="chosen by emil alone")
    page.wait_for(".shell")
    assert page.text("#user-name") == "emil"


def test_errors_stand_at_their_fields_all_at_once(account: None, page: Page) -> None:
    page.click("#account-form [type=submit]")
    page.wait(lambda: page.has_focus("[name=username]"), "the focus on the first field")
    assert page.text("#field-username-error") == "Enter your user name or e-mail address."
    assert page.text("#field-password-error") == "Enter your password."
    described = page.find("[name=password]").get_attribute("aria-describedby")
    assert described == "field-password-error"

    page.fill("#account-form", username=USER, password="not the password")
    page.wait(lambda: "Invalid user name or password" in page.text("#account-error"), "the refusal")
    page.wait(lambda: page.has_focus("[name=password]"), "the focus on the password")
    assert not page.is_shown("#field-username-error, #field-password-error")
    # What was typed stays.
    assert page.find("[name=username]").get_attribute("value") == USER


def test_sign_in_and_out_by_keyboard(account: None, page: Page) -> None:
    page.wait(lambda: page.has_focus("[name=username]"), "the focus on the name")
    page.press(USER, Keys.TAB, PASSWORD, Keys.ENTER)
    page.wait_for(".shell")
    page.press(Keys.TAB)
    assert page.has_focus(".skip-link")
    page.driver.execute_script("document.querySelector('.rail-user button').focus()")
    page.press(Keys.ENTER)
    page.wait(lambda: page.has_focus("[role=menuitem]"), "the focus in the menu")
    page.press(Keys.ARROW_UP, Keys.ENTER)
    page.wait_for("#account-form")


def test_who_signs_in_again_goes_on_where_they_were(signed_in: Page) -> None:
    page = signed_in
    page.open("/settings/account")
    page.click("#change-password")
    page.wait_for("dialog [name=current]").send_keys("typed before")
    page.driver.delete_cookie("luma_session")
    page.find("dialog [name=new]").send_keys("also typed before", Keys.ENTER)

    _await_heading(page, "Sign in again")
    assert page.wait_for(".account [name=username]").get_attribute("value") == USER
    page.wait(lambda: page.has_focus(".account [name=password]"), "the focus on the password")
    # Escape doesn't get around it.
    page.press(Keys.ESCAPE)
    page.fill(".account", password=PASSWORD)
    page.wait(lambda: not page.find_all("luma-account"), "the form to go")
    assert page.find("dialog [name=current]").get_attribute("value") == "typed before"
    assert page.find("dialog [name=new]").get_attribute("value") == "also typed before"
    assert page.driver.current_url.endswith("/settings/account")
    assert page.has_focus("luma-form-dialog *")


def test_a_session_that_is_ended_elsewhere_asks_at_once(signed_in: Page) -> None:
    page = signed_in
    page.open("/settings/sessions")
    page.wait_for("luma-session-list .row")
    login = {"username": USER, "password": PASSWORD}
    with httpx.Client(base_url=page.base, timeout=60) as other:
        other.post("/api/auth/login", json=login).raise_for_status()
        other.headers["x-csrftoken"] = other.cookies["csrftoken"]
        for session in other.get("/api/auth/sessions").json()["items"]:
            if not session["is_current"]:
                other.delete(f"/api/auth/sessions/{session['id']}").raise_for_status()
    _await_heading(page, "Sign in again")
    # The page stays below.
    assert page.is_shown("luma-session-list .row")


def test_nothing_of_the_user_before_stays_on_the_screen(newcomer: Page) -> None:
    page = newcomer
    with client(page.base) as admin:
        bob = {"username": "bob", "email": "bob@quillhaven.example", "password": "chosen by mira alone"}
        admin.post("/api/users", json=bob).raise_for_status()
    page.call("POST", "/api/namespaces", {"name": "Of one alone"})
    page.open("/")
    page.wait(lambda: "Of one alone" in page.text(".rail"), "the namespace")
    page.driver.delete_cookie("luma_session")
    # The page may have noticed by itself, and lie below the form already.
    page.driver.execute_script("document.querySelector('.rail-row a').click()")
    page.module("core/api.js", "return m.call('GET', '/api/namespaces').catch(() => null);")
    _await_heading(page, "Sign in again")
    page.fill(".account", username="bob", password="chosen by mira alone")
    page.wait(lambda: not page.find_all("luma-shell"), "the page to go")
    _await_heading(page, "Choose your password")
    assert "Of one alone" not in page.driver.page_source
