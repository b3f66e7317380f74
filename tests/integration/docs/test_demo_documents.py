import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import docx
import pypdf
import pypdfium2
import pytest

from tests.paths import ROOT

DEMO = ROOT / "docs" / "demo"
QUESTIONS = json.loads((DEMO / "questions.json").read_text(encoding="utf-8"))
ALL = QUESTIONS["demo"] + QUESTIONS["more"]
_spec = importlib.util.spec_from_file_location("marked_page", DEMO / "marked_page.py")
assert _spec is not None
assert _spec.loader is not None
marked_page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(marked_page)


def make(out_dir: Path) -> Path:
    subprocess.run([sys.executable, DEMO / "make_documents.py", out_dir], check=True, timeout=120)
    return out_dir


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("demo"))


def pdf_pages(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as pdf:
        # Lines break where the page is full; a phrase may go over the break.
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in pdf]


def docx_text(path: Path) -> str:
    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)


def test_makes_five_documents_of_some_thirty_pages(documents: Path) -> None:
    assert sorted(path.name for path in documents.iterdir()) == [
        "annual-report.pdf",
        "dosing-pump-manual.pdf",
        "employee-handbook.pdf",
        "security-policy.docx",
        "service-contract.docx",
    ]
    pages = {path.name: len(pdf_pages(path)) for path in documents.glob("*.pdf")}
    assert pages == {"annual-report.pdf": 6, "dosing-pump-manual.pdf": 8, "employee-handbook.pdf": 10}
    # A DOCX has no pages of its own; some 400 words fill one.
    words = sum(len(docx_text(path).split()) for path in documents.glob("*.docx"))
    assert 26 <= sum(pages.values()) + words / 400 <= 34


def test_committed_documents_are_built_from_the_texts(documents: Path) -> None:
    committed = {path.name: path.read_bytes() for path in (DEMO / "documents").iterdir()}
    assert committed == {path.name: path.read_bytes() for path in documents.iterdir()}


def test_quote_is_marked_on_its_page(documents: Path, tmp_path: Path) -> None:
    source = documents / "employee-handbook.pdf"
    quote = "a request that nobody has answered by then counts as approved."
    assert marked_page.write_marked_page(source, 5, quote, tmp_path / "page.pdf") == 2
    (page,) = pypdf.PdfReader(tmp_path / "page.pdf").pages
    marks = [mark.get_object() for mark in page["/Annots"] if mark.get_object()["/Subtype"] == "/Highlight"]
    with pypdfium2.PdfDocument(source) as pdf:
        text_page = pdf[4].get_textpage()
        marked = " ".join(text_page.get_text_bounded(*map(float, mark["/Rect"])) for mark in marks)
    assert "".join(filter(str.isalnum, marked)) == "".join(filter(str.isalnum, quote))
    assert marked_page.write_marked_page(source, 5, "This is not on the page.", tmp_path / "none.pdf") == 0


def test_pdf_title_and_outline(documents: Path) -> None:
    reader = pypdf.PdfReader(documents / "employee-handbook.pdf")
    assert reader.metadata is not None
    assert reader.metadata.title == "Employee Handbook"
    chapters = [entry for entry in reader.outline if not isinstance(entry, list)]
    assert [reader.get_destination_page_number(chapter) for chapter in chapters] == list(range(1, 10))
    assert chapters[0].title == "Joining the company"
    assert [section.title for section in reader.outline[1]] == [
        "Your first days",
        "Probation",
        "Mandatory training",
    ]


def test_docx_structure(documents: Path) -> None:
    path = documents / "service-contract.docx"
    document = docx.Document(str(path))
    assert document.core_properties.title == "Service Contract for Water Treatment Plants"
    headings = [p.text for p in document.paragraphs if p.style is not None and p.style.name == "Heading 1"]
    assert headings[:2] == ["Subject and plants", "Services of the Contractor"]
    assert [len(table.rows) for table in document.tables] == [4, 4, 9]
    with zipfile.ZipFile(path) as archive:
        notes = archive.read("word/footnotes.xml").decode()
        body = archive.read("word/document.xml").decode()
    assert "Activated carbon is replaced earlier" in notes
    assert body.count("w:footnoteReference") == 2


def test_five_questions_one_without_an_answer() -> None:
    assert len(QUESTIONS["demo"]) == 5
    assert [question["document"] for question in QUESTIONS["demo"]].count(None) == 1


@pytest.mark.parametrize(
    "question", [q for q in ALL if q["document"]], ids=lambda question: question["question"]
)
def test_phrase_is_where_the_question_says(documents: Path, question: dict) -> None:
    path = documents / question["document"]
    if path.suffix == ".pdf":
        pages = pdf_pages(path)
        assert question["phrase"] in pages[question["page"] - 1]
    else:
        assert question["page"] is None
        assert question["phrase"] in docx_text(path)


@pytest.mark.parametrize("word", ["dog", "auditor"])
def test_unanswerable_topics_are_nowhere(documents: Path, word: str) -> None:
    everything = " ".join(text for path in documents.glob("*.pdf") for text in pdf_pages(path))
    everything += " ".join(docx_text(path) for path in documents.glob("*.docx"))
    assert f" {word}" not in everything.lower()
