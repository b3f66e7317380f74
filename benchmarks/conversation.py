"""The page with a long chat: how long it blocks the browser, and how smoothly an answer is streamed.

    python -m benchmarks.conversation [--messages 1000] [--tokens 6000] [--interval 0.003] [--json]

A headless Chromium loads a chat of so many messages, asks a question, and shows an answer of so many tokens
of `benchmarks.fake_llm` (6,000 are 26,000 characters, and one paragraph, which every piece draws again). Of
each task of the main thread, the processor time counts: on a busy machine, tasks only seem longer. It needs
chromium and chromedriver.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
from selenium import webdriver
from selenium.webdriver.common.by import By

from benchmarks.service import free_port, serving

_LUMA = [sys.executable, "-c", "from luma_rag.cli import main; main()", "serve", "--port"]
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
_TRACED = "toplevel,devtools.timeline,disabled-by-default-devtools.timeline,blink.user_timing"
_MARK = "asked"
_LONG_SECONDS = 300
_LOAD_ALL = """
    const done = arguments[arguments.length - 1];
    const main = document.querySelector("script[type=module]").src;
    import(main.replace("main.js", "stores/conversation.js"))
        .then((module) => module.conversation.loadAll())
        .then(done);
"""
_COUNT_FRAMES = """
    window.frames_ = [];
    let last = performance.now();
    const tick = (now) => {
        window.frames_.push(now - last);
        last = now;
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
"""


class Result(msgspec.Struct, frozen=True):
    """Milliseconds: the longest tasks while a question is sent and its answer ends, and between frames."""

    messages: int
    characters: int
    longest_tasks: list[float]
    frame_p50: float
    frame_p95: float
    frame_max: float


async def main(arguments: argparse.Namespace) -> Result:
    """Ask the earlier questions without an LLM, then measure with one."""
    port, llm_port = free_port(), free_port()
    account = {"username": "bench", "email": "bench@example.com", "password": secrets.token_hex(16)}
    with tempfile.TemporaryDirectory() as folder:
        environ = {"LUMA_DATA_DIR": folder, "LUMA_LIMITS_QUESTIONS_PER_MINUTE": "0"}
        async with serving([*_LUMA, str(port)], port, environ):
            chat = await asyncio.to_thread(_ask, port, account, arguments.messages // 2)
        llm = [sys.executable, "-m", "benchmarks.fake_llm", "--port", str(llm_port)]
        llm += ["--tokens", str(arguments.tokens), "--interval", str(arguments.interval)]
        environ |= {"LUMA_LLM_BASE_URL": f"http://127.0.0.1:{llm_port}/v1", "LUMA_LLM_MODEL": "fake"}
        async with serving(llm, llm_port, {}), serving([*_LUMA, str(port)], port, environ):
            return await asyncio.to_thread(_measure, port, account, chat)


def _ask(port: int, account: dict[str, str], questions: int) -> int:
    """A chat with so many questions."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        client.post("/api/auth/register", json=account).raise_for_status()
        login = {"username": account["username"], "password": account["password"]}
        client.post("/api/auth/login", json=login).raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        namespace = client.post("/api/namespaces", json={"name": "Long"}).raise_for_status().json()["id"]
        chat: int = client.post("/api/chats", json={"namespace_id": namespace}).json()["id"]
        for i in range(questions):
            question = {"content": f"Question {i}: how many days of leave are there in a year?"}
            client.post(f"/api/chats/{chat}/messages", json=question).raise_for_status()
    return chat


def _measure(port: int, account: dict[str, str], chat: int) -> Result:
    driver = _browser()
    try:
        driver.get(f"http://127.0.0.1:{port}/c/{chat}")
        _wait(driver, lambda: driver.find_elements(By.NAME, "password"))
        for name in ("username", "password"):
            driver.find_element(By.NAME, name).send_keys(account[name])
        driver.find_element(By.CSS_SELECTOR, "#account-form [type=submit]").click()
        _wait(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".question-text"))
        driver.execute_async_script(_LOAD_ALL)
        time.sleep(5)
        messages = len(driver.find_elements(By.CSS_SELECTOR, "article.message"))
        driver.execute_script(f"performance.mark('{_MARK}'); {_COUNT_FRAMES}")
        driver.find_element(By.ID, "question").send_keys("How many days?\n")
        _wait(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".stop"))
        _wait(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".send"))
        frames = sorted(driver.execute_script("return window.frames_"))
        time.sleep(1)
        length = "return [...document.querySelectorAll('luma-answer-text')].at(-1).textContent.length"
        return Result(
            messages,
            driver.execute_script(length),
            _tasks(driver)[:5],
            round(frames[len(frames) // 2], 1),
            round(frames[int(len(frames) * 0.95)], 1),
            round(frames[-1], 1),
        )
    finally:
        driver.quit()


def _browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    options.add_experimental_option("perfLoggingPrefs", {"traceCategories": _TRACED})
    for flag in _FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_window_size(1440, 900)
    driver.set_script_timeout(_LONG_SECONDS)
    return driver


def _tasks(driver: webdriver.Chrome) -> list[float]:
    """The processor times of the main thread's tasks since the mark, longest first."""
    traced: list[dict[str, Any]] = [
        message["params"]
        for entry in driver.get_log("performance")  # type: ignore[no-untyped-call]
        if (message := json.loads(entry["message"])["message"])["method"] == "Tracing.dataCollected"
    ]
    mark = next(event for event in traced if event["name"] == _MARK)
    times = [
        round(event.get("tdur", 0) / 1000, 1)
        for event in traced
        if event["name"] == "RunTask" and event["tid"] == mark["tid"] and event["pid"] == mark["pid"]
        if event["ts"] >= mark["ts"]
    ]
    return sorted(times, reverse=True)


def _wait(driver: webdriver.Chrome, condition: Callable[[], Any]) -> None:
    end = time.monotonic() + _LONG_SECONDS
    while time.monotonic() < end:
        try:
            if condition():
                return
        except Exception as error:
            if "element" not in str(error):
                raise
        time.sleep(0.05)
    raise SystemExit("the page did not get there")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--tokens", type=int, default=6000)
    parser.add_argument("--interval", type=float, default=0.003)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = asyncio.run(main(given))
    print(json.dumps(msgspec.to_builtins(result)) if given.json else result)
