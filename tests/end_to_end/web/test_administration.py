"""Administration: people, audit, health, models, feedback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from luma_rag.audit import Action
from tests.browser import USER, Page
from tests.scripted_llm import ScriptedLLM

_BOB = {"username": "bob", "email": "bob@quillhaven.example", "password": "chosen by mira"}


@pytest.fixture
def admin(answered: Page) -> Page:
    """The page of a Luma with an LLM, with its administrator signed in, and no other accounts."""
    for user in answered.call("GET", "/api/users")["items"]:
        if user["username"] != USER:
            answered.call("DELETE", f"/api/users/{user['id']}?contents=remove")
    return answered


def _row(name: str) -> str:
    return f".people .row[data-user='{name}']"


@contextmanager
def _bob(base: str) -> Iterator[httpx.Client]:
    """Another browser, in which bob has signed in and chosen a password."""
    with httpx.Client(base_url=base, timeout=60) as client:
        login = {"username": "bob", "password": _BOB["password"]}
        client.post("/api/auth/login", json=login).raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        changed = {"current": _BOB["password"], "new": "chosen by bob alone"}
        client.post("/api/auth/password", json=changed).raise_for_status()
        yield client


def test_an_account_is_created_found_and_changed(admin: Page) -> None:
    page = admin
    page.choose(".rail-user", "Administration")
    page.wait_for(_row(USER))
    page.click("#new-person")
    page.fill("dialog form", username="b@d", email="nowhere", password="short")
    page.wait(lambda: page.has_focus("dialog [name=username]"), "the focus on the first error")
    assert len(page.find_all("dialog .error")) == 3
    page.fill("dialog form", **_BOB)
    page.wait_for(_row("bob"))
    assert "has to choose a password" in page.text(_row("bob"))
    page.find("#people-search").send_keys("QUILLHAVEN", Keys.SPACE)
    assert len(page.find_all(".people .row")) == 2
    page.find("#people-search").send_keys(Keys.CONTROL, "a")
    page.find("#people-search").send_keys("bo")
    page.wait(lambda: not page.find_all(_row(USER)), "only bob")

    page.choose(_row("bob"), "Make an administrator")
    page.click("dialog [type=submit]")
    page.wait(lambda: "Administrator" in page.text(_row("bob")), "the role")
    page.choose(_row("bob"), "Make a user")
    page.click("dialog [type=submit]")
    page.wait(lambda: "Administrator" not in page.text(_row("bob")), "the role")

    page.choose(_row("bob"), "Disable")
    page.click("dialog .danger")
    page.wait(lambda: "Disabled" in page.text(_row("bob")), "the state")
    page.choose(_row("bob"), "Enable")
    page.click("dialog [type=submit]")
    page.wait(lambda: "Disabled" not in page.text(_row("bob")), "the state")

    page.choose(_row("bob"), "Reset password")
    page.fill("dialog form", password="another of mira's")
    page.wait(lambda: not page.find_all("dialog"), "the form to close")
    login = {"username": "bob", "password": "another of mira's"}
    assert httpx.post(f"{page.base}/api/auth/login", json=login).status_code == 200


def test_sessions_and_tokens_of_somebody_are_ended(admin: Page) -> None:
    page = admin
    page.call("POST", "/api/users", _BOB)
    with _bob(page.base) as bob:
        bob.post("/api/auth/tokens", json={"name": "<b>bold</b>", "expires_in_days": 3}).raise_for_status()
        page.open("/admin/people")
        page.choose(_row("bob"), "Sessions and tokens")
        assert "<b>bold</b>" in page.text("dialog luma-token-list .row")
        page.click("dialog luma-token-list button")
        page.click("luma-form-dialog .danger")
        page.wait(lambda: page.text("luma-token-list .row") == "There are no tokens yet.", "the token to go")
        page.click("dialog luma-session-list button")
        page.wait(lambda: "No browser" in page.text("luma-session-list .row"), "the session to go")
        assert bob.get("/api/auth/me").status_code == 401
    page.press(Keys.ESCAPE)
    page.wait(lambda: page.has_focus(f"{_row('bob')} button"), "the focus where it was")


def test_an_account_is_removed_with_hand_over(admin: Page) -> None:
    page = admin
    page.call("POST", "/api/users", _BOB)
    with _bob(page.base) as bob:
        bob.post("/api/namespaces", json={"name": "Of bob"}).raise_for_status()
    page.open("/admin/people")
    page.choose(_row("bob"), "Remove")
    assert "It owns 1 namespace." in page.text("dialog form p")
    page.fill("dialog form", hand_to="nobody")
    page.wait(lambda: page.has_focus("dialog [name=hand_to]"), "the focus on the name")
    assert page.text("#form-dialog-hand_to-error") == "Nobody has this user name."
    page.fill("dialog form", hand_to=USER)
    page.wait(lambda: not page.find_all(_row("bob")), "bob to go")
    owned = page.call("GET", "/api/namespaces")["items"]
    me = page.call("GET", "/api/auth/me")["id"]
    assert [item["user_id"] for item in owned if item["name"] == "Of bob"] == [me]
    assert page.has_focus("luma-admin-people *")


def test_others_see_nothing_of_it(admin: Page) -> None:
    page = admin
    page.call("POST", "/api/users", _BOB)
    page.sign_out()
    page.fill("#account-form", username="bob", password=_BOB["password"])
    page.fill("#account-form:has([name=new])", new="chosen by bob alone")
    page.wait_for(".shell")
    for section in ("", "/people", "/audit", "/health", "/models", "/feedback"):
        page.open(f"/admin{section}")
        assert page.text("main h1") == "Not found"
    page.click(".rail-user button")
    page.wait_for("[role=menuitem]")
    assert "Administration" not in page.texts("[role=menuitem]")


def test_the_audit_trail_is_filtered_and_exported(admin: Page, tmp_path: Path) -> None:
    page = admin
    page.call("POST", "/api/users", _BOB)
    page.call("POST", "/api/namespaces", {"name": "<i>Audited</i>"})
    page.open("/admin/audit")
    page.wait(lambda: "mira created “<i>Audited</i>”" in page.text(".events .row"), "the newest event")
    assert not page.find_all(".events i")
    page.find("[name=action] option[value='account.created']").click()
    page.wait(lambda: "created the account of bob, as user" in page.text(".events .row"), "bob's account")
    others = page.find_all(".events .row")
    assert all("created the account of" in row.text for row in others)
    by = page.find("[name=actor_id]")
    by.find_element(By.XPATH, "option[text()='bob']").click()
    page.wait(lambda: page.text(".events .row") == "Nothing matches the filter.", "nothing by bob")
    by.find_element(By.XPATH, f"option[text()='{USER}']").click()
    page.wait(lambda: "bob" in page.text(".events .row"), "bob's account")

    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    for link, suffix in (("#audit-csv", "csv"), ("#audit-json", "jsonl")):
        page.click(link)
        page.wait(lambda suffix=suffix: list(tmp_path.glob(f"*.{suffix}")), suffix)
        text = next(tmp_path.glob(f"*.{suffix}")).read_text()
        assert "account.created" in text
        assert "sign-in" not in text


def test_days_of_the_filter_are_those_of_the_user(admin: Page) -> None:
    page = admin
    page.call("POST", "/api/users", _BOB)
    with _bob(page.base):
        page.open("/admin/audit")
    page.wait_for(".events .row")
    day = page.driver.execute_script("return new Date(Date.now() - 2 * 864e5).toLocaleDateString('en-CA')")
    set_date = (
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', {bubbles: true}))"
    )
    page.driver.execute_script(set_date, page.find("[name=until]"), day)
    page.wait(
        lambda: page.text(".events .row") == "Nothing matches the filter.", "nothing until two days ago"
    )
    today = page.driver.execute_script("return new Date().toLocaleDateString('en-CA')")
    page.driver.execute_script(set_date, page.find("[name=until]"), today)
    page.driver.execute_script(set_date, page.find("[name=since]"), today)
    page.wait(lambda: "signed in" in page.text(".events"), "the events of today")


def test_every_event_has_a_sentence(modules: Page) -> None:
    names = "return Object.keys(m.SENTENCES);"
    sentences = modules.module("views/administration-audit-sentences.js", names)
    assert set(sentences) == set(get_args(Action))


def test_health_is_told_in_words(admin: Page) -> None:
    page = admin
    page.open("/admin/health")
    page.wait_for("[data-part=Database]")
    parts = {row.get_attribute("data-part"): row.text for row in page.find_all("luma-admin-health .row")}
    assert list(parts) == ["Database", "Storage", "Documents to read", "Workers", "Answers"]
    assert parts["Database"].endswith("Fine")
    assert "0 waiting, 0 being read, 0 failed." in parts["Documents to read"]
    assert "Written by scripted." in parts["Answers"]
    page.click("#refresh-health")
    page.wait_for("[data-part=Database]")


def test_the_language_model_is_tested(admin: Page, llm: ScriptedLLM) -> None:
    page = admin
    page.open("/admin/models")
    assert "scripted" in page.text("#llm")
    page.click("#test-llm")
    page.wait(lambda: "It answered in" in page.text("#llm [role=status]"), "the result")
    assert page.has_focus("#test-llm")
    llm.status = 500
    page.click("#test-llm")
    page.wait(lambda: "It did not answer." in page.text("#llm [role=status]"), "the failure")


def test_a_missing_language_model_is_said_here_with_advice(signed_in: Page) -> None:
    page = signed_in
    page.open("/admin/models")
    assert "No language model is configured" in page.text("#llm")
    assert "LUMA_LLM_BASE_URL" in page.text("#llm")
    assert not page.find_all("#test-llm")


def test_feedback_is_listed_and_filtered(admin: Page) -> None:
    page = admin
    namespace = page.call("POST", "/api/namespaces", {"name": "Rated"})["id"]
    for rating, comment in ((1, "Very <b>good</b>."), (-1, "Wrong page.")):
        chat = page.call("POST", "/api/chats", {"namespace_id": namespace})["id"]
        answer = page.call("POST", f"/api/chats/{chat}/messages", {"content": "Well?"})["llm_message"]
        page.call("PUT", f"/api/messages/{answer['id']}/feedback", {"rating": rating, "comment": comment})
    page.open("/admin/feedback")
    comments = "luma-admin-feedback .feedback-comment"
    page.wait(lambda: page.texts(comments) == ["Wrong page.", "Very <b>good</b>."], "all feedback")
    assert f"{USER} in Rated" in page.text("luma-admin-feedback .row")
    assert not page.find_all(f"{comments} b")
    page.driver.execute_script("arguments[0].click()", page.find("[name=rating][value='-1']"))
    page.wait(lambda: page.texts(comments) == ["Wrong page."], "only what was bad")
