"""Calls of all kinds, made up from the service's own OpenAPI document, by several callers.

    python -m tests.access.fuzz [--requests 3000] [--seed N]

Another tenant's texts all carry a mark. Whatever is asked, no answer may contain it, be a 5xx, or have a
status or body that the document does not name, and an error must be problem+json. Ids in paths, queries and
bodies are mostly those of things that exist: the caller's own, shared with them, or the other tenant's.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingest.embedder import Embedder
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
    """Makes calls as one caller after the other, and keeps what was wrong with the answers."""

    def __init__(self, runtime: Runtime, base_url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.runtime = runtime
        self.base_url = base_url
        self.loop = loop
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
            status, said = self._listen(case, headers)
        else:
            response = case.call(base_url=self.base_url, headers=headers, timeout=60)
            status = response.status_code
            said = response.content + repr(response.headers).encode()
            kind = response.headers.get("content-type", [""])[0]
            # The document describes a stream as one text; schemathesis would look at each event.
            checks = CHECKS if not kind.startswith(EVENTS) else CHECKS[:-1]
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

    def _listen(self, case: Case, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status of a stream without an end, and what it says in the first moment."""
        said = b""
        url = self.base_url + case.formatted_path
        with httpx.stream("GET", url, headers=headers, timeout=httpx.Timeout(60, read=0.5)) as response:
            try:
                for piece in response.iter_raw():
                    said += piece
            except httpx.ReadTimeout:
                pass
            return response.status_code, said + repr(response.headers).encode()

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


def fuzz(
    runtime: Runtime, base_url: str, loop: asyncio.AbstractEventLoop, requests: int, number: int
) -> Fuzz:
    """Make about so many calls, in a thread beside the server's loop; `number` is the seed."""
    done = Fuzz(runtime, base_url, loop)
    described = httpx.get(f"{base_url}/schema/openapi.json").json()
    schema = schemathesis.openapi.from_dict(described)
    # Who calls is told by headers of our own.
    schema.config.generation.update(with_security_parameters=False)
    operations = [found.ok() for found in schema.get_all_operations()]
    each = max(1, requests // (9 * len(operations)))
    for operation in operations:
        for caller, share in (("user", 4), ("member", 4), ("nobody", 1)):
            done.run(caller, operation, each * share, number)
    return done


def _media_types(operation: APIOperation) -> set[str]:
    """Of the answers that are no errors."""
    responses = operation.definition.raw["responses"]
    return {kind for status, r in responses.items() if status < "300" for kind in r.get("content", {})}


async def _fuzz_a_server(url: str, folder: Path, requests: int, number: int) -> Fuzz:
    chosen = Settings(data_dir=folder, database_url=url)
    async with (
        open_store(chosen) as store,
        open_services(store, Embedder(threads=1)) as runtime,
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
