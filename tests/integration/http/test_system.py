"""The state of the installation and the feedback of all readers, for administrators."""

import csv
import io
import json
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from luma_rag import __version__
from luma_rag.audit import trail
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.db.base import utcnow
from luma_rag.documents import ingestion
from luma_rag.documents.workers import record_heartbeat
from luma_rag.llm.openai import OpenAIModel
from luma_rag.runtime import Runtime
from luma_rag.settings import LLMSettings
from luma_rag.store import Store
from tests import factories
from tests.api import Api
from tests.canned_server import CannedServer, response, streamed
from tests.servers import serving


@asynccontextmanager
async def with_model(runtime: Runtime, server: CannedServer) -> AsyncGenerator[Api]:
    """A service that answers with a model behind this server."""
    settings = LLMSettings(base_url=f"http://user:secret@127.0.0.1:{server.port}/v1", model="qwen")
    model = OpenAIModel(server.base_url, model="qwen")
    changed = msgspec.structs.replace(
        runtime,
        settings=msgspec.structs.replace(runtime.settings, llm=settings),
        answerer=ModelAnswerer(model, settings),
    )
    async with serving(changed) as url, Api(url, changed) as api:
        yield api
    await model.aclose()


@asynccontextmanager
async def connected_worker(runtime: Store) -> AsyncGenerator[int]:
    """The id of a worker."""
    async with runtime.engine.connect() as connection:
        yield await ingestion.register_worker(connection)
        await connection.invalidate()  # In the pool it would keep the lock.


async def test_state(api: Api, tmp_path: Path) -> None:
    root, alice = await api.admin(), await api.user("alice")
    namespace = await api.namespace(alice)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and no more")
    await api.upload(alice, broken, namespace)
    content = factories.handbook(tmp_path).read_bytes()
    data = {"namespace_id": str(namespace)}
    await alice.post("/api/documents", files={"file": ("a.pdf", content)}, data=data)
    async with api.runtime.sessions.begin() as session:
        ago = "UPDATE ingestion SET updated_at = updated_at - interval '1 hour' WHERE state = 'queued'"
        await session.execute(text(ago))
    async with connected_worker(api.runtime):
        state = (await root.get("/api/system")).json()
    assert state["version"] == __version__
    database = state["database"]
    assert database["problem"] is None
    assert database["revision"] == database["head"]
    assert database["bytes"] > 1_000_000
    storage = state["storage"]
    assert (storage["files"], storage["bytes"]) == (2, len(content) + broken.stat().st_size)
    assert storage["free_bytes"] > 0
    queue = state["queue"]
    assert (queue["queued"], queue["running"], queue["failed"]) == (1, 0, 1)
    assert 3600 <= queue["oldest_queued_seconds"] < 3700
    (worker,) = state["workers"]["items"]
    assert worker["started_at"] is not None
    assert worker["doc_id"] is None
    assert state["embedding"]["dimensions"] == 384
    assert state["llm"] == {"configured": False, "kind": None, "model": None, "host": None}
    assert state["reranker"] == {"configured": False, "name": None}


async def test_a_worker_says_what_it_reads(api: Api, tmp_path: Path) -> None:
    root, alice = await api.admin(), await api.user("alice")
    namespace = await api.namespace(alice)
    content = factories.handbook(tmp_path).read_bytes()
    data = {"namespace_id": str(namespace)}
    await alice.post("/api/documents", files={"file": ("a.pdf", content)}, data=data)
    async with connected_worker(api.runtime) as worker, api.runtime.sessions.begin() as session:
        running = "UPDATE ingestion SET state = 'running', stage = 'embedding', progress = 0.5, worker = :id"
        await session.execute(text(running), {"id": worker})
        await session.commit()
        state = (await root.get("/api/system")).json()
    (seen,) = state["workers"]["items"]
    assert (seen["id"], seen["stage"], seen["progress"]) == (worker, "embedding", 0.5)
    assert (seen["host"], seen["documents"]) == (None, 0)
    assert state["queue"]["running"] == 1


async def test_a_worker_says_where_it_runs_and_what_it_has_read(api: Api) -> None:
    root = await api.admin()
    async with connected_worker(api.runtime) as worker:
        async with api.runtime.sessions.begin() as session:
            await record_heartbeat(session, worker)
            await record_heartbeat(session, worker, 7)
        (seen,) = (await root.get("/api/system")).json()["workers"]["items"]
        assert (seen["host"], seen["process_id"]) == (socket.gethostname(), os.getpid())
        assert (seen["documents"], seen["doc_id"]) == (7, None)
        times = [datetime.fromisoformat(seen[name]) for name in ("started_at", "seen_at")]
        assert all(timedelta() <= utcnow() - each < timedelta(minutes=1) for each in times)
        metrics = (await root.get("/metrics")).text
        assert f'luma_workers{{host="{socket.gethostname()}"}} 1.0' in metrics
        assert f'luma_worker_silence_seconds{{host="{socket.gethostname()}"}} ' in metrics


async def test_a_part_that_fails_hides_no_other(api: Api) -> None:
    root = await api.admin()
    async with api.runtime.sessions.begin() as session:
        await session.execute(text("ALTER TABLE worker RENAME TO elsewhere"))
    try:
        state = (await root.get("/api/system")).json()
    finally:
        async with api.runtime.sessions.begin() as session:
            await session.execute(text("ALTER TABLE elsewhere RENAME TO worker"))
    assert state["workers"]["problem"]
    assert state["workers"]["items"] == []
    assert state["queue"]["problem"] is None
    assert state["queue"]["queued"] == 0


async def test_no_model(api: Api) -> None:
    answer = await (await api.admin()).post("/api/system/llm/test")
    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert "No language model is configured" in answer.json()["detail"]


async def test_model(runtime: Runtime, canned_server: CannedServer) -> None:
    canned_server.replies += [streamed("OK", "."), response("", status="401 No")]
    async with with_model(runtime, canned_server) as api:
        root = await api.admin()
        llm = (await root.get("/api/system")).json()["llm"]
        host = f"127.0.0.1:{canned_server.port}"
        assert llm == {"configured": True, "kind": "server", "model": "qwen", "host": host}
        good = (await root.post("/api/system/llm/test")).json()
        assert (good["ok"], good["model"], good["detail"]) == (True, "qwen", None)
        assert 0 < good["first_token_ms"] <= good["took_ms"]
        assert canned_server.requests[0].body["max_tokens"] <= 256
        bad = (await root.post("/api/system/llm/test")).json()
        assert (bad["ok"], bad["first_token_ms"]) == (False, None)
        assert "401" in bad["detail"]


async def test_tests_of_the_model_are_limited(api: Api) -> None:
    root = await api.admin()
    statuses = {(await root.post("/api/system/llm/test")).status_code for _ in range(310)}
    assert statuses == {200, 429}


async def test_feedback(api: Api, tmp_path: Path) -> None:
    root, alice = await api.admin(), await api.user("alice")
    namespace = await api.namespace(alice, name="papers")
    await api.upload(alice, factories.handbook(tmp_path), namespace)
    chat = (await alice.post("/api/chats", json={"namespace_id": namespace})).json()["id"]
    answers = []
    for rating, comment in ((1, None), (-1, "Wrong.")):
        asked = await alice.post(f"/api/chats/{chat}/messages", json={"content": "When are the nights?"})
        answers.append(asked.json()["llm_message"]["id"])
        verdict = {"rating": rating, "comment": comment}
        await alice.put(f"/api/messages/{answers[-1]}/feedback", json=verdict)
    found = (await root.get("/api/feedback")).json()
    assert found["total"] == 2
    newest = found["items"][0]
    given_at = newest.pop("given_at")
    assert given_at.endswith("Z")
    me = (await alice.get("/api/auth/me")).json()["id"]
    assert newest == {
        "message_id": answers[1],
        "rating": -1,
        "comment": "Wrong.",
        "user": {"id": me, "username": "alice"},
        "namespace": {"id": namespace, "name": "papers"},
    }
    only = (await root.get("/api/feedback", params={"rating": 1})).json()
    assert [item["message_id"] for item in only["items"]] == answers[:1]
    assert (await root.get("/api/feedback", params={"rating": 5})).status_code == 422


async def _exported(api: Api, **params: Any) -> str:
    answer = await (await api.admin()).get("/api/audit/export", params=params)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    return answer.text


async def test_export_of_the_audit_trail(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_AT_ONCE", 2)
    alice = await api.user("alice")
    for _ in range(5):
        await api.namespace(alice)
    async with api.runtime.sessions.begin() as session:
        named = (
            "INSERT INTO audit_event (at, action, actor, about) VALUES (now(), 'sign-in.failed', '=1', '{}')"
        )
        await session.execute(text(named))
    rows = list(csv.DictReader(io.StringIO(await _exported(api, action="namespace.created"))))
    assert [row["action"] for row in rows] == ["namespace.created"] * 5
    assert [int(row["id"]) for row in rows] == sorted(int(row["id"]) for row in rows)
    # A spreadsheet must not take a name for a formula.
    (failed,) = csv.DictReader(io.StringIO(await _exported(api, action="sign-in.failed")))
    assert failed["actor"] == "'=1"
    lines = (await _exported(api, format="jsonl", action="namespace.created")).splitlines()
    listed = await (await api.admin()).get("/api/audit", params={"action": "namespace.created"})
    assert [json.loads(line) for line in lines] == listed.json()["items"][::-1]
    assert await _exported(api, until="2020-01-01T00:00:00Z", format="jsonl") == ""


async def test_options_say_whether_there_is_an_account(api: Api) -> None:
    anonymous = await api.anonymous()
    assert (await anonymous.get("/api/auth/options")).json()["is_empty"] is True
    await api.user("alice")
    assert (await anonymous.get("/api/auth/options")).json()["is_empty"] is False
