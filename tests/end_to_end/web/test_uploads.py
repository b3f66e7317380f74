"""Uploads: progress, failures, duplicates, folders, and leaving the page meanwhile."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser import Page
from tests.documents_page import (
    ROW,
    add_files,
    broken_pdf,
    client,
    open_documents,
    titles,
    upload,
    wait_for_titles,
)

DROP = """
    const transfer = new DataTransfer();
    for (const [name, text] of arguments[0]) transfer.items.add(new File([text], name));
    const event = (type) => new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true});
    const main = document.getElementById("main");
    main.dispatchEvent(event("dragover"));
    const done = arguments[arguments.length - 1];
    setTimeout(() => {
      const hint = document.querySelector(".upload-zone")?.textContent.trim() ?? null;
      main.dispatchEvent(event("drop"));
      done(hint);
    }, 100);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with folders, readable and unreadable files."""
    root = tmp_path / "Contracts 2024"
    (root / "north" / "deep").mkdir(parents=True)
    (root / "one.pdf").write_bytes(broken_pdf("folder one"))
    (root / "north" / "two.pdf").write_bytes(broken_pdf("folder two"))
    (root / "north" / "deep" / "three.pdf").write_bytes(broken_pdf("folder three"))
    (root / "north" / "photo.jpg").write_bytes(b"no document")
    (root / ".hidden.pdf").write_bytes(broken_pdf("hidden"))
    return root


def throttle(page: Page, bytes_per_second: int = -1, *, is_offline: bool = False) -> None:
    conditions: dict[str, Any] = {"latency": 0, "downloadThroughput": -1, "offline": is_offline}
    page.driver.execute_cdp_cmd("Network.enable", {})
    conditions["uploadThroughput"] = bytes_per_second
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def drop(page: Page, *files: tuple[str, str]) -> str | None:
    """Drop files on the page; what is shown while they are dragged."""
    hint: str | None = page.driver.execute_async_script(DROP, files)
    return hint


def overlaps(page: Page, one: str, other: str) -> bool:
    first, second = page.wait_for(one).rect, page.wait_for(other).rect
    return bool(first["y"] + first["height"] > second["y"] and second["y"] + second["height"] > first["y"])


def test_files_are_sent_with_progress(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Sending")
    open_documents(page, namespace)
    files = [tmp_path / f"{n}.pdf" for n in range(3)]
    for file in files:
        # Larger than what the browser buffers before it sends.
        file.write_bytes(broken_pdf(f"sending {file.name}" * 10_000))
    throttle(page, 100_000)
    try:
        add_files(page, *files)
        page.wait(lambda: page.text(".tray-total strong") == "0 of 3 sent", "the total")
        page.wait(lambda: " of " in page.text(".tray-total .muted"), "the bytes")
        page.click(".toggle-files")
        page.wait(lambda: len(page.find_all(".tray-file.is-sending")) == 2, "two at once")
        assert len(page.find_all(".tray-file.is-waiting")) == 1
        page.wait(lambda: "%" in page.text(".tray-file.is-sending .tray-state"), "the progress of a file")
        assert not overlaps(page, ".upload-tray", "#main")
        # A chat is asked meanwhile: its box stays in view, and the files go on.
        page.click(f'a[href="/n/{namespace}"]')
        page.wait_for("luma-composer textarea")
        assert not overlaps(page, ".upload-tray", "luma-composer textarea")
        waiting = page.find(".tray-file.is-waiting .tray-name").text
        page.find(".tray-file.is-waiting [aria-label^=Cancel]").click()
        page.wait(lambda: waiting not in page.texts(".tray-name"), "the file to go")
    finally:
        throttle(page)
    page.wait(lambda: page.text(".tray-total strong") == "2 files sent", "the end")
    page.click(".tray-dismiss")
    page.wait(lambda: not page.find_all(".upload-tray"), "the tray to go")
    page.click(f'a[href="/n/{namespace}/documents"]')
    page.wait(lambda: len(titles(page)) == 2, "the documents")


def test_refused_files_say_why(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Refused")
    open_documents(page, namespace)
    (tmp_path / "fake.pdf").write_bytes(b"\0neither PDF nor DOCX")
    (tmp_path / "<b>photo.jpg").write_text("picture")
    add_files(page, tmp_path / "fake.pdf", tmp_path / "<b>photo.jpg")
    assert page.text(".tray-file.is-failed .tray-name") == "fake.pdf"
    reason = page.text(".tray-file.is-failed .tray-state")
    assert "PDF" in reason
    assert "DOCX" in reason
    note = page.text(".tray-note")
    assert note.startswith("<b>photo.jpg was left out. Luma reads PDF, Word, PowerPoint, Excel,")
    assert note.endswith("and plain text.")
    page.click('[aria-label="Dismiss fake.pdf"]')
    page.wait(lambda: not page.find_all(".tray-file"), "the file to go")
    assert page.driver.execute_script("return document.activeElement.tagName") != "BODY"


def test_failed_files_are_sent_again(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Again")
    open_documents(page, namespace)
    for name in ("a", "b"):
        (tmp_path / f"{name}.pdf").write_bytes(broken_pdf(f"again {name}"))
    throttle(page, is_offline=True)
    try:
        add_files(page, tmp_path / "a.pdf", tmp_path / "b.pdf")
        page.wait(lambda: page.text(".tray-total strong") == "2 files not sent", "the failures")
        assert "unreachable" in page.text(".tray-file .tray-state")
    finally:
        throttle(page)
    page.click(".retry-all")
    page.wait(lambda: sorted(titles(page)) == ["a", "b"], "the documents")


def test_duplicates_say_where_they_are(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    there = page.prepare_namespace("Duplicates, there")
    here = page.prepare_namespace("Duplicates, here")
    file = tmp_path / "copy.pdf"
    file.write_bytes(broken_pdf("duplicate"))
    with client(page.base) as http:
        upload(http, "first.pdf", file.read_bytes(), there, "The original")
    open_documents(page, here)
    add_files(page, file)
    page.wait(
        lambda: page.text(".tray-file .tray-state") == "Already in Duplicates, there; added here too",
        "where it was",
    )
    wait_for_titles(page, ["The original"])
    add_files(page, file)
    page.wait(
        lambda: page.text(".tray-file .tray-state") == "Already here as “The original”", "that it is here"
    )
    assert titles(page) == ["The original"]


def test_folder_is_added_with_its_folders(signed_in: Page, folder: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Folders")
    open_documents(page, namespace)
    page.wait_for(".empty-state .choose-folder")
    page.find("luma-upload-button input.folder").send_keys(str(folder))
    page.wait(lambda: sorted(titles(page)) == ["one", "three", "two"], "the documents of all folders")
    assert page.text(".tray-note").startswith("Contracts 2024/north/photo.jpg was left out. Luma reads PDF,")


def test_dropped_files_are_added_here_or_to_a_new_namespace(signed_in: Page) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Dropping")
    open_documents(page, namespace)
    page.wait_for(".empty-state")
    hint = drop(page, ("dropped.pdf", broken_pdf("dropped").decode()))
    assert hint == "Drop to add to “Dropping”"
    wait_for_titles(page, ["dropped"])

    page.open("/settings")
    page.wait_for("luma-settings")
    assert drop(page, ("nowhere.pdf", broken_pdf("nowhere").decode())) is None
    assert page.driver.current_url.endswith("/settings")

    page.open("/")
    page.wait_for("luma-start")
    hint = drop(page, ("First steps.pdf", broken_pdf("start").decode()))
    assert hint == "Drop to make a namespace of these files"
    page.wait(lambda: "/n/" in page.driver.current_url, "the new namespace")
    page.wait(lambda: page.text("#main h1") == "First steps", "its name")
    page.open(page.driver.current_url.removeprefix(page.base) + "/documents")
    wait_for_titles(page, ["First steps"])


def test_namespace_is_named_after_a_common_folder(signed_in: Page) -> None:
    page = signed_in
    create = """
        const content = (path) => [`%PDF-1.7 ${path} named`.repeat(9)];
        const file = (path) => ({path, file: new File(content(path), path.split("/").at(-1))});
        const names = [];
        for (const paths of a[0]) names.push((await m.uploads.addToNew(paths.map(file)))?.name ?? null);
        return names;
    """
    given = [["Reports/a.pdf", "Reports/x/b.pdf"], ["Reports/c.pdf"], ["Lone.pdf", "d.pdf"], ["only.jpg"]]
    names = page.module("stores/uploads.js", create, given)
    assert names == ["Reports", "Reports 2", "Lone", None]


def test_leaving_asks_and_names_afterwards_what_was_not_sent(signed_in: Page, documents: Path) -> None:
    page = signed_in
    namespace = page.prepare_namespace("Leaving")
    open_documents(page, namespace)
    asks = "return !dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert not page.driver.execute_script(asks)
    throttle(page, 2_000)
    try:
        add_files(page, *sorted(documents.glob("*.pdf")))
        page.wait_for(".upload-tray")
        assert page.driver.execute_script(asks)
        page.open(f"/n/{namespace}/documents")
    finally:
        throttle(page)
    note = page.text(".tray-note.is-unsent")
    assert note.startswith("3 files were not sent when you left: ")
    for file in documents.glob("*.pdf"):
        assert file.name in note
    assert page.find(".tray-note a").get_attribute("href").endswith(f"/n/{namespace}/documents")
    # It is told once.
    page.open(f"/n/{namespace}/documents")
    page.wait_for(".documents")
    assert not page.find_all(".upload-tray")
    assert not page.find_all(ROW)
