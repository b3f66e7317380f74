"""The documents of a namespace, and those of the user."""

import asyncio
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import Page
from tests.databases import run_on
from tests.documents_page import (
    ROW,
    add_files,
    add_user,
    broken_pdf,
    choose,
    client,
    confirm,
    focused,
    offered,
    open_documents,
    select,
    state,
    titles,
    upload,
    wait_for_state,
    wait_for_titles,
)

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "W" * 200,
    "عقد العمل السنوي",
    "🦀 & <b>bold</b>",
)
COUNT_LISTS = """
    window.lists = 0;
    const fetched = window.fetch;
    window.fetch = (...a) => {
      if (new RegExp("/documents[?]").test(a[0])) window.lists += 1;
      return fetched(...a);
    };
"""


def test_list_is_searched_filtered_and_sorted(signed_in: Page, documents: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace(
        "Finding", [documents / "employee-handbook.pdf", documents / "security-policy.docx"]
    )
    with client(page.base) as http:
        upload(http, "broken.pdf", broken_pdf("finding"), namespace)
    open_documents(page, namespace)
    wait_for_titles(page, ["broken", "security-policy", "employee-handbook"])
    wait_for_state(page, "broken", "Couldn't be read")
    row = page.find_all(ROW)[2].text
    assert all(fact in row for fact in ("Ready", "You", "kB")), row

    counts = {"all": "3", "ready": "2", "pending": "0", "failed": "1"}
    for name, n in counts.items():
        page.wait(lambda n=n, name=name: page.text(f"[data-filter={name}] .filter-count") == n, f"{n} {name}")
    page.click("[data-filter=failed]")
    wait_for_titles(page, ["broken"])
    page.click("[data-filter=ready]")
    wait_for_titles(page, ["security-policy", "employee-handbook"])
    page.click("[data-filter=all]")

    page.wait_for(".doc-search input").send_keys("POLICY")
    wait_for_titles(page, ["security-policy"])
    page.find(".doc-search input").send_keys("!")
    assert page.text(".doc-none").startswith("No documents found.")
    page.click(".doc-none button")
    page.wait(lambda: len(titles(page)) == 3, "all documents")

    page.click(".cell-title .doc-sort")
    wait_for_titles(page, ["broken", "employee-handbook", "security-policy"])
    assert page.find(".doc-heads .cell-title").get_attribute("aria-sort") == "ascending"
    page.click(".cell-title .doc-sort")
    wait_for_titles(page, ["security-policy", "employee-handbook", "broken"])
    page.click(".cell-size .doc-sort")
    page.wait(lambda: titles(page)[-1] == "broken", "the smallest last")


def test_failure_is_one_line_until_it_is_opened(signed_in: Page) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Failures")
    with client(page.base) as http:
        upload(http, "broken.pdf", broken_pdf("failure"), namespace)
        open_documents(page, namespace)
        wait_for_state(page, "broken", "Couldn't be read")
        height = page.find(ROW).size["height"]
        assert not page.find_all(".doc-details")
        page.click(f"{ROW} .doc-state")
        assert len(page.text(".doc-details p")) > 20
        assert page.find(ROW).size["height"] > height
        before = http.get(f"/api/namespaces/{namespace}/documents").json()["items"][0]["ingestion"]
        page.click(".doc-details button")
        assert focused(page) != "BODY"

        def read_again() -> bool:
            after = http.get(f"/api/namespaces/{namespace}/documents").json()["items"][0]["ingestion"]
            return bool(after["updated_at"] > before["updated_at"] and after["state"] == "failed")

        page.wait(read_again, "the document to be read again", 60)
    wait_for_state(page, "broken", "Couldn't be read")


def test_many_are_removed_at_once(signed_in: Page) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Many")
    with client(page.base) as http:
        for title in ("Many 1", "Many 2", "Many 3"):
            upload(http, "many.pdf", broken_pdf(title), namespace, title)
        found = http.get(f"/api/namespaces/{namespace}/documents").json()["items"]
        assert len(found) == 3
        open_documents(page, namespace)
        page.wait(lambda: len(titles(page)) == 3, "the documents")
        first, second, third = titles(page)
        select(page, first)
        # Everything up to the row that is clicked with Shift.
        shifted = ActionChains(page.driver).key_down(Keys.SHIFT)
        shifted.click(page.find(f'[aria-label="Select {third}"]')).key_up(Keys.SHIFT).perform()
        assert page.text(".doc-chosen") == "3 selected"
        select(page, third)
        assert page.text(".doc-chosen") == "2 selected"
        page.click("[data-act=remove]")
        assert "2 documents" in page.text("#form-dialog-heading")
        confirm(page)
        wait_for_titles(page, [third])
        page.wait(lambda: focused(page) != "BODY", "the focus on a neighbor")
        assert http.get(f"/api/namespaces/{namespace}/documents").json()["total"] == 1
        # Removed from here, not deleted.
        assert {http.get(f"/api/documents/{doc['id']}").status_code for doc in found} == {200}
    page.open("/documents")
    page.click("[data-filter=unplaced]")
    page.wait(lambda: {first, second} <= set(titles(page)), "the removed documents")
    assert state(page, first) == "In no namespace"


def test_only_own_documents_are_deleted_for_good(signed_in: Page) -> None:
    page = signed_in
    add_user(page.base, "anselm")
    with client(page.base) as mira, client(page.base, "anselm") as anselm:
        namespace = anselm.post("/api/namespaces", json={"name": "Deleting"}).json()["id"]
        mine = upload(anselm, "mine.pdf", broken_pdf("mine"), namespace)
        hers = upload(mira, "hers.pdf", broken_pdf("hers"))
        mira.patch(f"/api/documents/{hers}", json={"is_public": True})
        anselm.post(f"/api/namespaces/{namespace}/documents", json={"doc_id": hers}).raise_for_status()
        page.driver.delete_all_cookies()
        page.open("/")
        page.sign_in("anselm")
        open_documents(page, namespace)
        wait_for_titles(page, ["hers", "mine"])
        assert "Delete for good…" not in offered(page, "hers")
        page.click(".doc-heads [type=checkbox]")
        page.click("[data-act=delete]")
        assert page.text("#form-dialog-heading") == "Delete “mine” for good?"
        assert "1 document of other people stays" in page.text("dialog")
        assert "keep their quotes" in page.text("dialog")
        confirm(page)
        wait_for_titles(page, ["hers"])
        assert anselm.get(f"/api/documents/{mine}").status_code == 404
        assert anselm.get(f"/api/documents/{hers}").status_code == 200


def test_questions_can_be_narrowed_to_selected_documents(signed_in: Page, documents: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Narrow", sorted(documents.glob("*.docx")))
    open_documents(page, namespace)
    page.wait(lambda: len(titles(page)) == 2, "the documents")
    chosen = titles(page)[0]
    select(page, chosen)
    page.click("[data-act=ask-only]")
    page.wait(lambda: page.driver.current_url.endswith(f"/n/{namespace}"), "the chat")
    narrowed = "return m.conversation.narrowed.map(({title}) => title)"
    page.wait(lambda: page.module("stores/conversation.js", narrowed) == [chosen], "the documents to ask")


def test_documents_are_added_to_another_namespace(signed_in: Page, documents: Path) -> None:
    page = signed_in
    other = page.prepare_namespace("Adding, there", [documents / "annual-report.pdf"])
    here = page.prepare_namespace("Adding, here", sorted(documents.glob("*.pdf"))[:2])
    open_documents(page, here)
    page.wait(lambda: len(titles(page)) == 2, "the documents")
    page.click(".doc-heads [type=checkbox]")
    page.click("[data-act=add-to]")
    choices = page.wait_for("dialog select")
    assert "Adding, here" not in choices.text
    for option in choices.find_elements(By.TAG_NAME, "option"):
        if option.text == "Adding, there":
            option.click()
    confirm(page)
    notice = page.text(".notice")
    assert "Added 1 document" in notice
    assert "1 document was there already" in notice
    page.click(".notice .small")
    page.wait(lambda: page.driver.current_url.endswith(f"/n/{other}/documents"), "the other namespace")
    page.wait(lambda: len(titles(page)) == 2, "both documents")


def test_owner_renames_publishes_shares_and_takes_out(signed_in: Page) -> None:
    page = signed_in
    reader = add_user(page.base, "berta")
    namespace = page.prepare_namespace("Standing")
    with client(page.base) as http, client(page.base, "berta") as berta:
        doc = upload(http, "plan.pdf", broken_pdf("standing"), namespace)
        # A namespace that only its owner can read; the document is there because it is public.
        http.patch(f"/api/documents/{doc}", json={"is_public": True})
        hers = berta.post("/api/namespaces", json={"name": "Berta's own"}).json()["id"]
        berta.post(f"/api/namespaces/{hers}/documents", json={"doc_id": doc}).raise_for_status()
        open_documents(page, namespace)
        wait_for_titles(page, ["plan"])
        choose(page, "plan", "Rename…")
        page.wait_for("dialog [name=title]").clear()
        page.find("dialog [name=title]").send_keys("The plan")
        confirm(page)
        wait_for_titles(page, ["The plan"])
        assert http.get(f"/api/documents/{doc}").json()["title"] == "The plan"

        choose(page, "The plan", "Where it stands…")
        page.wait(lambda: "Berta's own" in page.text(".standing"), "the namespace of the other user")
        page.click('[aria-label="Take out of Berta\'s own"]')
        page.wait(lambda: "Berta's own" not in page.text(".standing"), "the document to be out")
        assert berta.get(f"/api/namespaces/{hers}/documents").json()["total"] == 0

        page.fill(".share-form", username="nobody")
        assert "Nobody has exactly this name" in page.text(".share-form .error")
        page.fill(".share-form", username="berta")
        page.wait_for('[aria-label="Permission of berta"]')
        shared = http.get(f"/api/documents/{doc}/permissions").json()["items"]
        assert shared == [{"user_id": reader, "username": "berta", "permission": "read"}]
        page.click('[aria-label="Permission of berta"] [value=write]')
        page.wait(
            lambda: berta.get(f"/api/documents/{doc}").json()["permission"] == "write", "the permission"
        )
        page.click('[aria-label="Stop sharing with berta"]')
        page.wait(lambda: "Nobody. People who" in page.text(".standing"), "the share to end")
        page.click('.standing [aria-label="Close"]')

        choose(page, "The plan", "Make private…")
        confirm(page)
        page.wait(lambda: not page.find_all(".doc-public"), "the document to be private")
        assert berta.get(f"/api/documents/{doc}").status_code == 404


def test_my_documents_lists_and_deletes_what_stands_nowhere(signed_in: Page) -> None:
    page = signed_in
    with client(page.base) as http:
        doc = upload(http, "loose.pdf", broken_pdf("loose"), title="Loose sheet")
        page.open("/documents")
        page.wait(lambda: "Loose sheet" in titles(page), "the document")
        page.wait_for(".doc-search input").send_keys("loose")
        wait_for_titles(page, ["Loose sheet"])
        choose(page, "Loose sheet", "Delete for good…")
        confirm(page)
        page.wait(lambda: not titles(page), "the document to go")
        page.wait(lambda: focused(page) != "BODY", "the focus in the page")
        assert http.get(f"/api/documents/{doc}").status_code == 404


def test_list_is_read_further_as_it_is_scrolled(newcomer: Page, server_database: str) -> None:
    page = newcomer
    create = f"""
        INSERT INTO document (user_id, title, file_path, file_metadata, type, is_public, uploaded_at)
        SELECT {page.call("GET", "/api/auth/me")["id"]}, 'Sheet ' || n, 'sheet ' || n,
            json_build_object('sha256', n::text, 'size', 9), 'pdf', false, now() + (n - 200) * interval '1 s'
        FROM generate_series(0, 103) n
    """
    asyncio.run(run_on(server_database, create))
    page.open("/documents")
    page.wait(lambda: titles(page)[:1] == ["Sheet 103"], "the newest document")
    assert len(page.find_all(ROW)) == 100
    page.driver.execute_script("arguments[0].scrollIntoView()", page.find_all(ROW)[-1])
    page.wait(lambda: len(page.find_all(ROW)) == 104, "the rest")
    page.driver.execute_script("document.querySelector('main').scrollTop = 0")
    page.click(".doc-heads [type=checkbox]")
    assert page.text(".doc-chosen") == "104 selected"


def test_uploads_are_applied_in_place(signed_in: Page, tmp_path: Path) -> None:
    """Rows come with the answers and follow the events: the list is read again once, at the end."""
    page = signed_in
    namespace = page.prepare_namespace("In place")
    open_documents(page, namespace)
    page.wait_for(".empty-state")
    page.driver.execute_script(COUNT_LISTS)
    files = [tmp_path / f"{n}.pdf" for n in range(12)]
    for n, file in enumerate(files):
        file.write_bytes(broken_pdf(f"in place {n}"))
    add_files(page, *files)
    page.wait(lambda: len(titles(page)) == 12, "the rows")
    page.wait(
        lambda: page.texts(f"{ROW} .cell-state") == ["Couldn't be read"] * 12, "the end of reading", 120
    )
    page.wait(lambda: page.driver.execute_script("return window.lists") >= 1, "the list to be read again")
    assert page.driver.execute_script("return window.lists") <= 2
    assert page.text("[data-filter=failed] .filter-count") == "12"


def test_changes_by_others_appear_without_a_reload(signed_in: Page) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Others")
    open_documents(page, namespace)
    page.wait_for(".empty-state")
    with client(page.base) as http:
        doc = upload(http, "other.pdf", broken_pdf("other"), namespace)
        wait_for_titles(page, ["other"])
        wait_for_state(page, "other", "Couldn't be read")
        http.patch(f"/api/documents/{doc}", json={"title": "renamed"})
        wait_for_titles(page, ["renamed"])
        http.delete(f"/api/namespaces/{namespace}/documents/{doc}")
    page.wait(lambda: not titles(page), "the document to go")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_hostile_titles_are_text_and_fit(signed_in: Page, width: int) -> None:
    page = signed_in
    page.resize(width, 844)
    namespace = page.prepare_namespace(f"Hostile {width} <img src=x onerror=alert(3)>")
    with client(page.base) as http:
        for n, title in enumerate(HOSTILE):
            upload(http, "<b>x</b>.pdf", broken_pdf(f"hostile {width} {n}"), namespace, title)
    open_documents(page, namespace)
    page.wait(lambda: titles(page) == [*reversed(HOSTILE)], "the titles")
    assert not page.find_all(f"{ROW} script, {ROW} img, {ROW} b")
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width
    for row in page.find_all(ROW):
        assert row.rect["x"] + row.rect["width"] <= width
        assert row.size["height"] <= 72
    choose(page, HOSTILE[0], "Rename…")
    assert page.wait_for("dialog [name=title]").get_attribute("value") == HOSTILE[0]
    assert page.driver.execute_script("return window.frames.length") == 0


def test_document_opens_in_the_reader(signed_in: Page, documents: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Opening", [documents / "annual-report.pdf"])
    open_documents(page, namespace)
    page.click(f"{ROW} .doc-title")
    page.wait_for("luma-reader")
    assert f"/n/{namespace}/documents/doc/" in page.driver.current_url
    page.driver.back()
    page.wait(lambda: not page.find_all("luma-reader"), "the reader to close")
    assert page.driver.current_url.endswith(f"/n/{namespace}/documents")
