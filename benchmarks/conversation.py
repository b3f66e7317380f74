"""The page with a long chat: how long it blocks the browser, and how smoothly an answer is streamed.

    python -m benchmarks.conversation [--messages 1000] [--tokens 6000] [--interval 0.003] [--json]

A headless Chromium loads a chat of so many messages, asks a question, and shows an answer of so many tokens
of `benchmarks.fake_llm` (6,000 are 23,000 characters, and one paragraph, which every piece draws again). The
machine must be idle: what waits for the processor counts as blocked. It needs chromium and chromedriver.
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
_LONG_SECONDS = 300
_LOAD_ALL = """
    const done = arguments[arguments.length - 1];
    const main = document.querySelector("script[type=module]").src;
    import(main.replace("main.js", "stores/conversation.js"))
        .then((module) => module.conversation.loadAll())
        .then(done);
"""
_OBSERVE = """
    window.longTasks = [];
    const observer = new PerformanceObserver((list) => {
        window.longTasks.push(...list.getEntries().map((entry) => entry.duration));
    });
    observer.observe({ type: "longtask" });
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
    """Milliseconds: the longest tasks above 50 ms while a question is answered, and between frames."""

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
        driver.execute_script(_OBSERVE)
        driver.find_element(By.ID, "question").send_keys("How many days?\n")
        _wait(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".stop"))
        _wait(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".send"))
        frames = sorted(driver.execute_script("return window.frames_"))
        time.sleep(1)
        length = "return [...document.querySelectorAll('luma-answer-text')].at(-1).textContent.length"
        return Result(
            messages,
            driver.execute_script(length),
            sorted(driver.execute_script("return window.longTasks"), reverse=True)[:5],
            round(frames[len(frames) // 2], 1),
            round(frames[int(len(frames) * 0.95)], 1),
            round(frames[-1], 1),
        )
    finally:
        driver.quit()


def _browser() -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in _FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_window_size(1440, 900)
    driver.set_script_timeout(_LONG_SECONDS)
    return driver


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
