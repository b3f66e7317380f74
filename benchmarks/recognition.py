"""How well text recognition reads scans of pages whose text is known, and how long it takes.

    python -m benchmarks.recognition FOLDER [--pages 8] [--json]

FOLDER contains PDF files. Pages with much text, evenly spread over all files, are stored as pictures: clean
at 200 dpi; at 150 dpi with noise, slant, and strong compression; and turned. The words that Luma reads
from the pictures are compared with those that it reads from the pages themselves.
"""

import argparse
import difflib
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pypdfium2
from PIL import Image

from ingest.errors import PermanentError
from ingest.parsers import parse
from ingest.recognition import read_document
from ingest.settings import IngestSettings, ParserLimits
from ingest.types import ParsedDocument, Source

_MUCH_TEXT = 1500


class Look(msgspec.Struct, frozen=True):
    """How a page is scanned. Angles are in degrees to the left, `quality` is that of JPEG."""

    dots_per_inch: int = 200
    quality: int = 75
    noise: float = 0
    slant: float = 0
    turned: int = 0


LOOKS = {
    "clean": Look(),
    "poor": Look(dots_per_inch=150, quality=40, noise=25, slant=1.5),
    "turned left": Look(turned=90),
    "turned right": Look(turned=270),
    "upside down": Look(turned=180),
}


class Result(msgspec.Struct, frozen=True):
    """Medians over pages, from 0 to 1, and the elapsed seconds a page."""

    pages: int
    words_found: float
    words_right: float
    order: float
    seconds: float


def measure(folder: Path, pages: int) -> dict[str, Result]:
    """The results for each look."""
    known = list(_pages(sorted(folder.rglob("*.pdf"))))
    chosen = known[:: max(1, len(known) // pages)][:pages]
    return {name: _result([_scores(*page, look) for page in chosen]) for name, look in LOOKS.items()}


def _result(scores: list[tuple[float, float, float, float]]) -> Result:
    return Result(len(scores), *(round(statistics.median(column), 3) for column in zip(*scores, strict=True)))


def _pages(paths: list[Path]) -> Iterator[tuple[Path, int, list[str]]]:
    """File, number and words of the pages with much text."""
    for path in paths:
        try:
            document = parse(path, ParserLimits())
        except PermanentError:
            continue
        for number in range(1, (document.pages or 0) + 1):
            text = _text(document, number)
            if len(text) >= _MUCH_TEXT:
                yield path, number, _words(text)


def _text(document: ParsedDocument, page: int) -> str:
    return "\n".join(passage.text for passage in document.passages if passage.page == page)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _scores(path: Path, number: int, expected: list[str], look: Look) -> tuple[float, float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder, "scan.pdf")
        _scan(path, number, look, scan)
        started = time.perf_counter()
        try:
            text = _text(read_document(Source(scan, "scan"), IngestSettings(), lambda done: None), 1)
        except PermanentError:
            text = ""
        seconds = time.perf_counter() - started
    words = _words(text)
    same = (Counter(words) & Counter(expected)).total()
    order = difflib.SequenceMatcher(None, expected, words, autojunk=False).ratio()
    return same / len(expected), same / max(1, len(words)), order, seconds


def _scan(path: Path, number: int, look: Look, scan: Path) -> None:
    with pypdfium2.PdfDocument(path) as document:
        drawn = document[number - 1].render(scale=look.dots_per_inch / 72).to_pil().convert("L")
    picture = drawn.rotate(look.slant, Image.Resampling.BICUBIC, fillcolor=255)
    noise = np.random.default_rng(1).normal(0, look.noise, (picture.height, picture.width))
    noisy = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    picture = Image.fromarray(noisy).rotate(look.turned, expand=True)
    picture.save(scan, "PDF", resolution=look.dots_per_inch, quality=look.quality)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = measure(arguments.folder, arguments.pages)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(results).decode() + "\n")
        return
    for name, result in results.items():
        sys.stdout.write(
            f"{name:13} {result.pages} pages: words found {result.words_found:.3f}, right "
            f"{result.words_right:.3f}, order {result.order:.3f}, {result.seconds:.1f} s a page\n"
        )


if __name__ == "__main__":
    main()
