"""A citation of an earlier version says so, over the citation and in the reader."""

from pathlib import Path

import httpx

from tests.browser import Page

OLD = "A hotel room may cost up to 500 euros a night."
NEW = "A hotel room may cost up to 900 euros a night."


def replace(page: Page, doc: int, name: str, content: str) -> None:
    """Store a new version of a document."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.driver.get_cookies()}
    headers = {"x-csrftoken": cookies["csrftoken"]}
    with httpx.Client(base_url=page.base, cookies=cookies, headers=headers) as client:
        sent = client.put(f"/api/documents/{doc}/file", files={"file": (name, content.encode())})
        sent.raise_for_status()


def test_a_citation_of_an_earlier_version_says_so(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    path = tmp_path / "travel.txt"
    path.write_text(OLD)
    namespace = page.prepare_namespace("Travel", [path])
    chat = page.call("POST", "/api/chats", {"namespace_id": namespace})["id"]
    asked = page.call("POST", f"/api/chats/{chat}/messages", {"content": "What may a hotel room cost?"})
    citation = asked["llm_message"]["citations"][0]
    address = f"/c/{chat}/cite/{asked['llm_message']['id']}/{citation['n']}"

    page.open(address)
    page.wait(lambda: "500 euros" in page.text("luma-reader-text"), "the text of the first version")
    assert not page.find_all(".reader-quote")
    replace(page, citation["doc_id"], "travel.txt", NEW)
    # The open reader follows.
    page.wait(lambda: "900 euros" in page.text("luma-reader-text"), "the text of the new version", 30)
    page.open(address)
    page.wait(lambda: "earlier version" in page.text(".reader-quote p"), "the note in the reader")
    assert page.text(".reader-quote blockquote") == OLD
    assert "900 euros" in page.text("luma-reader-text")

    page.hover("luma-answer a.cite, luma-answer a.source")
    page.wait(lambda: "earlier version" in page.text(".citation-card"), "the note over the citation")
    assert "500 euros" in page.text(".citation-card")
