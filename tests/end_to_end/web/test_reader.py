"""The reader: the cited page with the quotes marked, in a real browser."""

import io
from pathlib import Path
from urllib.parse import urlsplit

import pypdf
import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import Page
from tests.reader_page import PASSWORDS, REVENUE, ReaderPage, letters


@pytest.fixture
def reader(signed_in: Page, documents: Path) -> ReaderPage:
    signed_in.resize(1440, 900)
    return ReaderPage(signed_in, documents)


def add_link(page: Page, path: str) -> None:
    """A link in the main zone, as an answer has it."""
    script = """
        const link = document.createElement("a");
        [link.href, link.id, link.textContent] = [arguments[0], "citation-link", "[1]"];
        document.getElementById("main").append(link);
    """
    page.wait_for("main")
    page.driver.execute_script(script, path)


def test_a_link_opens_the_cited_page_with_the_words_marked(reader: ReaderPage) -> None:
    page = reader.page
    chat, answer = reader.ask(REVENUE)
    page.open(f"/c/{chat}")
    add_link(page, f"/c/{chat}/cite/{answer['id']}/1")
    page.click("#citation-link")
    reader.wait_for_mark()
    citation = answer["citations"][0]
    assert page.text(".reader-title") == citation["title"]
    assert reader.number == str(citation["page"])
    assert reader.marked() == letters(citation["quote"])
    assert page.driver.execute_script("return document.activeElement.matches('.reader-title')")

    page.driver.refresh()
    reader.wait_for_mark()
    assert reader.marked() == letters(citation["quote"])
    hosts = page.driver.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert {urlsplit(name).netloc for name in hosts if not name.startswith(("data:", "blob:"))} == {
        urlsplit(page.base).netloc
    }


def test_the_focus_returns_when_the_reader_closes(reader: ReaderPage) -> None:
    page = reader.page
    chat, answer = reader.ask(REVENUE)
    page.open(f"/c/{chat}")
    add_link(page, f"/c/{chat}/cite/{answer['id']}/1")
    for close in (reader.escape, page.driver.back, lambda: page.click("[aria-label='Close the reader']")):
        page.click("#citation-link")
        reader.wait_for_mark()
        close()
        page.wait(lambda: not page.is_shown(".reader"), "the reader to close")
        assert page.driver.current_url == f"{page.base}/c/{chat}"
        assert reader.focused.get_attribute("id") == "citation-link"


def test_all_quotes_of_the_answer_are_marked_and_walked_through(reader: ReaderPage) -> None:
    page = reader.page
    chat, answer = reader.ask(REVENUE)
    first, second = sorted(answer["citations"][:2], key=lambda citation: citation["page"])
    assert first["doc_id"] == second["doc_id"]
    assert first["page"] != second["page"]
    page.open(f"/c/{chat}/cite/{answer['id']}/{first['n']}")
    reader.wait_for_mark()
    total = len([one for one in answer["citations"] if one["doc_id"] == first["doc_id"]])
    assert page.text(".reader-marks") == f"Passage 1 of {total}"
    page.click("[aria-label='Next passage of the answer']")
    page.wait(lambda: reader.number == str(second["page"]), "the page of the next passage")
    reader.wait_for_mark()
    assert page.driver.current_url.endswith(f"/cite/{answer['id']}/{second['n']}")
    assert reader.marked() == letters(second["quote"])
    page.wait(
        lambda: reader.marked(".reader-mark:not(.is-strong)") == letters(first["quote"]), "the other mark"
    )
    page.click("[aria-label='Previous passage of the answer']")
    page.wait(lambda: reader.number == str(first["page"]), "the page of the first passage")


def test_pages_and_zoom(reader: ReaderPage) -> None:
    page = reader.page
    doc = reader.document("annual-report")
    page.open(f"/documents/doc/{doc}/page/2")
    page.wait(lambda: reader.number == "2", "page 2")
    page.click("[aria-label='Next page']")
    page.wait(lambda: reader.number == "3", "page 3")
    assert page.driver.current_url.endswith(f"/doc/{doc}/page/3")
    field = page.find(".reader-page-field")
    field.click()
    field.send_keys("1", Keys.ENTER)
    page.wait(lambda: reader.is_in_view("luma-reader-page[data-page='1'] .pdf-text span"), "page 1")

    def widths() -> dict[str, float]:
        script = """
            const page = document.querySelector("luma-reader-page[data-page='1']");
            return {page: page.getBoundingClientRect().width, canvas: page.querySelector("canvas").width,
                view: document.querySelector(".reader-pages").clientWidth};
        """
        found: dict[str, float] = page.driver.execute_script(script)
        return found

    fitted = widths()
    assert fitted["view"] * 0.9 < fitted["page"] < fitted["view"]
    page.click("[aria-label='Larger']")
    page.wait(lambda: widths()["page"] == pytest.approx(fitted["page"] * 1.2, abs=1), "a larger page")
    page.wait(lambda: widths()["canvas"] == pytest.approx(fitted["page"] * 1.2, abs=1), "a sharp picture")
    page.find(".reader-pages").send_keys("-")
    page.wait(lambda: widths()["page"] == pytest.approx(fitted["page"], abs=1), "a smaller page")
    page.find(".reader-pages").send_keys("+", "+", "0")
    page.wait(lambda: widths()["page"] == pytest.approx(fitted["page"], abs=1), "the width of the reader")
    assert page.find("[aria-label='Download']").get_attribute("href").endswith(f"/api/documents/{doc}/file")
    assert page.find("[aria-label='Open in a new tab']").get_attribute("href").endswith("/file#page=1")


def test_find_in_a_pdf(reader: ReaderPage) -> None:
    page = reader.page
    page.open(f"/documents/doc/{reader.document('annual-report')}/page/1")
    page.wait(lambda: reader.is_in_view("luma-reader-page .pdf-text span"), "the page")
    page.driver.execute_script("document.querySelector('.reader-pages').focus()")
    reader.keys("f", holding=Keys.CONTROL)
    page.wait_for(".reader-find input")
    reader.keys("Northern-Europe")
    page.wait(
        lambda: (
            " of " in page.text(".reader-find .reader-count")
            and "+" not in page.text(".reader-find .reader-count")
        ),
        "the count",
    )
    position, total = page.text(".reader-find .reader-count").split(" of ")
    assert position == "1"
    assert int(total) >= 2
    reader.wait_for_mark(".reader-mark.is-current")
    assert reader.marked(".reader-mark.is-current") == "northerneurope"
    reader.keys(Keys.ENTER)
    page.wait(lambda: page.text(".reader-find .reader-count") == f"2 of {total}", "the second match")
    reader.keys(Keys.ENTER, holding=Keys.SHIFT)
    page.wait(lambda: page.text(".reader-find .reader-count") == f"1 of {total}", "the first match")
    reader.escape()
    page.wait(lambda: not page.is_shown(".reader-find"), "the search to close")
    assert page.is_shown(".reader")
    assert not page.find_all(".reader-mark.is-hit")
    assert reader.focused.get_attribute("aria-label") == "Find in this document"


def test_a_docx_is_shown_as_text_with_the_quote_in_view(reader: ReaderPage) -> None:
    page = reader.page
    chat, answer = reader.ask(PASSWORDS)
    citation = answer["citations"][0]
    page.open(f"/c/{chat}/cite/{answer['id']}/1")
    reader.wait_for_mark("mark.is-strong")
    assert letters("".join(page.texts("mark.is-strong"))) == letters(citation["quote"])
    assert "Accounts and passwords" in page.texts(".reader-article h3")
    assert page.find_all(".reader-article table td")
    assert page.find_all(".reader-article .reader-list li")
    assert not page.find_all("[aria-label='Open in a new tab']")
    page.click("button[aria-label='Find in this document']")
    reader.keys("crosscut shredder")
    reader.wait_for_mark("mark.is-current")
    assert page.text("mark.is-current") == "cross-cut shredder"


def test_the_contents_lead_to_their_page(reader: ReaderPage) -> None:
    page = reader.page
    page.open(f"/documents/doc/{reader.document('annual-report')}")
    page.click("[aria-label='Contents']")
    page.wait(lambda: reader.focused.get_attribute("aria-current") is not None, "the focus in the contents")
    section = next(one for one in page.find_all(".reader-sections button") if "Revenue by region" in one.text)
    number = section.text.split()[-1]
    section.click()
    page.wait(lambda: reader.number == number, "the page of the section")
    assert reader.focused.get_attribute("aria-label") == "Contents"
    page.wait(lambda: "Revenue by region" in reader.visible_text(), "the section")


def test_marks_lie_over_the_words_of_turned_pages(
    reader: ReaderPage, documents: Path, tmp_path: Path
) -> None:
    writer = pypdf.PdfWriter()
    for number, sheet in enumerate(pypdf.PdfReader(documents / "annual-report.pdf").pages):
        writer.add_page(sheet).rotate(90 if number % 2 else 270)
    turned = tmp_path / "turned.pdf"
    writer.write(turned)
    reader.namespace = reader.page.prepare_namespace("Reader, turned", [turned])
    chat, answer = reader.ask(REVENUE)
    citation = answer["citations"][0]
    reader.page.open(f"/c/{chat}/cite/{answer['id']}/1")
    reader.wait_for_mark()
    # The parser reads the lines of a turned page in another order.
    wanted = sorted(letters(citation["quote"]))
    reader.page.wait(lambda: sorted(reader.marked()) == wanted, "the marked words")


def test_another_document_is_searched_anew(reader: ReaderPage) -> None:
    page = reader.page
    page.open(f"/documents/doc/{reader.document('annual-report')}")
    page.click("button[aria-label='Find in this document']")
    reader.keys("revenue")
    page.wait(lambda: page.text(".reader-find .reader-count").startswith("1 of"), "a match")
    reader.go(f"/documents/doc/{reader.document('dosing-pump-manual')}")
    page.wait(lambda: page.text(".reader-find .reader-count") == "No match", "no match")
    assert not page.find_all(".reader-mark")


def test_the_kept_quote_of_a_deleted_document(reader: ReaderPage, documents: Path) -> None:
    page = reader.page
    reader.namespace = page.prepare_namespace("Reader, deleted", [documents / "employee-handbook.pdf"])
    chat, answer = reader.ask("How many days of annual leave do employees have?")
    citation = answer["citations"][0]
    page.open(f"/c/{chat}/cite/{answer['id']}/1")
    reader.wait_for_mark()
    page.call("DELETE", f"/api/documents/{citation['doc_id']}")
    page.driver.refresh()
    assert "no longer available" in page.text(".reader-gone p")
    assert letters(page.text(".reader-gone blockquote")) == letters(citation["quote"])
    assert f"Page {citation['page']}" in page.text(".reader-gone figcaption")
    assert page.text(".reader-title") == citation["title"]
    assert not page.find_all("[aria-label='Download'], [aria-label='Open in a new tab'], .reader-page-field")

    reader.go(f"/documents/doc/{citation['doc_id']}/page/2")
    page.wait(lambda: not page.find_all(".reader-gone blockquote"), "the document without a quote")
    assert "no longer available" in page.text(".reader-gone p")


def test_a_quote_that_is_not_on_the_page(reader: ReaderPage) -> None:
    page = reader.page
    chat, answer = reader.ask(REVENUE)
    page.open("/documents")
    other = "A sentence about camels that no annual report contains."
    script = """
        const original = window.fetch;
        window.fetch = async (path, options) => {
            const response = await original(path, options);
            if (!String(path).includes("/messages")) return response;
            const text = await response.text();
            const quoted = (quote) => `"quote":${JSON.stringify(quote)}`;
            return new Response(text.replaceAll(quoted(arguments[0]), quoted(arguments[1])), response);
        };
    """
    page.driver.execute_script(script, answer["citations"][0]["quote"], other)
    reader.go(f"/c/{chat}/cite/{answer['id']}/1")
    assert page.text(".reader-quote p") == "This passage could not be located on the page."
    assert page.text(".reader-quote blockquote") == other
    assert reader.number == str(answer["citations"][0]["page"])


def test_a_pdf_that_cannot_be_opened_says_why(reader: ReaderPage, documents: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=documents / "annual-report.pdf")
    writer.encrypt("secret", algorithm="AES-256")
    protected = io.BytesIO()
    writer.write(protected)
    doc = reader.upload("protected.pdf", protected.getvalue())
    reader.page.open(f"/documents/doc/{doc}")
    assert "protected with a password" in reader.page.text(".reader-note")
    broken = reader.upload("broken.pdf", b"%PDF-1.7\nnothing")
    reader.go(f"/documents/doc/{broken}")
    reader.page.wait(lambda: "could not be drawn" in reader.page.text(".reader-note"), "the reason")


def test_only_pages_in_view_are_drawn(reader: ReaderPage) -> None:
    page = reader.page
    writer = pypdf.PdfWriter()
    for index in range(3000):
        writer.add_blank_page(width=595, height=842 if index % 3 else 420)
    long = io.BytesIO()
    writer.write(long)
    doc = reader.upload("long.pdf", long.getvalue())
    page.open(f"/documents/doc/{doc}/page/2500")
    page.wait(lambda: page.is_shown("luma-reader-page[data-page='2500']"), "page 2,500")
    assert reader.number == "2500"
    page.click("[aria-label='Previous page']")
    page.wait(lambda: reader.number == "2499", "page 2,499")
    assert 1 <= len(page.find_all("luma-reader-page")) <= 12


@pytest.mark.parametrize("width", [768, 390])
def test_over_the_page_the_reader_holds_the_focus(reader: ReaderPage, width: int) -> None:
    page = reader.page
    page.resize(width, 844)
    chat, answer = reader.ask(REVENUE)
    page.open(f"/c/{chat}")
    add_link(page, f"/c/{chat}/cite/{answer['id']}/1")
    page.click("#citation-link")
    reader.wait_for_mark()
    box = page.find(".reader").rect
    assert box["width"] == (390 if width == 390 else pytest.approx(640, abs=20))
    assert box["height"] == 844
    for _ in range(20):
        reader.keys(Keys.TAB)
        assert not page.driver.execute_script(
            "return Boolean(document.activeElement.closest('main, nav.rail'))"
        )
    assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    reader.escape()
    page.wait(lambda: not page.is_shown(".reader"), "the reader to close")
    assert reader.focused.get_attribute("id") == "citation-link"
    assert not page.find_all("[inert]")
