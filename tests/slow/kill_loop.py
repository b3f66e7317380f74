"""Kills parts of a running Luma again and again, while people upload, ask, and share.

`python -m tests.slow.kill_loop --rounds 200` prints a table of what was killed. It exits with 1 if anything
that Luma had acknowledged was lost, was stored in part, or was left behind.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import text

from luma_rag.db.embedded import running, stop
from luma_rag.db.session import create_engine, create_sessions
from luma_rag.documents.storage import FileStorage
from luma_rag.verify import verify
from tests import factories
from tests.processes import ask_each, kill

PASSWORD = "correct horse battery"
# One read of what has been stored may take this long on a busy machine.
_PATIENCE = 120.0
_WORK = ("uploads", "deletions", "changes of shares", "questions", "answers")
_TARGETS = ("everything", "server", "worker", "postgres", "supervisor", "a backend", "terminate the server")


# --- The LLM: words in a steady trickle, so that answers are under way at any moment. ---


class _TrickleHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            for number in range(20):
                chunk = {
                    "choices": [{"index": 0, "delta": {"content": f"word {number} "}, "finish_reason": None}]
                }
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.1)
            self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def trickling_llm() -> Iterator[str]:
    """The base URL of an OpenAI-compatible server that takes two seconds for an answer."""

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), _TrickleHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


# --- The service under test ---


class Service:
    """`luma serve` as a process on a fixed port, started again after it was killed."""

    def __init__(self, folder: Path, llm: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self._log = (folder / "serve.log").open("ab")
        self._llm = llm
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
        environment |= {
            "LUMA_DATA_DIR": str(self.data_dir),
            "LUMA_LLM_BASE_URL": self._llm,
            "LUMA_LLM_MODEL": "trickle",
            "LUMA_LIMITS_QUESTIONS_PER_MINUTE": "0",
            "LUMA_LIMITS_UPLOADS_PER_MINUTE": "0",
            "LUMA_LIMITS_SEARCHES_PER_MINUTE": "0",
        }
        if not self.port:
            self.port = free_port()
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("luma")), "serve", "--port", str(self.port)],
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self, target: str) -> None:
        """Kill -9 a part of the service, or stop the server with SIGTERM and require that it exits with 0."""
        assert self.process is not None
        if target == "terminate the server":
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(timeout=60)
            assert code == 0, f"exit code {code} after SIGTERM"
            return
        families = self._families()
        victims = {
            "everything": set(itertools.chain.from_iterable(families.values())),
            "server": {psutil.Process(self.process.pid)},
            "worker": families["worker"],
            "postgres": families["postgres"],
            "supervisor": families["supervisor"],
            "a backend": set(random.sample(sorted(families["postgres"], key=lambda p: p.pid), 1)),
        }[target]
        kill(victims)
        if target in ("everything", "server"):
            self.process.wait(timeout=30)

    def _families(self) -> dict[str, set[psutil.Process]]:
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        found: dict[str, set[psutil.Process]] = {
            "server": {server},
            "worker": set(),
            "postgres": set(),
            "supervisor": set(),
        }
        candidates = set(server.children(recursive=True))
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.data_dir) in argument for argument in process.info["cmdline"] or []):
                candidates |= {process, *_children(process)}
        for process, command in ask_each(candidates, lambda process: " ".join(process.cmdline())):
            if "supervisor" in command:
                found["supervisor"].add(process)
            elif "postgres" in command:
                found["postgres"].add(process)
            elif "luma_rag.worker" in command or "ingest.launcher" in command:
                found["worker"].add(process)
            else:
                found["server"].add(process)
        assert found["worker"] or found["postgres"], "neither a worker nor Postgres was found"
        return found

    def ensure_running(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.start()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)
        self._log.close()
        stop(self.data_dir)


def _children(process: psutil.Process) -> list[psutil.Process]:
    return next((children for _, children in ask_each([process], lambda p: p.children(recursive=True))), [])


def free_port() -> int:
    with socketserver.TCPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])


# --- The people, and what Luma has acknowledged to them ---


@dataclass
class Acknowledged:
    """What Luma has acknowledged. `None` as a state: a call was cut, so that either outcome is right."""

    documents: dict[int, bool | None] = field(default_factory=dict)
    questions: dict[int, tuple[int, str]] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    partial: dict[int, str] = field(default_factory=dict)
    shares: dict[int, bool | None] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


class People:
    """Threads that upload, delete, ask, and share, until they are stopped."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.acknowledged = Acknowledged()
        self._numbers = itertools.count(1)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._headers: dict[str, str] = {}
        self.namespace = self.chat_ids = None
        self.bob = 0

    def settle_in(self) -> None:
        """Create the accounts, a namespace, and tokens that survive the kills."""
        with httpx.Client(base_url=self.service.url, timeout=60) as client:
            account = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}
            client.post("/api/auth/register", json=account).raise_for_status()
            client.post(
                "/api/auth/login", json={"username": "alice", "password": PASSWORD}
            ).raise_for_status()
            client.headers["x-csrftoken"] = client.cookies["csrftoken"]
            other = {"username": "bob", "email": "bob@example.com", "password": PASSWORD, "role": "user"}
            self.bob = client.post("/api/users", json=other).raise_for_status().json()["id"]
            token = client.post("/api/auth/tokens", json={"name": "kills"}).raise_for_status().json()["token"]
            self._headers = {"authorization": f"Bearer {token}"}
            self.namespace = client.post("/api/namespaces", json={"name": "rules"}).json()["id"]

    def client(self, timeout: float = 20) -> httpx.Client:
        return httpx.Client(base_url=self.service.url, headers=self._headers, timeout=timeout)

    def go(self) -> None:
        self._stopping.clear()
        work = [self._upload, self._upload, self._delete, self._share, self._ask, self._ask]
        self._threads = [threading.Thread(target=self._repeat, args=(task,), daemon=True) for task in work]
        for thread in self._threads:
            thread.start()

    def halt(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a call never ended"

    def _repeat(self, task: Callable[[httpx.Client], None]) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(httpx.HTTPError), self.client() as client:
                task(client)
            self._stopping.wait(random.uniform(0.02, 0.1))

    def _upload(self, client: httpx.Client) -> None:
        number = next(self._numbers)
        path = factories.pdf(
            self.folder / f"rule {number}.pdf", f"Rule number {number}: do it {number} times."
        )
        content = path.read_bytes()
        path.unlink()
        response = client.post(
            "/api/documents",
            files={"file": (path.name, content)},
            data={"namespace_id": str(self.namespace)},
        )
        if response.status_code == 201:
            self.acknowledged.documents[response.json()["id"]] = True
            self.acknowledged.counts["uploads"] += 1
        self._count_internal_error(response)

    def _delete(self, client: httpx.Client) -> None:
        self._stopping.wait(0.5)
        present = [doc for doc, is_there in list(self.acknowledged.documents.items()) if is_there]
        if len(present) < 20:
            return
        doc = random.choice(present)
        self.acknowledged.shares.pop(doc, None)
        self.acknowledged.documents[doc] = None
        response = client.delete(f"/api/documents/{doc}")
        if response.status_code == 204:
            self.acknowledged.documents[doc] = False
            self.acknowledged.counts["deletions"] += 1
        self._count_internal_error(response)

    def _share(self, client: httpx.Client) -> None:
        present = [doc for doc, is_there in list(self.acknowledged.documents.items()) if is_there]
        if not present:
            return
        doc = random.choice(present[:10])
        path = f"/api/documents/{doc}/permissions/{self.bob}"
        is_shared = self.acknowledged.shares.get(doc)
        self.acknowledged.shares[doc] = None
        response = client.delete(path) if is_shared else client.put(path, json={"permission": "read"})
        if response.is_success:
            self.acknowledged.shares[doc] = not is_shared
            self.acknowledged.counts["changes of shares"] += 1
        self._count_internal_error(response)

    def _ask(self, client: httpx.Client) -> None:
        started = client.post("/api/chats", json={"namespace_id": self.namespace})
        self._count_internal_error(started)
        if started.status_code != 201:
            return
        chat, event, question = started.json()["id"], "", 0
        content = f"What is rule number {next(self._numbers)}?"
        with client.stream(
            "POST",
            f"/api/chats/{chat}/messages",
            json={"content": content},
            headers={"accept": "text/event-stream"},
        ) as response:
            for line in response.iter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    if event == "user_message":
                        question = data["id"]
                        self.acknowledged.questions[question] = (chat, content)
                        self.acknowledged.counts["questions"] += 1
                    elif event == "delta":
                        self.acknowledged.partial[question] = (
                            self.acknowledged.partial.get(question, "") + data["text"]
                        )
                    elif event == "llm_message":
                        self.acknowledged.answers[question] = data["content"]
                        self.acknowledged.counts["answers"] += 1

    def _count_internal_error(self, response: httpx.Response) -> None:
        if response.status_code == 500:
            self.acknowledged.counts["internal errors"] += 1


# --- What must hold ---


def outage(people: People, service: Service) -> float:
    """Seconds until a search is answered again."""
    began = time.monotonic()
    while True:
        service.ensure_running()
        with contextlib.suppress(httpx.HTTPError), people.client(timeout=5) as client:
            path = f"/api/namespaces/{people.namespace}/search"
            if client.post(path, json={"query": "rule", "k": 1}).status_code == 200:
                return time.monotonic() - began
        assert time.monotonic() - began < _PATIENCE, "the service did not come back"
        time.sleep(0.1)


def wait_until_settled(people: People) -> None:
    """Wait until nothing is queued or running."""
    deadline = time.monotonic() + _PATIENCE
    path = f"/api/namespaces/{people.namespace}/documents"
    while time.monotonic() < deadline:
        states: list[str] = []
        with contextlib.suppress(httpx.HTTPError), people.client() as client:
            for offset in itertools.count(0, 200):
                page = client.get(path, params={"limit": 200, "offset": offset}).raise_for_status().json()
                states += [item["ingestion"]["state"] for item in page["items"]]
                if not page["items"]:
                    break
            if not any(state in ("queued", "running") for state in states):
                return
        time.sleep(0.3)
    raise AssertionError(f"the queue is not empty after {_PATIENCE} s: {Counter(states)}")


async def complaints(people: People, url: str, data_dir: Path) -> list[str]:
    """What was lost, is stored in part, or was left behind."""
    known = people.acknowledged
    engine = create_engine(url)
    found: list[str] = []
    try:
        verdict = await verify(create_sessions(engine), FileStorage(data_dir / "files", 2**20), deep=True)
        found += [
            f"verify: {finding.check}: {finding.rule} {finding.examples}" for finding in verdict.findings
        ]
        async with engine.connect() as connection:

            async def rows(statement: str) -> list[Any]:
                return list((await connection.execute(text(statement))).all())

            documents = {row.id for row in await rows("SELECT id FROM document")}
            ready = {row.doc_id for row in await rows("SELECT DISTINCT doc_id FROM namespace_doc")}
            states = {row.doc_id: row for row in await rows("SELECT doc_id, state, error FROM ingestion")}
            messages = {row.id: row.content for row in await rows("SELECT id, content FROM message")}
            shared = {row.doc_id for row in await rows("SELECT doc_id FROM doc_user")}
            turns = await rows(
                "SELECT question_id, state, content FROM turn LEFT JOIN message ON message.id = answer_id"
            )
    finally:
        await engine.dispose()
    answers = {row.question_id: row for row in turns}
    for doc, is_there in known.documents.items():
        if is_there and doc not in documents:
            found.append(f"document {doc} is lost")
        if is_there and doc not in ready:
            found.append(f"document {doc} was never ingested: {states.get(doc)}")
        if is_there is False and doc in documents:
            found.append(f"document {doc} is back")
    for doc, is_shared in known.shares.items():
        # A share that was granted while its document was being deleted has gone with it.
        is_kept = known.documents.get(doc)
        if is_kept and is_shared is not None and is_shared != (doc in shared):
            found.append(f"the share of document {doc} is {not is_shared}")
    for question, (_, content) in known.questions.items():
        if messages.get(question) != content:
            found.append(f"question {question} is lost")
        elif question not in answers:
            found.append(f"question {question} has no turn")
        elif answers[question].state == "running":
            found.append(f"the turn of question {question} is running for ever")
        elif question in known.answers and answers[question].content != known.answers[question]:
            found.append(f"the answer to question {question} is lost")
        elif answers[question].state == "complete" and not answers[question].content:
            found.append(f"the answer to question {question} is empty")
    return found


# --- The loop ---


@dataclass
class Result:
    """The result of a loop. `outages` are the seconds without an answered search, by what was killed."""

    rounds: int
    complaints: list[str]
    outages: dict[str, list[float]]
    counts: Counter[str]


def run(folder: Path, rounds: int, *, check_every: int = 10, say: Callable[[str], None] = print) -> Result:
    """Kill `rounds` times and compare what is stored with what was acknowledged."""
    outages: dict[str, list[float]] = {target: [] for target in _TARGETS}
    found: list[str] = []
    with trickling_llm() as llm:
        service = Service(folder, llm)
        people = People(service, folder)
        try:
            service.start()
            _wait_for_start(service)
            people.settle_in()
            for number in range(1, rounds + 1):
                target = _TARGETS[(number - 1) % len(_TARGETS)]
                people.go()
                time.sleep(random.uniform(1, 4))
                service.kill(target)
                seconds = outage(people, service)
                outages[target].append(seconds)
                people.halt()
                say(f"{number:4}  {target:22} {seconds:6.1f} s")
                if number % check_every == 0 or number == rounds:
                    wait_until_settled(people)
                    time.sleep(3)
                    with running(service.data_dir) as url:
                        found = asyncio.run(complaints(people, url, service.data_dir))
                    if found:
                        break
            counts = people.acknowledged.counts
            found += [f"there were no {work}" for work in _WORK if not counts[work]]
            if errors := counts["internal errors"]:
                found.append(f"{errors} requests were answered with 500")
            return Result(number, found, outages, counts)
        finally:
            people.halt()
            service.close()


def _wait_for_start(service: Service) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{service.url}/health/ready", timeout=5).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError("the service did not start")


def main() -> None:
    """Run the loop from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-kills-") as folder:
        result = run(Path(folder), options.rounds, say=lambda line: print(line, file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(result.__dict__, indent=2))
    else:
        print(f"{'killed':22}  rounds  median s  longest s")
        for target, seconds in result.outages.items():
            if seconds:
                middle = sorted(seconds)[len(seconds) // 2]
                print(f"{target:22}  {len(seconds):6}  {middle:8.1f}  {max(seconds):9.1f}")
        print(", ".join(f"{count} {name}" for name, count in sorted(result.counts.items())))
        for complaint in result.complaints:
            print(complaint)
        print(f"{result.rounds} rounds, {len(result.complaints)} complaints")
    sys.exit(bool(result.complaints))


if __name__ == "__main__":
    main()
