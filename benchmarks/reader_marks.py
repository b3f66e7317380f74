"""Whether the reader of the page finds quotes on their page and marks them, in a real browser, and how fast.

    python -m benchmarks.reader_marks FOLDER [--sentences 2600] [--clicks 2] [--json] [--misses]

FOLDER contains `documents/` and `questions.jsonl`, as for `benchmarks.docqa`. The quotes are sentences of
its PDF files as Luma reads them, evenly spread over all pages, and the evidence of the questions, which
people have copied. Each is looked for by the modules of the page. It is marked if marks on its page cover
nearly all of its letters. Then citations are opened by links, `--clicks` in each document, and the time is
taken from the click to the page on the screen with its mark. The first click loads the document.
"""

import argparse
import asyncio
import math
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.reader_browser import Browser, Outcome, Quote
from benchmarks.service import free_port, serving
from ingest.errors import PermanentError
from ingest.parsers.pdf import parse_pdf
from ingest.settings import ParserLimits

_ACCOUNT = {"username": "reader", "email": "reader@example.com", "password": "a long enough passphrase"}
_SHORTEST, _LONGEST = 40, 400
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n\n")
_NEARLY_ALL = 0.95
_HALF = 0.5


class Report(msgspec.Struct, frozen=True):
    """Shares from 0 to 1, and medians. A quote is partly marked if marks cover at least half of it."""

    sentences: int
    marked: float
    marked_partly: float
    evidence: int
    evidence_marked: float
    evidence_marked_partly: float
    median_milliseconds: float
    first_click_milliseconds: float
    slowest_first_click_milliseconds: float
    next_click_milliseconds: float


def sentences_in(path: Path) -> Iterator[Quote]:
    """The sentences of a PDF, of ordinary length."""
    try:
        with path.open("rb") as file:
            passages = parse_pdf(file, ParserLimits()).passages
    except PermanentError:
        return
    for passage in passages:
        for sentence in _SENTENCE_END.split(passage.text):
            text = " ".join(sentence.split())
            if _SHORTEST <= len(text) <= _LONGEST and passage.page is not None:
                yield Quote(path.name, passage.page, text)


def evidence_in(folder: Path) -> Iterator[Quote]:
    """The texts that answer the questions, which people have copied from the documents."""
    for line in (folder / "questions.jsonl").read_text().splitlines():
        entry: dict[str, Any] = msgspec.json.decode(line)
        for place in entry.get("evidence") or [entry]:
            document, page = place.get("document", entry["document"]), place.get("page")
            text = place.get("text") or place.get("evidence_text")
            if document and document.endswith(".pdf") and page and text:
                yield Quote(document, page, text)


def sample(sentences: list[Quote], size: int) -> list[Quote]:
    """`size` of them at even distances."""
    step = max(1.0, len(sentences) / size)
    return [sentences[int(index * step)] for index in range(min(size, len(sentences)))]


def upload(client: httpx.Client, paths: list[Path]) -> dict[str, int]:
    """Upload files to no namespace, where nothing reads them; returns their ids by name."""
    client.get("/").raise_for_status()
    client.post("/api/auth/register", json=_ACCOUNT, headers=_csrf(client)).raise_for_status()
    credentials = {name: _ACCOUNT[name] for name in ("username", "password")}
    client.post("/api/auth/login", json=credentials, headers=_csrf(client)).raise_for_status()
    ids = {}
    for path in paths:
        files = {"file": (path.name, path.read_bytes())}
        response = client.post("/api/documents", files=files, headers=_csrf(client)).raise_for_status()
        ids[path.name] = response.json()["id"]
    return ids


def _csrf(client: httpx.Client) -> dict[str, str]:
    return {"x-csrftoken": client.cookies.get("csrftoken") or ""}


class Measured(msgspec.Struct):
    """The outcome of every quote, and the milliseconds of clicks by document."""

    sentences: list[Outcome] = []
    evidence: list[Outcome] = []
    clicks: list[list[float]] = []


def measure(base: str, folder: Path, size: int, clicks: int) -> Measured:
    """Look for all quotes, and open some of them in each document."""
    paths = sorted((folder / "documents").glob("*.pdf"))
    chosen = sample([sentence for path in paths for sentence in sentences_in(path)], size)
    evidence = sorted(evidence_in(folder), key=lambda quote: quote.document)
    measured = Measured()
    with httpx.Client(base_url=base, timeout=120) as client:
        ids = upload(client, paths)
        browser = Browser(base)
        try:
            browser.sign_in(client)
            for name, group in groupby(chosen, lambda quote: quote.document):
                found = browser.look(ids[name], list(group))
                measured.sentences += found
                marked = [outcome.quote for outcome in found if outcome.share >= _NEARLY_ALL]
                measured.clicks.append(browser.clicks(ids[name], sample(marked, clicks)))
            for name, group in groupby(evidence, lambda quote: quote.document):
                measured.evidence += browser.look(ids[name], list(group))
        finally:
            browser.driver.quit()
    return measured


def summary(measured: Measured) -> Report:
    """Shares over all quotes and medians over all documents."""
    first = [times[0] for times in measured.clicks if times]
    following = [time for times in measured.clicks for time in times[1:]]
    return Report(
        sentences=len(measured.sentences),
        marked=_share(measured.sentences, _NEARLY_ALL),
        marked_partly=_share(measured.sentences, _HALF, _NEARLY_ALL),
        evidence=len(measured.evidence),
        evidence_marked=_share(measured.evidence, _NEARLY_ALL),
        evidence_marked_partly=_share(measured.evidence, _HALF, _NEARLY_ALL),
        median_milliseconds=round(statistics.median(one.milliseconds for one in measured.sentences), 2),
        first_click_milliseconds=round(statistics.median(first)),
        slowest_first_click_milliseconds=round(max(first)),
        next_click_milliseconds=round(statistics.median(following or first)),
    )


def _share(outcomes: list[Outcome], least: float, below: float = math.inf) -> float:
    return round(sum(least <= outcome.share < below for outcome in outcomes) / max(1, len(outcomes)), 4)


async def run(folder: Path, size: int, clicks: int) -> Measured:
    """Start Luma on an empty data directory, and measure."""
    port = free_port()
    entry = "from luma_rag.cli import main; main()"
    command = [sys.executable, "-c", entry, "serve", "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="luma-") as data_dir:
        async with serving(command, port, {"LUMA_DATA_DIR": data_dir}):
            return await asyncio.to_thread(measure, f"http://127.0.0.1:{port}", folder, size, clicks)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure how many quotes the reader marks on their page.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sentences", type=int, default=2600, help="number of sentences (default: 2600)")
    parser.add_argument(
        "--clicks", type=int, default=2, help="citations opened in each document (default: 2)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--misses", action="store_true", help="print the sentences that were not marked")
    arguments = parser.parse_args()
    measured = asyncio.run(run(arguments.folder, arguments.sentences, arguments.clicks))
    found = summary(measured)
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        for name, value in msgspec.structs.asdict(found).items():
            print(f"{name.replace('_', ' '):34} {value}")
    if arguments.misses:
        for outcome in [*measured.sentences, *measured.evidence]:
            if outcome.share < _NEARLY_ALL:
                place = f"{outcome.quote.document} {outcome.quote.page}"
                print(f"{outcome.share:.2f} {place}: {outcome.quote.text}")


if __name__ == "__main__":
    main()
