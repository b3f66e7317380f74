"""People of a namespace. A second browser follows without a reload when rights are given and taken away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import Select

from tests import chromium
from tests.browser import Page, enter, watched
from tests.documents_page import ROW, add_user, client, open_documents, titles

READER, CONTRIBUTOR, MANAGER = "1", "2", "3"


@pytest.fixture(scope="session")
def others(account: None, server: str) -> dict[str, int]:
    """Further accounts, by name."""
    return {name: add_user(server, name) for name in ("jonas", "priya")}


@pytest.fixture(scope="module")
def other_driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A second browser."""
    with chromium.chromium(tmp_path_factory.mktemp("other")) as driver:
        yield driver


@pytest.fixture
def other(others: dict[str, int], server: str, other_driver: webdriver.Chrome) -> Iterator[Page]:
    """The page of another user, in a browser of its own."""
    with watched(other_driver, server) as page:
        enter(page, "jonas")
        yield page


def open_people(page: Page, namespace_id: int) -> None:
    page.open(f"/n/{namespace_id}/people")
    page.wait_for(".people-form")


def set_level(page: Page, username: str, level: str) -> None:
    Select(page.wait_for(f"[data-user={username}] .person-level")).select_by_value(level)


def share(page: Page, username: str, level: str = READER) -> None:
    Select(page.wait_for(".people-form [name=level]")).select_by_value(level)
    page.fill(".people-form", username=username)


def is_marked(page: Page) -> bool:
    """Whether the page is still the one that was marked, and was not loaded again."""
    return bool(page.driver.execute_script("return window.isMarked === true"))


def test_other_page_follows_as_rights_are_given_and_taken(
    signed_in: Page, other: Page, documents: Path
) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Shared", [documents / "security-policy.docx"])
    entry = f'a[href="/n/{namespace}"]'
    other.driver.execute_script("window.isMarked = true")
    assert not other.find_all(entry)

    open_people(page, namespace)
    share(page, "jonas")
    page.wait_for("[data-user=jonas]")
    other.click(entry)
    other.click(f'a[href="/n/{namespace}/documents"]')
    other.wait(lambda: other.find_all(".documents"), "the documents")
    # A reader sees no control that would be refused.
    assert not other.find_all("luma-upload-button")
    assert "Reader" in other.texts(".badge")

    set_level(page, "jonas", CONTRIBUTOR)
    other.wait_for("luma-upload-button")
    set_level(page, "jonas", READER)
    other.wait(lambda: not other.find_all("luma-upload-button"), "the buttons to go")

    other.click(f'a[href="/n/{namespace}/people"]')
    assert "Reads the documents" in other.text(".people-own")
    assert not other.find_all(".people-form")
    set_level(page, "jonas", MANAGER)
    other.wait_for(".people-form")
    other.click(f'a[href="/n/{namespace}/documents"]')
    other.click(f"{ROW} .doc-title")
    other.wait(lambda: "/doc/" in other.driver.current_url, "the reader")

    page.click('[aria-label="Remove jonas"]')
    page.click("dialog [type=submit]")
    other.wait(lambda: not other.find_all(entry), "the namespace to leave the rail")
    # The document may say first that it can't be read any more.
    lost = "You no longer have access to “Shared”."
    other.wait(lambda: lost in other.texts(".notice"), "the reason")
    assert other.driver.current_url == f"{other.base}/"
    assert not other.find_all(f"luma-reader, {ROW}, .people")
    assert "security-policy" not in other.driver.page_source
    assert is_marked(other)
    page.wait(lambda: not page.find_all("[data-user=jonas]"), "the member to go")
    assert page.driver.execute_script("return document.activeElement.tagName") != "BODY"


def test_name_must_be_exact(signed_in: Page, others: dict[str, int]) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Exact")
    open_people(page, namespace)
    page.click(".people-form [type=submit]")
    assert page.text("#people-error") == "Enter a user name."
    page.fill(".people-form", username="priy")
    page.wait(lambda: "Nobody has exactly this name" in page.text("#people-error"), "the error")
    assert page.driver.execute_script("return document.activeElement.name") == "username"
    share(page, "priya", CONTRIBUTOR)
    page.wait_for("[data-user=priya]")
    assert Select(page.find("[data-user=priya] .person-level")).first_selected_option.text == "Contributor"
    share(page, "mira")
    page.wait(lambda: "owns this namespace" in page.text("#people-error"), "the refusal")
    assert page.text(".person-role") == "Owner"
    assert "mira (you)" in page.text(".people-list")


def test_roles_are_explained_and_namespace_made_public(signed_in: Page, other: Page) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Open to all")
    open_people(page, namespace)
    sentences = set()
    for level in (READER, CONTRIBUTOR, MANAGER):
        Select(page.wait_for(".people-form [name=level]")).select_by_value(level)
        sentences.add(page.text("#people-level"))
    assert len(sentences) == 3
    entry = f'a[href="/n/{namespace}"]'
    page.click("[name=is_public]")
    other.click(entry)
    other.click(f'a[href="/n/{namespace}/people"]')
    assert "Owned by" in other.text(".people-own")
    assert not other.find_all(".leave")
    page.wait(lambda: page.find("[name=is_public]").is_selected(), "the box to be checked")
    page.click("[name=is_public]")
    other.wait(lambda: not other.find_all(entry), "the namespace to go")
    page.click(".copy-link")
    assert "Link copied" in page.text(".notice")


def test_member_leaves(signed_in: Page, other: Page, others: dict[str, int]) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Left behind")
    with client(page.base) as http:
        http.put(f"/api/namespaces/{namespace}/members/{others['jonas']}", json={"auth_level": 1})
        other.click(f'a[href="/n/{namespace}"]')
        other.click(f'a[href="/n/{namespace}/people"]')
        other.click(".leave")
        other.click("dialog [type=submit]")
        assert other.text(".notice") == "You have left “Left behind”."
        assert other.driver.current_url == f"{other.base}/"
        other.wait(lambda: not other.find_all(f'a[href="/n/{namespace}"]'), "the namespace to go")
        assert http.get(f"/api/namespaces/{namespace}/members").json()["total"] == 0


def test_other_namespaces_documents_leave_the_reader(
    signed_in: Page, other: Page, others: dict[str, int], documents: Path
) -> None:
    """A document that was readable through a namespace closes when that right ends."""
    page = signed_in
    namespace = page.prepare_namespace("Read elsewhere", [documents / "service-contract.docx"])
    with client(page.base) as http:
        member = f"/api/namespaces/{namespace}/members/{others['jonas']}"
        http.put(member, json={"auth_level": 1}).raise_for_status()
        other.open("/documents")
        other.click("[data-filter=shared]")
        other.wait(lambda: "service-contract" in titles(other), "the shared document")
        other.click(f"{ROW} .doc-title")
        other.wait(lambda: "/doc/" in other.driver.current_url, "the reader")
        http.delete(member).raise_for_status()
    other.wait(lambda: other.driver.current_url == f"{other.base}/documents", "the reader to close")
    other.wait(lambda: "service-contract" not in titles(other), "the document to go")


def test_deletion_by_another_leaves_the_screen(signed_in: Page, other: Page, others: dict[str, int]) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Short-lived")
    with client(page.base) as http:
        member = f"/api/namespaces/{namespace}/members/{others['jonas']}"
        http.put(member, json={"auth_level": 1}).raise_for_status()
        other.wait_for(f'a[href="/n/{namespace}"]')
        open_documents(other, namespace)
        http.delete(f"/api/namespaces/{namespace}").raise_for_status()
    assert other.text(".notice") == "You no longer have access to “Short-lived”."
    assert other.driver.current_url == f"{other.base}/"
