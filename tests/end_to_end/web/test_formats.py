"""Documents of further formats: uploaded, asked, and read at the cited place, in a real browser."""

from pathlib import Path

import openpyxl
import pytest

from tests.browser import Page
from tests.documents_page import add_files, open_documents, wait_for_state
from tests.reader_page import ReaderPage, letters
from tests.unit.ingest.parsers.office_files import shape, write_pptx


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    handbook = tmp_path / "handbook.md"
    handbook.write_text(
        "# Ferry handbook\n\nIt is for the crew.\n\n## Dogs\n\n- Dogs travel on the open "
        "deck.\n\n## Bicycles\n\nFree.\n"
    )
    workbook = openpyxl.Workbook()
    workbook.active.title = "Dues"
    for row in (["Port", "Dues in crowns"], ["Bodo", 14], ["Vardo", 11], ["Hammerfest", 17]):
        workbook.active.append(row)
    workbook.save(tmp_path / "dues.xlsx")
    slides = [shape(f"Part {number}", "title") + shape(f"About part {number}.") for number in range(1, 4)]
    slides.append(shape("Engines", "title") + shape("The engines run on hydrogen since last summer."))
    write_pptx(tmp_path / "engines.pptx", *slides)
    return [handbook, tmp_path / "dues.xlsx", tmp_path / "engines.pptx"]


def test_documents_of_further_formats_are_cited_at_their_place(
    signed_in: Page, documents: Path, files: list[Path]
) -> None:
    page = signed_in
    reader = ReaderPage(page, documents)
    reader.namespace = page.prepare_namespace("Further formats")
    open_documents(page, reader.namespace)
    add_files(page, *files)
    for title in ("handbook", "dues", "engines"):
        wait_for_state(page, title, "Ready", 150)
    assert not page.find_all(".tray-note")
    for question, heading, words in (
        ("Where do dogs travel?", "Dogs", "open deck"),
        ("Does Hammerfest have dues of 17?", "Dues", "17"),
        ("What do the engines run on?", "Engines", "hydrogen"),
    ):
        chat, answer = reader.ask(question)
        citation = answer["citations"][0]
        page.open(f"/c/{chat}/cite/{answer['id']}/1")
        reader.wait_for_mark("mark.is-strong")
        marked = letters("".join(page.texts("mark.is-strong")))
        assert letters(citation["quote"]) == marked
        assert words in citation["quote"]
        assert heading in page.texts(".reader-article h3, .reader-article h4")
    assert citation["page"] == 4
    assert "Page 4" in page.texts(".reader-page-label")
    page.open(f"/documents/doc/{citation['doc_id']}/page/4")
    page.wait(lambda: reader.is_in_view("section[data-index='3']"), "the slide")
