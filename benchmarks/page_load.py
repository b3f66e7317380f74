"""The time until the page is painted, over a slow network.

    python -m benchmarks.page_load

A real Chromium with an empty cache loads the sign-in page of a separate Luma through an emulated network of
150 ms latency and 1.6 Mbit/s. The figures are medians: the first paint, the sign-in form, the bytes received.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from selenium import webdriver

from tests.chromium import chromium
from tests.service_process import serving

ROUNDS = 7
LATENCY_MS = 150
BYTES_PER_SECOND = 1.6e6 / 8
_PAINT = "return performance.getEntriesByType('paint').map((entry) => [entry.name, entry.startTime])"
_BYTES = """
return performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .reduce((sum, entry) => sum + entry.transferSize, 0)
"""


def load(driver: webdriver.Chrome, base: str) -> dict[str, float]:
    """Milliseconds and bytes of one visit with an empty cache and no connection."""
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    began = time.perf_counter()
    driver.get(base)
    while not driver.execute_script("return document.querySelector('#account-form') !== null"):
        time.sleep(0.005)
    form = (time.perf_counter() - began) * 1000
    paints: dict[str, float] = dict(driver.execute_script(_PAINT))
    return {"first_paint": paints["first-paint"], "form": form, "bytes": driver.execute_script(_BYTES)}


def main() -> None:
    """Print the figures as JSON."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as base,
        chromium(Path(folder) / "profile") as driver,
    ):
        driver.execute_cdp_cmd("Network.enable", {})
        network = {
            "offline": False,
            "latency": LATENCY_MS,
            "downloadThroughput": BYTES_PER_SECOND,
            "uploadThroughput": BYTES_PER_SECOND,
        }
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", network)
        visits = [load(driver, base) for _ in range(ROUNDS)]
    figures: dict[str, Any] = {
        name: round(statistics.median(visit[name] for visit in visits)) for name in visits[0]
    }
    json.dump({"network": f"{LATENCY_MS} ms, 1.6 Mbit/s", "visits": ROUNDS, **figures}, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
