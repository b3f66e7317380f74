from collections.abc import Iterator

import httpx
import pytest
from selenium import webdriver

from tests.browser import PASSWORD, USER, Page
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, USES_OLD_AUTHLIB, OpenIDProvider, provider_running
from tests.service_process import serving

pytestmark = USES_OLD_AUTHLIB


@pytest.fixture
def provider() -> Iterator[OpenIDProvider]:
    with provider_running() as running:
        yield running


@pytest.fixture(params=["true"])
def openid_page(
    driver: webdriver.Chrome,
    provider: OpenIDProvider,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Page]:
    """The page of a Luma with the provider configured and one account; the parameter allows passwords."""
    settings = {
        "LUMA_OPENID_ISSUER": provider.issuer,
        "LUMA_OPENID_CLIENT_ID": CLIENT_ID,
        "LUMA_OPENID_CLIENT_SECRET": CLIENT_SECRET,
        "LUMA_OPENID_NAME": "Quillhaven <ID>",
        "LUMA_OPENID_MATCH_EMAIL": "true",
        "LUMA_PASSWORD_SIGN_IN": request.param,
    }
    account = {"username": USER, "email": "mira@quillhaven.example", "password": PASSWORD}
    folder = tmp_path_factory.mktemp("openid")
    # The first account needs a password.
    with serving(folder) as base:
        httpx.post(f"{base}/api/auth/register", json=account, timeout=60).raise_for_status()
    with serving(folder, **settings) as base:
        page = Page(driver, base)
        page.resize(1280, 800)
        driver.delete_all_cookies()
        driver.get_log("browser")
        page.open("/")
        yield page
        complaints = [entry["message"] for entry in driver.get_log("browser")]
        assert not [text for text in complaints if "Content Security Policy" in text or "Uncaught" in text]


def test_sign_in_with_the_openid_provider(openid_page: Page, provider: OpenIDProvider) -> None:
    page = openid_page
    provider.person("m1", email="mira@quillhaven.example", email_verified=True)
    provider.person("s1", email="stranger@quillhaven.example", email_verified=True)

    assert page.text("#account-openid") == "Sign in with Quillhaven <ID>"
    # Registration is closed, so the page does not offer it.
    page.wait(lambda: not page.is_shown("#account-other"), "the way to register to go")

    page.click("#account-openid")
    page.click("button[value=deny]")
    page.wait(lambda: "denied the sign-in" in page.text("#account-error"), "the reason")
    assert page.driver.current_url == f"{page.base}/"

    page.click("#account-openid")
    page.fill("form:has([name=sub])", sub="s1")
    page.wait(lambda: "No account is linked" in page.text("#account-error"), "the reason")
    page.driver.refresh()
    page.wait_for("#account-openid")
    assert not page.is_shown("#account-error")

    page.click("#account-openid")
    page.fill("form:has([name=sub])", sub="m1")
    page.wait_for(".shell")
    assert page.text("#user-name") == USER
    assert page.call("POST", "/api/namespaces", {"name": "Papers"})["name"] == "Papers"
    page.sign_out()
    page.wait_for("#account-openid")

    page.driver.get(f"{page.base}/?sign-in=<b>anything</b>")
    page.wait_for("#account-openid")
    assert not page.is_shown("#account-error")


@pytest.mark.parametrize("openid_page", ["false"], indirect=True)
def test_without_passwords_none_is_asked_for(openid_page: Page, provider: OpenIDProvider) -> None:
    page = openid_page
    provider.person("m1", email="mira@quillhaven.example", email_verified=True)
    page.wait(lambda: page.has_focus("#account-openid"), "the focus on the only way in")
    assert not page.is_shown("#account-form input, #account-form button")
    page.click("#account-openid")
    page.fill("form:has([name=sub])", sub="m1")
    page.wait_for(".shell")
    page.open("/settings/account")
    page.wait_for("#second-factor")
    assert not page.is_shown("#change-password")
