"""The reader of the page in a headless Chromium, for `benchmarks.reader_marks`."""

import shutil
from typing import Any, cast

import httpx
import msgspec
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

_LOOK = """
    const [docId, quotes] = [arguments[0], arguments[1]];
    const done = arguments[arguments.length - 1];
    const main = document.querySelector("script[type=module]").src;
    const module = (name) => import(main.replace("main.js", name));
    (async () => {
        const [{openPdf}, {placesInPdf}, {rectanglesOf}, {foldText}] = await Promise.all([
            "core/pdf.js", "stores/quote-places.js", "core/mark-geometry.js", "core/letters.js",
        ].map(module));
        const file = await openPdf(docId, () => {});
        const found = [];
        for (const {page, text: quote} of quotes) {
            await file.text(page);
            const began = performance.now();
            const places = await placesInPdf({quote, page}, file);
            const here = places.find(({part}) => part === page)?.stretches ?? [];
            const [text, viewport] = [await file.text(page), await file.viewport(page)];
            const boxes = here.map((stretch) => rectanglesOf(text, stretch, viewport));
            const isOnPage = ({left, top, width, height}) => Math.min(width, height) > 0
                && Math.min(left, top) > -0.1 && Math.max(left + width, top + height) < 1.1;
            const marked = here.filter((_, index) => boxes[index].length && boxes[index].every(isOnPage));
            const letters = marked.reduce((sum, {start, end}) => sum + end - start, 0);
            const share = letters / foldText(quote).length;
            found.push({share, milliseconds: performance.now() - began});
        }
        file.close();
        done(found);
    })().catch((error) => done(String(error)));
"""
# The page gets an answer that cites these quotes; everything else is as it is.
_ANSWER = """
    const original = window.fetch;
    const body = JSON.stringify({items: [{id: 1, answers: null, citations: arguments[0]}], total: 1});
    window.fetch = (path, options) => String(path).includes("/messages?")
        ? Promise.resolve(new Response(body, {headers: {"content-type": "application/json"}}))
        : original(path, options);
"""
_CLICK = """
    const link = document.createElement("a");
    link.href = arguments[0];
    document.body.append(link);
    performance.clearMeasures();
    link.click();
    link.remove();
"""
_MARKED = "return performance.getEntriesByName('reader:marked')[0]?.duration"


class Quote(msgspec.Struct, frozen=True):
    """A text on a page, which is counted from 1."""

    document: str
    page: int
    text: str


class Outcome(msgspec.Struct, frozen=True):
    """`share` of the quote's letters that are marked on its page, 0 to 1."""

    quote: Quote
    share: float
    milliseconds: float


class Browser:
    """The page in a headless Chromium."""

    def __init__(self, base: str) -> None:
        chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
        if chromium is None or chromedriver is None:
            raise SystemExit("This benchmark needs chromium and chromedriver.")
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(flag)
        self.base = base
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
        self.driver.set_script_timeout(600)
        self.driver.set_window_size(1440, 900)

    def sign_in(self, session: httpx.Client) -> None:
        """Use the session of a client that is signed in."""
        self.driver.get(self.base)
        for name, value in session.cookies.items():
            self.driver.add_cookie({"name": name, "value": value})

    def look(self, doc_id: int, quotes: list[Quote]) -> list[Outcome]:
        """Look for quotes in one document."""
        wanted = [{"page": quote.page, "text": quote.text} for quote in quotes]
        found = self.driver.execute_async_script(_LOOK, doc_id, wanted)
        if isinstance(found, str):
            raise AssertionError(f"{quotes[0].document}: {found}")
        return [Outcome(quote, **one) for quote, one in zip(quotes, found, strict=True)]

    def clicks(self, doc_id: int, quotes: list[Quote]) -> list[float]:
        """Open citations of one document; returns milliseconds from each click to the mark on its page."""
        citations = [
            {"n": n, "doc_id": doc_id, "title": "", "page": one.page, "heading": None, "quote": one.text}
            for n, one in enumerate(quotes, 1)
        ]
        self.driver.get(f"{self.base}/c/1")
        waiting = WebDriverWait(self.driver, 30, 0.05)
        waiting.until(lambda driver: driver.find_elements("css selector", ".shell"))
        self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "import(document.querySelector('script[type=module]').src.replace('main.js', 'core/pdf.js'))"
            ".then((m) => m.loadLibrary()).then(done);"
        )
        self.driver.execute_script(_ANSWER, citations)
        times = []
        for citation in citations:
            self.driver.execute_script(_CLICK, f"/c/1/cite/1/{citation['n']}")
            times.append(float(cast(Any, waiting.until(lambda driver: driver.execute_script(_MARKED)))))
        return times
