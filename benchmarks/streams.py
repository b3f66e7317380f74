"""Streamed answers: time to the first token beyond the LLM's own, and the server's CPU time per question.

    python -m benchmarks.streams [--streams 1 200] [--processes 1] [--tokens 60] [--json]

`luma serve` answers questions about the sample documents in `docs/demo`, with `benchmarks.fake_llm` as its
LLM; both run in processes of their own. With one stream, questions follow each other; with more, all clients
ask at once, each its own user in its own chat. The LLM's own time is that of the same number of clients that
ask it directly. CPU is that of the web processes, and that of Postgres.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import uvloop
from sqlalchemy import insert

from benchmarks.corpus import documents_in, open_corpus
from benchmarks.scale import Times
from benchmarks.service import free_port, serving
from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.accounts.sessions import hash_secret
from luma_rag.accounts.tokens import new_secret
from luma_rag.db.base import utcnow
from luma_rag.db.embedded import running, stop
from luma_rag.db.models import ApiToken, Chat, Namespace, User

DEMO = Path(__file__).parent.parent / "docs" / "demo" / "documents"
QUESTIONS = (
    "How many days of paid vacation do employees have?",
    "How is the dosing pump cleaned?",
    "How large was last year's revenue?",
    "Who approves travel expenses?",
    "What does the warranty cover?",
)
_ALONE = 15


class Result(msgspec.Struct, frozen=True):
    """Concurrent streams: milliseconds to the first token of the LLM alone, of Luma, and of Luma beyond the
    LLM; and CPU milliseconds of the web processes and of Postgres per question.
    """

    streams: int
    processes: int
    llm: Times
    luma: Times
    added: Times
    processor: float
    database: float


async def first_token(port: int, head: str, body: bytes, mark: bytes) -> float:
    """The seconds until `mark` arrives; reads the stream to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    began = time.perf_counter()
    head = (
        f"POST {head}Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    taken, seen = 0.0, b""
    while not seen.endswith(b"0\r\n\r\n"):
        piece = await reader.read(2**16)
        if not piece:
            raise AssertionError(seen[-500:])
        seen += piece
        if not taken and mark in seen:
            taken = time.perf_counter() - began
    writer.close()
    if not taken or b"event: error" in seen:
        raise AssertionError(seen[-500:])
    return taken


async def ask(count: int, one: Callable[[int], Awaitable[float]]) -> list[float]:
    """The seconds of each of `count` concurrent clients, or of one that asks repeatedly."""
    if count == 1:
        return [await one(number) for number in range(_ALONE)]
    return list(await asyncio.gather(*map(one, range(count))))


def web_processes(pid: int) -> list[int]:
    """The server and its children, without the worker."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_text()
        if "luma_rag" in command and "luma_rag.worker" not in command:
            found.append(int(child))
    return found


def postgres_processes(data_dir: Path) -> list[int]:
    """The embedded Postgres: its first process, and those that it has started."""
    lines = (data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
    return [int(lines[0]), *map(int, Path(f"/proc/{lines[0]}/task/{lines[0]}/children").read_text().split())]


def processor_seconds(pids: Sequence[int]) -> float:
    """CPU time so far, of all threads, from the scheduler: ticks of 10 ms are too coarse."""
    threads = [thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


async def prepare(data_dir: Path, users: int) -> tuple[list[str], list[int]]:
    """The sample documents in a public namespace; tokens of users, and a chat of each."""
    async with open_corpus(data_dir, PackagedEmbedder(profile="int8-v1")) as corpus:
        await corpus.ingest(documents_in(DEMO))
        secrets = [new_secret() for _ in range(users)]
        async with corpus.store.sessions.begin() as session:
            (await session.get_one(Namespace, corpus.namespace_id)).is_public = True
            user_ids = (
                await session.scalars(
                    insert(User).returning(User.id, sort_by_parameter_order=True),
                    [
                        {"username": f"u{n}", "email": f"u{n}@example.com", "password": "-", "role": "user"}
                        for n in range(users)
                    ],
                )
            ).all()
            await session.execute(
                insert(ApiToken),
                [
                    {
                        "user_id": user_id,
                        "name": "t",
                        "token_hash": hash_secret(secret),
                        "created_at": utcnow(),
                        "last_used_at": utcnow(),
                    }
                    for user_id, secret in zip(user_ids, secrets, strict=True)
                ],
            )
            chats = await session.scalars(
                insert(Chat).returning(Chat.id, sort_by_parameter_order=True),
                [
                    {"user_id": user_id, "namespace_id": corpus.namespace_id, "started_at": utcnow()}
                    for user_id in user_ids
                ],
            )
            return secrets, list(chats.all())


async def measure(
    streams: int,
    processes: int,
    ports: tuple[int, int],
    pids: list[int],
    data_dir: Path,
    access: tuple[list[str], list[int]],
) -> Result:
    """Ask the LLM, then Luma."""
    luma, llm = ports
    secrets, chats = access

    async def of_luma(number: int) -> float:
        user = number % len(secrets)
        head = (
            f"/api/chats/{chats[user]}/messages HTTP/1.1\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {secrets[user]}\r\n"
        )
        question = f"{QUESTIONS[number % len(QUESTIONS)]} ({streams} {number})"
        return await first_token(luma, head, json.dumps({"content": question}).encode(), b"event: delta")

    async def of_llm(_: int) -> float:
        body = json.dumps({"messages": [], "stream": True}).encode()
        return await first_token(llm, "/v1/chat/completions HTTP/1.1\r\n", body, b'"content"')

    # One question by each of a few, so that all statements are compiled.
    await ask(8 * processes, of_luma)
    own = await ask(streams, of_llm)
    postgres = postgres_processes(data_dir)
    before = [processor_seconds(pids), processor_seconds(postgres)]
    taken = await ask(streams, of_luma)
    after = [processor_seconds(pids), processor_seconds(postgres)]
    web, database = ((end - start) / len(taken) * 1000 for start, end in zip(before, after, strict=True))
    usual = Times.of(own).p50 / 1000
    return Result(
        streams,
        processes,
        Times.of(own),
        Times.of(taken),
        Times.of([seconds - usual for seconds in taken]),
        round(web, 2),
        round(database, 2),
    )


async def run(data_dir: Path, arguments: argparse.Namespace) -> list[Result]:
    """Start everything and measure each number of streams."""
    access = await prepare(data_dir, max(arguments.streams))
    llm_port, port = free_port(), free_port()
    llm = [
        sys.executable,
        "-m",
        "benchmarks.fake_llm",
        "--port",
        str(llm_port),
        "--tokens",
        str(arguments.tokens),
    ]
    luma = [sys.executable, "-c", "from luma_rag.cli import main; main()", "serve", "--port", str(port)]
    if arguments.processes > 1:
        luma += ["--processes", str(arguments.processes)]
    environ = {
        "LUMA_DATA_DIR": str(data_dir),
        "LUMA_LLM_BASE_URL": f"http://127.0.0.1:{llm_port}/v1",
        "LUMA_LLM_MODEL": "fake",
        "LUMA_LIMITS_QUESTIONS_PER_MINUTE": "0",
    }
    async with serving(llm, llm_port, {}), serving(luma, port, environ) as process:
        pids = web_processes(process.pid)
        return [
            await measure(streams, arguments.processes, (port, llm_port), pids, data_dir, access)
            for streams in arguments.streams
        ]


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure streamed answers.")
    parser.add_argument("--streams", type=int, nargs="+", default=(1, 200))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=60, help="pieces of each answer")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder)):
                results = uvloop.run(run(Path(folder), arguments))
        finally:
            stop(Path(folder))
    if arguments.json:
        print(msgspec.json.encode(results).decode())
        return
    columns = ("LLM p50", "LLM p95", "Luma p50", "Luma p95", "added p50", "added p95", "CPU", "Postgres")
    print(f"{'streams':>7} {'processes':>9} " + " ".join(f"{name:>9}" for name in columns))
    for result in results:
        figures = [
            figure for times in (result.llm, result.luma, result.added) for figure in (times.p50, times.p95)
        ]
        print(
            f"{result.streams:7} {result.processes:9} "
            + " ".join(f"{figure:9.1f}" for figure in (*figures, result.processor, result.database))
        )


if __name__ == "__main__":
    main()
