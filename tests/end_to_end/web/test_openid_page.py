from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from luma_rag.accounts import users
from luma_rag.runtime import Store
from tests.browser import PASSWORD, USER, Page, watched
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, USES_OLD_AUTHLIB, OpenIDProvider, provider_running
from tests.service_process import serving

pytestmark = USES_OLD_AUTHLIB


@pytest.fixture
def provider() -> Iterator[OpenIDProvider]:
    with provider_running() as running:
        yield running


@pytest.fixture
async def first_account(store: Store) -> None:
    """The first account, which could not register where no passwords are allowed."""
    await users.create(store.sessions, USER, "mira@quillhaven.example", PASSWORD, "admin")


@pytest.fixture(params=["true"])
def openid_page(
    driver: webdriver.Chrome,
    provider: OpenIDProvider,
    database: str,
    first_account: None,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Page]:
    """The page of a Luma with the provider configured and one account; the parameter allows passwords."""
    settings = {
        "LUMA_DATABASE_URL": database,
        "LUMA_OPENID_ISSUER": provider.issuer,
        "LUMA_OPENID_CLIENT_ID": CLIENT_ID,
        "LUMA_OPENID_CLIENT_SECRET": CLIENT_SECRET,
        "LUMA_OPENID_NAME": "Quillhaven <ID>",
        "LUMA_OPENID_MATCH_EMAIL": "true",
        "LUMA_PASSWORD_SIGN_IN": request.param,
    }
    with serving(tmp_path, **settings) as base, watched(driver, base) as page:
        page.open("/")
        yield page


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
