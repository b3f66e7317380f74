"""The sign-in form asks for what the account needs: a code, one's own password, a second factor."""

import base64
import time
from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from selenium import webdriver
from selenium.webdriver.support.expected_conditions import alert_is_present

from tests.browser import PASSWORD, USER, Page
from tests.service_process import serving

_ACCOUNT = {"username": USER, "email": "mira@quillhaven.example", "password": PASSWORD}


@pytest.fixture
def strict_page(driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of a Luma where administrators need a second factor, with one account."""
    with serving(tmp_path_factory.mktemp("strict"), LUMA_REQUIRE_ADMIN_TOTP="true") as base:
        httpx.post(f"{base}/api/auth/register", json=_ACCOUNT, timeout=60).raise_for_status()
        page = Page(driver, base)
        page.resize(1280, 800)
        driver.delete_all_cookies()
        driver.get_log("browser")
        page.open("/")
        yield page
        complaints = [entry["message"] for entry in driver.get_log("browser")]
        assert not [text for text in complaints if "Content Security Policy" in text or "Uncaught" in text]


def _code(secret: str, steps: int) -> str:
    at = int(time.time()) + 30 * steps
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(at).decode()


def test_page_sets_up_a_second_factor_and_asks_for_codes(strict_page: Page) -> None:
    page = strict_page
    page.sign_in()
    page.wait(lambda: page.text("#account-heading") == "Set up a second factor", "the second factor")
    # Reloading doesn't get around it.
    page.open("/")
    page.wait(lambda: page.text("#account-heading") == "Set up a second factor", "the second factor")
    secret = page.text("#account-lead").rpartition(" ")[2]
    page.fill("#account-form", code="000000x")
    page.wait(lambda: "wrong" in page.text("#account-error"), "the refusal")
    page.fill("#account-form", code=_code(secret, 0))
    alert = page.wait(lambda: alert_is_present()(page.driver), "the recovery codes")
    recovery_code = alert.text.splitlines()[2]
    alert.accept()
    page.wait_for("#app")
    page.click("#sign-out")
    for code in (_code(secret, 1), recovery_code):
        page.wait(lambda: page.text("#account-heading") == "Sign in", "the form")
        page.sign_in()
        page.wait(lambda: page.text("#account-heading") == "Enter your code", "the code")
        assert not page.is_shown("#account-form [name=password]")
        page.fill("#account-form", code=code)
        page.wait_for("#app")
        page.click("#sign-out")


def test_page_asks_for_a_password_of_ones_own(strict_page: Page) -> None:
    page = strict_page
    with httpx.Client(base_url=page.base, timeout=60) as admin:
        admin.post("/api/auth/login", json={"username": USER, "password": PASSWORD}).raise_for_status()
        admin.headers["x-csrftoken"] = admin.cookies["csrftoken"]
        secret = admin.post("/api/auth/totp").json()["secret"]
        admin.post("/api/auth/totp/confirm", json={"code": _code(secret, 0)}).raise_for_status()
        bob = {"username": "bob", "email": "bob@quillhaven.example", "password": "chosen by mira"}
        admin.post("/api/users", json=bob).raise_for_status()
    page.fill("#account-form", username="bob", password="chosen by mira")
    page.wait(lambda: page.text("#account-heading") == "Choose your password", "the new password")
    page.fill("#account-form", password="chosen by mira", new="chosen by bob alone")
    page.wait_for("#app")
    assert page.text("#user-name") == "bob"
