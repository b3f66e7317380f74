"""The page with 5,000 documents in a namespace, and the requests that 100 uploads cause.

    python -m benchmarks.document_list

A real Chromium opens the list of a separate Luma. The figures are medians in milliseconds: from the click on
the tab to the first rows, and from a keystroke in the search field to the row that is found; the longest task
while the whole list is scrolled through; and the numbers of requests while 100 files are sent and read.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text

from luma_rag.settings import Settings
from luma_rag.store import open_store
from tests.browser import PASSWORD, USER, Page
from tests.chromium import chromium
from tests.documents_page import ROW, add_files, broken_pdf, client, open_documents
from tests.service_process import serving

DOCUMENTS = 5000
FILES = 100
ROUNDS = 7
_ROWS = """
INSERT INTO document (user_id, title, file_path, file_metadata, type, is_public, uploaded_at)
SELECT min(users.id), 'Report ' || n, 'none ' || n,
  jsonb_build_object(
    'sha256', n::text, 'size', n * 1000, 'pages', n % 90 + 1, 'original_filename', n || '.pdf'
  ),
  'pdf', false, now() - n * interval '1 minute'
FROM users, generate_series(1, :documents) n GROUP BY n;
"""
_PLACES = """
INSERT INTO placement (doc_id, namespace_id, user_id, placed_at)
SELECT id, :namespace_id, user_id, uploaded_at FROM document;
"""
_HELD = """
INSERT INTO namespace_doc (namespace_id, doc_id, vec_id) SELECT :namespace_id, id, '{}' FROM document;
"""
_INGESTIONS = """
INSERT INTO ingestion (doc_id, namespace_id, state, progress, chunks, attempts, created_at, updated_at)
SELECT id, :namespace_id, 'ready', 1, 20, 1, now(), now() FROM document;
"""
_WATCH = """
window.longest = 0;
new PerformanceObserver((list) => list.getEntries().forEach((task) => {
  window.longest = Math.max(window.longest, task.duration);
})).observe({type: "longtask"});
"""
_COUNT = """
window.requests = {lists: 0, summaries: 0};
const fetched = window.fetch;
window.fetch = (...a) => {
  if (/\\/documents[?]/.test(a[0])) window.requests.lists += 1;
  if (/\\/summary$/.test(a[0])) window.requests.summaries += 1;
  return fetched(...a);
};
"""
# The time from an action to the frame that shows its effect, measured in the page.
_TIMED = """
const done = arguments[arguments.length - 1];
const began = performance.now();
const first = () => document.querySelector("luma-document-row .doc-title")?.textContent ?? "";
const [action, wanted] = arguments;
const isShown = () => first().startsWith(wanted);
const look = () => (isShown() ? done(performance.now() - began) : requestAnimationFrame(look));
new Function(action)();
requestAnimationFrame(look);
"""
_TYPE = """
const input = document.querySelector(".doc-search input");
input.value = "Report 4321";
input.dispatchEvent(new InputEvent("input", {bubbles: true}));
"""


async def fill(folder: Path, namespace_id: int) -> None:
    """Insert documents as ingestion leaves them, without their text."""
    async with open_store(Settings(data_dir=folder)) as store, store.sessions.begin() as session:
        for statement in (_ROWS, _PLACES, _HELD, _INGESTIONS):
            await session.execute(text(statement), {"documents": DOCUMENTS, "namespace_id": namespace_id})


def open_list(page: Page, namespace_id: int) -> dict[str, float]:
    """Milliseconds from the click on the tab to the first rows, and from typing to the row that is found."""
    page.open(f"/n/{namespace_id}")
    tab = f'a[href="/n/{namespace_id}/documents"]'
    page.wait_for(tab)
    click = f"document.querySelector('{tab}').click()"
    rows = page.driver.execute_async_script(_TIMED, click, "Report 1")
    found = page.driver.execute_async_script(_TIMED, _TYPE, "Report 4321")
    return {"first_rows_ms": rows, "found_ms": found}


def scroll(page: Page, namespace_id: int) -> dict[str, float]:
    """Scroll to the end of the list, page by page."""
    open_documents(page, namespace_id)
    page.wait_for(ROW)
    page.driver.execute_script(_WATCH)
    began = time.perf_counter()
    count = "return document.querySelectorAll('luma-document-row').length"
    to_end = "const tab = document.querySelector('.namespace-tab'); tab.scrollTop = tab.scrollHeight"
    while page.driver.execute_script(count) < DOCUMENTS:
        page.driver.execute_script(to_end)
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    return {"scroll_s": seconds, "longest_task_ms": page.driver.execute_script("return window.longest")}


def send(page: Page, folder: Path, namespace_id: int) -> dict[str, float]:
    """Requests from the first byte of 100 files until all have been read."""
    open_documents(page, namespace_id)
    page.wait_for(".empty-state")
    files = [folder / f"{n}.pdf" for n in range(FILES)]
    for file in files:
        file.write_bytes(broken_pdf(f"upload {file.name}"))
    page.driver.execute_script(_COUNT)
    began = time.perf_counter()
    add_files(page, *files)

    def summary() -> dict[str, int]:
        return dict(page.call("GET", f"/api/namespaces/{namespace_id}/documents/summary?"))

    page.wait(lambda: summary()["failed"] == FILES, "the end", 300)
    seconds = time.perf_counter() - began
    time.sleep(5)
    requests: dict[str, float] = page.driver.execute_script("return window.requests")
    return {f"upload_{name}": n for name, n in requests.items()} | {"upload_s": seconds}


def median(measure: Callable[[], dict[str, float]]) -> dict[str, int]:
    """Medians of some rounds."""
    rounds = [measure() for _ in range(ROUNDS)]
    return {name: round(statistics.median(one[name] for one in rounds)) for name in rounds[0]}


def main() -> None:
    """Print the figures as JSON."""
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Path(name), LUMA_LIMITS_UPLOADS_PER_MINUTE="1000") as base,
        chromium(Path(name) / "profile") as driver,
    ):
        page = Page(driver, base)
        page.resize(1440, 900)
        page.open("/")
        account = {"username": USER, "email": "mira@quillhaven.example", "password": PASSWORD}
        page.call("POST", "/api/auth/register", account)
        with client(base) as http:
            full = http.post("/api/namespaces", json={"name": "Full"}).json()["id"]
            empty = http.post("/api/namespaces", json={"name": "Empty"}).json()["id"]
        asyncio.run(fill(Path(name) / "data", full))
        page.open("/")
        page.sign_in()
        figures: dict[str, Any] = {"documents": DOCUMENTS, **median(lambda: open_list(page, full))}
        figures |= {key: round(value, 1) for key, value in scroll(page, full).items()}
        figures |= {"files": FILES, **send(page, Path(name), empty)}
    json.dump(figures, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
