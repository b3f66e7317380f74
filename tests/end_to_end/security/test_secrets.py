"""Secrets stand in no log and in no error: looked for in everything that a real server says."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from luma_rag.db.session import create_engine
from luma_rag.errors import ConfigurationError
from luma_rag.settings import Settings
from tests.service_process import wait_until_ready

KEY, WRONG, RIGHT = "sk-Molybdaen0815", "Wolfram-wrong-4711", "Tantal right 2342"
TOKEN, QUESTION = "luma_Niob1234567890", "What does Rhenium cost?"


def _environment(**settings: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
    return ours | {name: value for name, value in settings.items() if value}


def test_a_server_says_no_secret(settings: Settings, tmp_path: Path) -> None:
    url = make_url(settings.database_url or "")
    if not url.password:
        url = url.set(password="Hafnium-of-the-database")  # The server trusts whoever comes by its socket.
    log = tmp_path / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from luma_rag.cli import main; main()", "serve", "--port", "0"],
            env=_environment(
                LUMA_DATA_DIR=str(settings.data_dir),
                LUMA_DATABASE_URL=url.render_as_string(hide_password=False),
                # Nobody listens there.
                LUMA_LLM_BASE_URL="http://127.0.0.1:9/v1",
                LUMA_LLM_MODEL="none",
                LUMA_LLM_API_KEY=KEY,
            ),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        base = wait_until_ready(process, log)
        said = _use(base)
    finally:
        process.terminate()
        process.wait(timeout=60)
    written = log.read_text()
    broken = next(answer for answer in said if answer.status_code == 502)
    assert broken.json()["request_id"] == broken.headers["x-request-id"]
    failed = [line for line in written.splitlines() if "/messages failed" in line]
    assert failed, written
    # The line names its request, so that a complaint finds it.
    assert f"[{broken.headers['x-request-id']}]" in failed[0]
    for secret in (KEY, WRONG, RIGHT, TOKEN, QUESTION, str(url.password), said[0].cookies["luma_session"]):
        assert secret not in written
        assert not [answer for answer in said if secret in answer.text and answer.status_code >= 400], secret


def _use(base: str) -> list[httpx.Response]:
    """Sign in rightly and wrongly, show a token in all the wrong places, ask a question that fails."""
    account = {"username": "alice", "email": "alice@example.com", "password": RIGHT}
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base, timeout=60) as client:
        client.post("/api/auth/register", json=account).raise_for_status()
        said = [client.post("/api/auth/login", json={"username": "alice", "password": RIGHT})]
        client.headers["x-csrftoken"] = client.cookies["csrftoken"]
        space = client.post("/api/namespaces", json={"name": "a"}).json()["id"]
        chat = client.post("/api/chats", json={"namespace_id": space}).json()["id"]
        said += [
            client.post("/api/auth/login", json={"username": "alice", "password": WRONG}),
            client.post("/api/auth/login", json={"username": "alice", "password": [WRONG]}),
            client.post("/api/auth/register", json=account | {"password": WRONG}),
            client.post("/api/auth/password", json={"current": WRONG, "new": RIGHT}),
            client.get("/api/documents", headers=bearer),
            client.get("/api/documents", headers={"authorization": TOKEN}),
            client.get(f"/api/documents?limit=x&token={TOKEN}"),
            client.get(f"/api/nothing?token={TOKEN}"),
            client.get("/api/documents", headers={"host": "evil.example.com", **bearer}),
            client.post(f"/api/chats/{chat}/messages", json={"content": QUESTION}),
        ]
    return said


@pytest.mark.parametrize(
    "password", ["sec#ret", "sec/ret", "se?cret", "s[ecret", "sec@ret", "secret", "sec:ret", "sec%ret"]
)
async def test_a_database_url_that_does_not_work_keeps_its_password(password: str) -> None:
    with pytest.raises((ConfigurationError, OSError)) as failed:
        async with create_engine(f"postgresql://luma:{password}@127.0.0.1:9/luma").connect():
            pass
    said = str(failed.value)
    assert password not in said
    assert not any(part in said for part in ("sec'", "cret", "ecret"))
