"""Calls of all kinds, made up from the service's own OpenAPI document, by several callers.

    python -m tests.access.fuzz [--requests 3000] [--seed N]

Another tenant's texts all carry a mark. Whatever is asked, no answer may contain it, be a 5xx, or have a
status or body that the document does not name, and an error must be problem+json. Ids in paths, queries and
bodies are mostly those of things that exist: the caller's own, shared with them, or the other tenant's.
"""

import argparse
import asyncio
import io
import secrets
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Protocol

import httpx
import requests
import schemathesis
import urllib3
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.db.embedded import running, stop
from luma_rag.runtime import Runtime, open_services, open_store
from luma_rag.settings import Settings
from tests import factories
from tests.access.tenants import PASSWORD, make_tenant
from tests.conftest import serving

METHODS = ("get", "post", "put", "patch", "delete")
EVENTS = "text/event-stream"
# A 413 or 415 is about the body, too: none of them has come to the question who may do this.
NOT_PAST_VALIDATION = {400, 401, 405, 413, 415, 422, 429}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,  # The last: see below.
]
# Which kind of thing a field names by its id.
KINDS = {
    "namespace_id": "namespace",
    "namespace_ids": "namespace",
    "doc_id": "document",
    "doc_ids": "document",
    "user_id": "user",
    "chat_id": "chat",
    "message_id": "message",
    "ingestion_id": "ingestion",
    "token_id": "token",
    "session_id": "session",
    "question_id": "question",
    "run_id": "run",
    "other_id": "run",
}
_ENDS_SOMETHING = {"/api/auth/login", "/api/auth/logout", "/api/auth/password"}


class Fuzz:
    """Makes calls as one caller after the other, and keeps what was wrong with the answers.

    Each operation gets a caller of its own, with everything still there, unless `keeps_callers`.
    """

    def __init__(
        self,
        runtime: Runtime,
        server: "Server",
        loop: asyncio.AbstractEventLoop,
        *,
        keeps_callers: bool = False,
    ) -> None:
        self.runtime = runtime
        self.server = server
        self.loop = loop
        self.keeps_callers = keeps_callers
        self.caller = ""
        self.mark = f"hidden{secrets.token_hex(8)}"
        self.findings: dict[tuple[str, str], str] = {}
        self.statuses: dict[str, Counter[int]] = {}
        self.hidden, _ = self._wait(make_tenant(runtime, self.mark, password=self.mark))
        self.handbook = factories.handbook(runtime.settings.data_dir).read_bytes()

    @property
    def requests(self) -> int:
        return sum(sum(counter.values()) for counter in self.statuses.values())

    def run(self, caller: str, operation: APIOperation, examples: int, number: int) -> None:
        """Call one operation as `nobody`, a `user`, or a `member` with level 1."""
        if self.caller != caller or not self.keeps_callers:
            self._start(caller)

        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        # Not the same draws for all operations.
        @seed(number ^ zlib.crc32(f"{caller} {operation.label}".encode()))
        @given(st.data())
        def call(data: st.DataObject) -> None:
            # Mostly what the document allows; what it does not allow ends at the validation.
            kinds = [GenerationMode.POSITIVE] * 4 + [GenerationMode.NEGATIVE]
            mode = data.draw(st.sampled_from(kinds))
            case = data.draw(operation.as_strategy(generation_mode=mode))
            self._name_things(case, data)
            headers = {}
            if caller != "nobody":
                headers |= self.tenant.session if data.draw(st.booleans()) else self.tenant.token
            if EVENTS in _media_types(operation) and data.draw(st.booleans()):
                headers["accept"] = EVENTS
            self._call(caller, operation, case, headers)

        call()

    def _start(self, caller: str) -> None:
        """Make the caller anew, with what is theirs and what others share with them."""
        self.caller = caller
        member_of: dict[int, int] = {}
        self.shared = self.hidden
        if caller == "member":
            # All the other's texts are hidden from a member, but for those of the namespace they are in.
            self.shared, namespace_id = self._wait(make_tenant(self.runtime, "visible"))
            member_of = {namespace_id: 1}
        self.tenant, _ = self._wait(make_tenant(self.runtime, "own", member_of=member_of))

    def _name_things(self, case: Case, data: st.DataObject) -> None:
        """Put the ids of things that are there in the place of most ids that were made up."""
        owners = [self.tenant] * 3 + [self.shared, self.hidden]

        def thing(name: str, value: Any) -> Any:
            if isinstance(value, list) and name in KINDS:
                return [thing(name, part) for part in value]
            owner = data.draw(st.sampled_from([*owners, None]))
            if owner is None:
                return value
            if name in KINDS:
                return data.draw(st.sampled_from(owner.ids[KINDS[name]]))
            return {
                "username": owner.username,
                "password": PASSWORD,
                "current": PASSWORD,
                "new": f"another {PASSWORD}",
                "model": f"luma/{owner.ids['namespace'][0]}",
                "messages": [{"role": "user", "content": "Why?"}],
                "question": "Why?",
                # JSON with such a key that the document does not know can't carry bytes.
                "file": self.handbook if "multipart" in (case.media_type or "") else value,
            }[name]

        wanted = {
            *KINDS, "username", "password", "current", "new", "model", "messages", "question", "file",
        }  # fmt: skip

        def name_within(part: Any, *, is_path: bool = False) -> None:
            if isinstance(part, list):
                for each in part:
                    name_within(each)
            elif isinstance(part, dict):
                for name, value in part.items():
                    if name in wanted:
                        part[name] = str(thing(name, value)) if is_path else thing(name, value)
                    else:
                        name_within(value)

        name_within(case.path_parameters, is_path=True)
        name_within(case.query)
        name_within(case.body)

    def _call(self, caller: str, operation: APIOperation, case: Case, headers: dict[str, str]) -> None:
        if _media_types(operation) == {EVENTS}:
            status, said = self.server.listen(case.formatted_path, headers)
        else:
            response = self.server.call(case, headers)
            status = response.status_code
            said = response.content + repr(response.headers).encode()
            kind = response.headers.get("content-type", [""])[0]
            # The document describes a stream as one text; schemathesis would look at each event.
            checks = CHECKS if not kind.startswith(EVENTS) else CHECKS[:-1]
            if (operation.path, status) == _WITHOUT_WORKER:
                return
            try:
                case.validate_response(response, checks=checks)
            except (Exception, FailureGroup) as error:
                # The latter are failures; others are what schemathesis can not read.
                self._find(operation, str(error))
            if status >= 400 and kind != "application/problem+json":
                self._find(operation, f"{status} as {kind}")
        self.statuses.setdefault(f"{caller} {operation.label}", Counter())[status] += 1
        # Login has a 401 of its own, for a wrong password.
        if status == 401 and caller != "nobody" and operation.path != "/api/auth/login":
            self._find(operation, f"401 to {caller}, whose login is good")
        if self.mark.encode() in said:
            self._find(operation, f"Tells {caller} what is hidden: {said[:2000]!r}")
        ends = operation.method.lower() == "delete" or operation.path in _ENDS_SOMETHING
        if status < 300 and ends and caller != "nobody":
            self._start(caller)

    def _find(self, operation: APIOperation, what: str) -> None:
        self.findings.setdefault((operation.label, what[:60]), what)

    def _wait(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)  # type: ignore[arg-type]

    def never_past_validation(self) -> list[str]:
        """The operations of which no call by a user came so far that rights were looked at."""
        return [
            name
            for name, counter in self.statuses.items()
            if name.startswith("user ") and set(counter) <= NOT_PAST_VALIDATION
        ]

    def table(self) -> str:
        """How many answers each caller got of each status, by operation."""
        lines = [f"{self.requests} requests"]
        for name, counter in sorted(self.statuses.items()):
            lines.append(f"{name:75} " + "  ".join(f"{s}: {n}" for s, n in sorted(counter.items())))
        return "\n".join(lines)


# No worker runs here, which a long fuzzing outlasts: documents have waited for too long then.
_WITHOUT_WORKER = ("/health/ready", 503)


class Server(Protocol):
    """Where the calls go."""

    def call(self, case: Case, headers: dict[str, str]) -> schemathesis.Response:
        """Make a call."""

    def listen(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status of a stream without an end, and what it says in the first moment, with its headers."""


class HTTPServer:
    """A server at an address."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def call(self, case: Case, headers: dict[str, str]) -> schemathesis.Response:
        """Make a call."""
        return case.call(base_url=self._base_url, headers=headers, timeout=60)

    def listen(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status of a stream without an end, and what it says in the first moment, with its headers."""
        said = b""
        url = self._base_url + path
        with httpx.stream("GET", url, headers=headers, timeout=httpx.Timeout(60, read=0.5)) as response:
            try:
                for piece in response.iter_raw():
                    said += piece
            except httpx.ReadTimeout:
                pass
            return response.status_code, said + repr(response.headers).encode()


class InProcessServer(HTTPAdapter):
    """The service in this process, on `loop`, to be called from another thread."""

    def __init__(self, client: httpx.AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._client = client
        self._loop = loop
        self._session = requests.Session()
        self._session.mount("http://", self)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """What `requests` would send by a socket."""
        answer = self._request(
            str(request.method), str(request.url), headers=dict(request.headers), content=request.body or b""
        )
        raw = urllib3.HTTPResponse(
            io.BytesIO(answer.content),
            headers=urllib3.HTTPHeaderDict(answer.headers.multi_items()),
            status=answer.status_code,
            preload_content=False,
        )
        return self.build_response(request, raw)

    def call(self, case: Case, headers: dict[str, str]) -> schemathesis.Response:
        """Make a call."""
        self._session.cookies.clear()
        return case.call(base_url=str(self._client.base_url), headers=headers, session=self._session)

    def listen(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status of a stream without an end, and the first that it says, with its headers."""
        answer = self._request("GET", path, headers=headers)
        return answer.status_code, answer.content + repr(answer.headers).encode()

    def _request(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            self._client.cookies.clear()
            return await self._client.request(method, url, **options)

        return asyncio.run_coroutine_threadsafe(request(), self._loop).result(60)


def operations_of(described: dict[str, Any]) -> list[APIOperation]:
    """Everything that an OpenAPI document describes."""
    schema = schemathesis.openapi.from_dict(described)
    # Who calls is told by headers of our own.
    schema.config.generation.update(with_security_parameters=False)
    return [found.ok() for found in schema.get_all_operations()]


def fuzz(
    runtime: Runtime, base_url: str, loop: asyncio.AbstractEventLoop, requests: int, number: int
) -> Fuzz:
    """Make about so many calls, in a thread beside the server's loop; `number` is the seed."""
    done = Fuzz(runtime, HTTPServer(base_url), loop)
    operations = operations_of(httpx.get(f"{base_url}/schema/openapi.json").json())
    each = max(1, requests // (9 * len(operations)))
    for operation in operations:
        for caller, share in (("user", 4), ("member", 4), ("nobody", 1)):
            done.run(caller, operation, each * share, number)
    return done


def sample(
    runtime: Runtime,
    client: httpx.AsyncClient,
    loop: asyncio.AbstractEventLoop,
    described: dict[str, Any],
    number: int,
) -> Fuzz:
    """Call every operation once, by users and members in turn."""
    done = Fuzz(runtime, InProcessServer(client, loop), loop, keeps_callers=True)
    operations = operations_of(described)
    for caller, theirs in (("user", operations[::2]), ("member", operations[1::2])):
        for operation in theirs:
            done.run(caller, operation, 1, number)
    return done


def _media_types(operation: APIOperation) -> set[str]:
    """Of the answers that are no errors."""
    responses = operation.definition.raw["responses"]
    return {kind for status, r in responses.items() if status < "300" for kind in r.get("content", {})}


async def _fuzz_a_server(url: str, folder: Path, requests: int, number: int) -> Fuzz:
    chosen = Settings(data_dir=folder, database_url=url)
    async with (
        open_store(chosen) as store,
        open_services(store, PackagedEmbedder(threads=1)) as runtime,
        serving(runtime) as base_url,
    ):
        return await asyncio.to_thread(fuzz, runtime, base_url, asyncio.get_running_loop(), requests, number)


def main() -> int:
    """Parse the command line, call, report; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Call a server in all ways that its OpenAPI document allows."
    )
    parser.add_argument("--requests", type=int, default=3000, help="about so many (3000)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of an earlier run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luma-") as folder:
        try:
            with running(Path(folder) / "db", grace=0) as url:
                done = asyncio.run(
                    _fuzz_a_server(url, Path(folder) / "data", arguments.requests, arguments.seed)
                )
        finally:
            stop(Path(folder) / "db")
    print(done.table())
    for (operation, _), what in done.findings.items():
        print(f"\n{operation}: {what}")
    for name in done.never_past_validation():
        print(f"\n{name}: no request got past validation")
    print(f"\n{len(done.findings)} findings; seed {arguments.seed}")
    return 1 if done.findings or done.never_past_validation() else 0


if __name__ == "__main__":
    sys.exit(main())
