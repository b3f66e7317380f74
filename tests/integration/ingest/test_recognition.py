"""Pages that are pictures are read by text recognition, with the real models, or named as unread."""

import io
import re
import signal
import threading
from collections import Counter
from pathlib import Path

import psutil
import pypdfium2
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from ingest import recognition, sandbox
from ingest.errors import NoTextError
from ingest.messages import Request
from ingest.recognition import read_document
from ingest.settings import IngestSettings, ParserLimits
from ingest.types import ParsedDocument, Source
from tests import factories

TEXT = """Rules of the allotment garden association
Every member pays a rent of 184.50 crowns a year, due on the first of March.
Water is shut off from November to the end of March, because of frost.
Bonfires are permitted on Saturdays only, and never within 25 meters of a shed.
Whoever gives up a garden informs the chairwoman, Dr. Ingrid Halvorsen, by letter
of at least three months. Compensation for trees and bushes is at most 1,200 crowns.
Bees may be kept by members who have passed the course of the county (form B-17)."""
SETTINGS = IngestSettings()


def scanned(path: Path, *pages: str, turned: int = 0) -> Path:
    """A PDF whose pages are pictures of these texts, turned to the left by some degrees."""
    typed = pypdfium2.PdfDocument(factories.pdf(path.with_suffix(".typed.pdf"), *pages))
    canvas = Canvas(str(path))
    for page in typed:
        picture = page.render(scale=2.5).to_pil().convert("L")
        _draw(canvas, picture.crop((0, 0, picture.width, picture.height // 4)).rotate(turned, expand=True))
    typed.close()
    canvas.save()
    return path


def _draw(canvas: Canvas, picture: Image.Image) -> None:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=60)
    width, height = picture.width / 2, picture.height / 2
    canvas.setPageSize((width, height))
    canvas.drawImage(ImageReader(file), 0, 0, width, height)
    canvas.showPage()


def read(path: Path, settings: IngestSettings = SETTINGS) -> ParsedDocument:
    return read_document(Source(path, "scan"), settings, lambda done: None)


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def named(document: ParsedDocument) -> dict[str, list[int]]:
    return {warning.code: warning.pages for warning in document.reading_warnings}


@pytest.mark.parametrize("turned", [0, 90, 270])
def test_words_of_a_scan_are_found_in_their_order(tmp_path: Path, turned: int) -> None:
    document = read(scanned(tmp_path / "scan.pdf", TEXT, turned=turned))
    (passage,) = document.passages
    found, expected = words(passage.text), words(TEXT)
    assert (found & expected).total() >= 0.95 * max(expected.total(), found.total()), passage.text
    first, last = passage.text.index("allotment"), passage.text.index("B-17")
    assert first < passage.text.index("Bonfires") < last
    assert (passage.page, named(document), document.unread) == (1, {"recognized": [1]}, [])


def test_pages_are_read_one_by_one_and_only_where_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pdf"
    canvas = Canvas(str(path))
    canvas.drawString(50, 700, "The lease is typed.")
    canvas.showPage()
    for word in ("APPLES", "PEARS"):
        picture = Image.new("L", (840, 594), "white")
        ImageDraw.Draw(picture).text((60, 60), f"{word} are in the picture", "black", font_size=40)
        canvas.drawString(30, 20, "CASE-0042")
        _draw(canvas, picture)
    canvas.save()
    seen: list[float] = []
    document = read_document(Source(path, "mixed"), SETTINGS, seen.append)
    texts = {passage.page: passage.text for passage in document.passages}
    assert texts[1] == "The lease is typed."
    assert "APPLES" in texts[2]
    # The typed stamp stands there once, although it is in the picture too.
    assert (texts[3].count("PEARS"), texts[3].count("0042")) == (1, 1)
    assert named(document) == {"recognized": [2, 3]}
    assert seen == [0.0, 0.5, 1.0]


def test_picture_without_text_is_not_called_unread(tmp_path: Path) -> None:
    path = tmp_path / "photo.pdf"
    canvas = Canvas(str(path))
    canvas.drawString(30, 20, "The harbor in the evening.")
    _draw(canvas, Image.radial_gradient("L").resize((840, 594)))
    canvas.save()
    document = read(path)
    assert [passage.text for passage in document.passages] == ["The harbor in the evening."]
    assert document.warnings == []


def test_text_that_can_not_be_recognized_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mirrored.pdf"
    canvas = Canvas(str(path))
    canvas.drawString(30, 20, "A letter.")
    typed = pypdfium2.PdfDocument(factories.pdf(tmp_path / "typed.pdf", TEXT))
    picture = typed[0].render(scale=2).to_pil().convert("L")
    typed.close()
    _draw(canvas, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    canvas.save()
    document = read(path)
    assert named(document) == {"page_is_picture": [1]}
    assert "could not read it" in document.reading_warnings[0].text
    assert document.passages[0].text == "A letter."


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "is_installed", lambda: False)


@pytest.mark.usefixtures("not_installed")
def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    with pytest.raises(NoTextError, match=r"pip install 'luma-rag\[ocr\]'") as caught:
        read(scanned(tmp_path / "scan.pdf", TEXT))
    assert caught.value.unread == [1]


def test_recognition_can_be_switched_off(tmp_path: Path) -> None:
    book = factories.book_with_a_scan(tmp_path)
    document = read(book, IngestSettings(ocr=False))
    assert named(document)["page_is_picture"] == document.unread
    with pytest.raises(NoTextError, match="scan"):
        read(scanned(tmp_path / "scan.pdf", TEXT), IngestSettings(ocr=False))


def test_pages_beyond_the_limit_stay_unread(tmp_path: Path) -> None:
    settings = IngestSettings(limits=ParserLimits(recognized_pages=1))
    document = read(scanned(tmp_path / "scan.pdf", "Apples are red.", "Pears are green."), settings)
    assert named(document) == {"recognized": [1], "page_is_picture": [2]}
    assert document.unread == [2]


def test_nothing_is_parsed_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scanned(tmp_path / "scan.pdf", "Apples are red.")
    parsed: list[Path] = []

    def parse(path: Path, *settings: object, **more: object) -> ParsedDocument:
        parsed.append(path)
        return sandbox.parse_in_sandbox(path, SETTINGS.limits)

    def stop(done: float) -> None:
        # As a shutdown does: it kills the processes, and then no work goes on.
        if done == 0:
            threading.Thread(target=_stop_with_next_child).start()
        else:
            raise InterruptedError

    monkeypatch.setattr(recognition, "parse_in_sandbox", parse)
    with pytest.raises((InterruptedError, NoTextError)) as caught:
        read_document(Source(path, "scan"), SETTINGS, stop)
    assert caught.type is InterruptedError
    assert parsed == [path]


def _stop_with_next_child() -> None:
    for _ in range(6000):
        launcher = sandbox._recognizer._process
        if launcher and psutil.Process(launcher.pid).children():
            sandbox.stop()
            return
        threading.Event().wait(0.005)


@pytest.mark.parametrize(
    ("how", "times", "expected"),
    [
        (signal.SIGSEGV, 1, {"page_is_picture": [1], "recognized": [2]}),
        # It may have been killed for want of memory, or by mistake.
        (signal.SIGKILL, 1, {"recognized": [1, 2]}),
        (signal.SIGKILL, 2, {"page_is_picture": [1], "recognized": [2]}),
    ],
)
def test_page_whose_process_dies(
    tmp_path: Path, how: signal.Signals, times: int, expected: dict[str, list[int]]
) -> None:
    path = scanned(tmp_path / "scan.pdf", "Apples are red.", "Pears are green.")
    # A new launcher has a child of its own first, to try what contains it.
    sandbox.recognize_in_sandbox(path, 1, recognition.LIMITS)
    crashed: list[psutil.Process] = []

    def crash(done: float) -> None:
        # Before the first page, and before it is tried again, after the second.
        if done in (0, 2 / 3) and len(crashed) < times:
            threading.Thread(target=_crash_next_child, args=(crashed, how)).start()

    document = read_document(Source(path, "scan"), SETTINGS, crash)
    assert len(crashed) == times
    assert named(document) == expected


def _crash_next_child(crashed: list[psutil.Process], how: signal.Signals) -> None:
    for _ in range(6000):
        launcher = sandbox._recognizer._process
        children = psutil.Process(launcher.pid).children() if launcher else []
        if children:
            children[0].send_signal(how)
            crashed += children
            return
        threading.Event().wait(0.005)


STRICT = """
import sys
from ingest import launcher
from ingest.recognition.pages import PageRecognizer

def main():
    recognizer = PageRecognizer()

    def work(file, request):
        missed = []
        events = ("import", "open", "os.listdir")
        sys.addaudithook(lambda event, details: missed.append(details) if event in events else None)
        found = recognizer.recognize(file, request.page)
        if missed:
            raise AssertionError(missed)
        return found

    launcher.serve(0, work)
"""


def test_recognition_needs_nothing_that_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "strict_launcher.py").write_text(STRICT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sandbox._recognizer, "module", "strict_launcher")
    sandbox.stop()
    try:
        with scanned(tmp_path / "scan.pdf", TEXT).open("rb") as file:
            request = Request(recognition.LIMITS, page=1)
            answer = sandbox._answer(sandbox._recognizer, file.fileno(), request)
        assert answer.containment == sandbox.containment()
        launcher = sandbox._recognizer._process
        assert launcher is not None
        # A process with threads should not fork.
        assert psutil.Process(launcher.pid).num_threads() == 1
    finally:
        sandbox.stop()
    assert not caplog.records
    assert answer.recognized is not None, answer.trace
    assert len(answer.recognized.lines) >= 7
