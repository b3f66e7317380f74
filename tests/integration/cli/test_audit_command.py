"""`luma audit` against a real database."""

import csv
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from luma_rag.accounts import users
from luma_rag.audit import Action, RequestContext, record, request_context
from luma_rag.audit.trail import Event
from luma_rag.cli.audit import actions, moment
from luma_rag.cli.audit_sentences import sentence
from luma_rag.errors import InvalidInputError
from luma_rag.runtime import Store
from tests.api import PASSWORD
from tests.luma_command import Luma


@pytest.fixture
async def alice(store: Store) -> int:
    """A user who has shared, published, and met a formula."""
    user = await users.create(store.sessions, "alice", "alice@example.com", PASSWORD, "admin")
    async with store.sessions.begin() as session:
        await record(session, "namespace.created", user.id, namespace_id=1, is_public=False)
    token = request_context.set(RequestContext("=1+1", "192.0.2.1"))
    async with store.sessions.begin() as session:
        shared: dict[str, Any] = {"user_id": 9, "username": "bob", "permission": "read"}
        await record(session, "document.shared", user.id, doc_id=12, **shared)
    request_context.reset(token)
    return user.id


def test_people_read_sentences(luma: Luma, alice: int) -> None:
    shown = luma("audit")
    assert shown.returncode == 0, shown.stderr
    lines = [line for line in shown.stdout.splitlines() if "alice" in line]
    assert "alice shared document 12 with bob, permission read" in lines[0]
    assert "192.0.2.1" in lines[0]
    assert any("alice created namespace 1, is public no" in line for line in lines)
    fewer = luma("audit", "-n", "1", "--action", "namespace")
    assert "document 12" not in fewer.stdout
    assert "Nothing" in luma("audit", "--action", "member").stdout


def test_programs_read_json(luma: Luma, alice: int) -> None:
    shown = json.loads(luma("audit", "--json", "--actor", "ALICE", "--since", "1h").stdout)
    assert {event["actor_id"] for event in shown["items"]} == {alice}
    assert shown["items"][0]["action"] == "document.shared"
    assert json.loads(luma("audit", "--json", "--actor", "999").stdout)["total"] == 0
    unknown = luma("audit", "--actor", "nobody")
    assert unknown.returncode == 1
    assert "nobody" in unknown.stderr


def test_exports_hold_everything_and_are_for_nobody_else(luma: Luma, alice: int, tmp_path: Path) -> None:
    lines, table = tmp_path / "trail.jsonl", tmp_path / "trail.csv"
    for file in (lines, table):
        assert luma("audit", "export", str(file)).returncode == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    events = [json.loads(line) for line in lines.read_text().splitlines()]
    with table.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [event["action"] for event in events][-2:] == ["namespace.created", "document.shared"]
    assert [row["action"] for row in rows] == [event["action"] for event in events]
    assert json.loads(rows[-1]["about"]) == events[-1]["about"]
    # A spreadsheet would run it.
    assert (events[-1]["request_id"], rows[-1]["request_id"]) == ("=1+1", "'=1+1")
    again = luma("audit", "export", str(lines))
    assert again.returncode == 1
    assert "exists" in again.stderr
    assert len(lines.read_text().splitlines()) == len(events)
    assert luma("audit", "export", str(tmp_path / "trail.xlsx")).returncode == 1


def test_what_the_command_line_does_stands_there_without_an_address(luma: Luma, alice: int) -> None:
    made = luma("namespaces", "create", "papers")
    assert made.returncode == 0
    (event,) = json.loads(luma("audit", "--json", "-n", "1").stdout)["items"]
    assert (event["action"], event["actor"]) == ("namespace.created", "alice")
    assert (event["request_id"], event["address"]) == ("cli", None)


def test_spans_and_dates_name_a_moment() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert moment("7d", now) == now - timedelta(days=7)
    assert moment("30m", now) == now - timedelta(minutes=30)
    assert moment("2026-01-31", now) == datetime(2026, 1, 31, tzinfo=UTC)
    assert moment("2026-01-31T12:00:00+02:00", now) == datetime(2026, 1, 31, 10, tzinfo=UTC)
    for wrong in ("7", "yesterday", "7y", "", "-1d", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(InvalidInputError, match="--since"):
            moment(wrong, now)


def test_every_action_has_a_sentence_and_a_beginning() -> None:
    for action in get_args(Action):
        event = Event(1, datetime.now(UTC), action, 1, "alice", {"doc_id": 2, "namespace_id": 3}, None, None)
        assert action not in sentence(event)
        assert "{" not in sentence(event)
        assert action in actions(action.partition(".")[0])
    with pytest.raises(InvalidInputError, match="document"):
        actions("documents")
