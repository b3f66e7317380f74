"""Whether response times reveal hidden facts, such as the existence of an object or an account.

    python -m benchmarks.timing [--pairs 400] [--json]

On a separate embedded database and server, a stranger requests hidden and nonexistent objects in pairs, and
signs in with a wrong password as an existing and a nonexistent user in pairs. The order within pairs
alternates. The result is the median of the paired differences, relative to the median time, with its 95 %
interval. If the interval contains 0, no difference was detected.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec

from benchmarks.access import median_with_interval
from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.accounts.passwords import hash_password
from luma_rag.db.embedded import running, stop
from luma_rag.db.models import User
from luma_rag.runtime import Runtime, open_services
from luma_rag.settings import Settings
from luma_rag.store import open_store
from tests.access.tenants import make_tenant
from tests.conftest import serving

MISSING = 2_000_000_000
# Sign-in limits also apply per address, so each attempt comes from a different address, through a proxy.
PROXY = "127.0.0.1"

Request = tuple[str, str, dict[str, object]]


class Difference(msgspec.Struct, frozen=True):
    """Results of one call: the median in milliseconds for nonexistent objects, and the relative increase for
    existing ones, with the bounds of its 95 % interval.
    """

    call: str
    missing: float
    share: float
    low: float
    high: float


class Call(msgspec.Struct, frozen=True):
    """A call in two forms, and the expected status of both."""

    name: str
    status: int
    hidden: Callable[[], Request]
    missing: Callable[[], Request]


async def calls(runtime: Runtime, pairs: int) -> tuple[list[Call], dict[str, str]]:
    """The calls to compare, and the headers of the stranger."""
    stranger, _ = await make_tenant(runtime, "own")
    hidden, namespace_id = await make_tenant(runtime, "hidden")
    hashed = await hash_password("the password of everybody", "a user", "user@example.com")
    async with runtime.sessions.begin() as session:
        session.add_all(
            User(username=f"known{n}", email=f"known{n}@example.com", password=hashed, role="user")
            for n in range(pairs)
        )
    addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))

    def about(method: str, path: str, thing_id: int, **options: object) -> Callable[[], Request]:
        return lambda: (method, path.format(thing_id), {"headers": stranger.session, **options})

    def both(name: str, method: str, path: str, thing_id: int, **options: object) -> Call:
        return Call(
            name, 404, about(method, path, thing_id, **options), about(method, path, MISSING, **options)
        )

    def signing_in(names: Iterator[str]) -> Callable[[], Request]:
        def made() -> Request:
            body = {"username": next(names), "password": "not the password of anybody"}
            return "POST", "/api/auth/login", {"json": body, "headers": {"x-forwarded-for": next(addresses)}}

        return made

    doc_id, ingestion_id, chat_id = (hidden.ids[kind][0] for kind in ("document", "ingestion", "chat"))
    return [
        both("namespace", "GET", "/api/namespaces/{}", namespace_id),
        both("documents of a namespace", "GET", "/api/namespaces/{}/documents", namespace_id),
        both("search", "POST", "/api/namespaces/{}/search", namespace_id, json={"query": "text"}),
        both("document", "GET", "/api/documents/{}", doc_id),
        both("file", "GET", "/api/documents/{}/file", doc_id),
        both("ingestion", "GET", "/api/ingestions/{}", ingestion_id),
        both("chat", "GET", "/api/chats/{}", chat_id),
        Call(
            "sign-in",
            401,
            signing_in(f"known{n}" for n in itertools.count()),
            signing_in(f"unknown{n}" for n in itertools.count()),
        ),
    ], stranger.session


async def compare(client: httpx.AsyncClient, call: Call, pairs: int) -> Difference:
    """Send a call in both forms, in pairs."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(pairs):
        for is_hidden in (True, False) if number % 2 else (False, True):
            method, url, options = (call.hidden if is_hidden else call.missing)()
            client.cookies.clear()
            began = time.perf_counter()
            answer = await client.request(method, url, **options)  # type: ignore[arg-type]
            times[is_hidden].append((time.perf_counter() - began) * 1000)
            if answer.status_code != call.status:
                raise AssertionError(f"{method} {url}: {answer.status_code} {answer.text}")
    missing = statistics.median(times[False])
    more = median_with_interval([h - m for h, m in zip(times[True], times[False], strict=True)])
    return Difference(call.name, round(missing, 3), *(round(ms / missing, 4) for ms in more))


async def measure(runtime: Runtime, base_url: str, pairs: int) -> list[Difference]:
    """Compare all calls on a server that trusts the proxy at `PROXY`."""
    compared, headers = await calls(runtime, pairs)
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        for _ in range(10):  # The first calls find an empty cache.
            await client.get(f"/api/namespaces/{MISSING}", headers=headers)
        return [await compare(client, call, pairs) for call in compared]


async def _run(url: str, folder: Path, pairs: int) -> list[Difference]:
    chosen = Settings(data_dir=folder, database_url=url, trusted_proxies=PROXY)
    async with (
        open_store(chosen) as store,
        open_services(store, PackagedEmbedder(threads=1)) as runtime,
        serving(runtime) as base_url,
    ):
        return await measure(runtime, base_url, pairs)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Compare response times for hidden and nonexistent objects.")
    parser.add_argument("--pairs", type=int, default=400, help="pairs per call (default: 400)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder) / "db", grace=0) as url:
                found = asyncio.run(_run(url, Path(folder) / "data", arguments.pairs))
        finally:
            stop(Path(folder) / "db")
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return
    print(f"{'call':25} {'missing':>10}  increase if it exists, 95 %", file=sys.stdout)
    for difference in found:
        print(
            f"{difference.call:25} {difference.missing:7.2f} ms {difference.share:7.1%}  "
            f"{difference.low:.1%} to {difference.high:.1%}"
        )


if __name__ == "__main__":
    main()
