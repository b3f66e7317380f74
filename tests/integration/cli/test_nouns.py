"""`luma namespaces`, `luma documents` and `luma tokens` against a real database."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from luma_rag.runtime import Runtime
from tests import factories
from tests.integration.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("people")


def _doc_id(command: Command, path: Path, namespace: str, acting: str = "alice") -> int:
    added = command("documents", "add", str(path), "-n", namespace, "--as", acting, "--json")
    assert added.code == 0, added.err
    return int(added.json[0]["doc_id"])


def test_a_namespace_is_created_renamed_and_deleted(command: Command) -> None:
    made = command(
        "namespaces", "create", "papers", "--description", "What [b]we[/] read", "--as", "alice", "--json"
    )
    assert (made.code, made.json["name"], made.json["auth_level"]) == (0, "papers", 3)
    twin = command("namespaces", "create", "papers", "--as", "alice")
    assert twin.code == 1
    assert "You already have a namespace named “papers”." in twin.err
    same = command("namespaces", "create", "papers", "--if-missing", "--as", "alice", "--json")
    assert (same.code, same.json["id"]) == (0, made.json["id"])
    bobs = command("namespaces", "create", "papers", "--as", "bob")
    assert re.fullmatch(r"Created namespace papers \(id \d+\)\.\n", bobs.out)
    assert "papers" in command("namespaces", "list", "--as", "alice").out
    assert command("namespaces", "list", "--as", "alice", "--json").json["total"] == 1
    assert command("namespaces", "rename", "papers", "articles", "--as", "alice").code == 0
    shown = command("namespaces", "show", "articles", "--as", "alice")
    assert "What [b]we[/] read" in shown.out
    kept = command("namespaces", "delete", "articles", "--as", "alice", input="n\n")
    assert (kept.code, "Nothing was changed." in kept.err) == (1, True)
    assert command("namespaces", "delete", "articles", "--as", "alice", "--yes", "--json").json == {
        "deleted": made.json["id"]
    }
    gone = command("namespaces", "show", "articles", "--as", "alice", "--json")
    assert (gone.code, gone.json["error"]["title"]) == (1, "Not found")


def test_a_namespace_is_shared(command: Command) -> None:
    command("namespaces", "create", "papers", "--as", "alice")
    assert command("namespaces", "show", "papers", "--as", "bob").code == 1
    shared = command("namespaces", "share", "papers", "bob", "--level", "2", "--as", "alice", "--json")
    assert (shared.json["username"], shared.json["auth_level"]) == ("bob", 2)
    assert [
        m["username"]
        for m in command("namespaces", "show", "papers", "--as", "alice", "--json").json["members"]
    ] == ["bob"]
    seen = command("namespaces", "show", "papers", "--as", "bob", "--json").json
    assert (seen["namespace"]["auth_level"], seen["members"]) == (2, None)
    refused = command("namespaces", "rename", "papers", "mine", "--as", "bob", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "forbidden")
    assert "bob" in command("namespaces", "unshare", "papers", "bob", "--as", "alice").out
    assert command("namespaces", "show", "papers", "--as", "bob").code == 1
    assert "User nobody not found" in command("namespaces", "share", "papers", "nobody", "--as", "alice").err


def test_documents_are_added_shared_and_deleted(
    command: Command, tmp_path: Path, environment: dict[str, str]
) -> None:
    for name in ("papers", "more"):
        command("namespaces", "create", name, "--as", "alice")
    handbook = factories.handbook(tmp_path)
    doc_id = _doc_id(command, handbook, "papers")
    again = command("documents", "add", str(handbook), "-n", "papers", "--as", "alice")
    assert (again.code, again.out) == (0, f"Queued: handbook (document {doc_id}).\n")
    other = command("documents", "add", "--id", str(doc_id), "-n", "more", "--as", "alice", "--json")
    assert other.json == [{"doc_id": doc_id, "title": "handbook", "is_new": False, "queued": True}]
    assert (
        command("documents", "list", "-n", "more", "--as", "alice", "--json").json["items"][0]["id"] == doc_id
    )
    assert "queued" in command("documents", "list", "-n", "more", "--as", "alice").out
    assert command("documents", "list", "--as", "bob", "--json").json["total"] == 0
    assert command("documents", "show", str(doc_id), "--as", "bob").code == 1
    assert (
        command("documents", "share", str(doc_id), "bob", "--permission", "write", "--as", "alice").code == 0
    )
    assert command("documents", "show", str(doc_id), "--as", "bob", "--json").json["shared_with"] is None
    shown = command("documents", "show", str(doc_id), "--as", "alice")
    assert "handbook.pdf" in shown.out
    assert "bob" in shown.out
    placed = command("documents", "namespaces", str(doc_id), "--as", "alice", "--json").json["items"]
    assert [(place["name"], place["username"]) for place in placed] == [
        ("papers", "alice"),
        ("more", "alice"),
    ]
    assert "more" in command("documents", "namespaces", str(doc_id), "--as", "alice").out
    withdrawn = ("documents", "withdraw", str(doc_id), str(placed[0]["namespace_id"]))
    assert command(*withdrawn, "--as", "bob").code == 1
    assert command(*withdrawn, "--as", "alice").code == 0
    assert len(command("documents", "namespaces", str(doc_id), "--as", "alice", "--json").json["items"]) == 1
    assert command("documents", "unshare", str(doc_id), "bob", "--as", "alice").code == 0
    assert command("documents", "remove", str(doc_id), "-n", "more", "--as", "alice").code == 0
    assert command("documents", "list", "-n", "more", "--as", "alice", "--json").json["total"] == 0
    assert command("documents", "delete", str(doc_id), "--as", "bob", "--yes").code == 1
    stored = Path(environment["LUMA_DATA_DIR"]) / "files"
    assert [path for path in stored.rglob("*") if path.is_file()]
    assert command("documents", "delete", str(doc_id), "--as", "alice", input="y\n").code == 0
    assert [path.name for path in stored.rglob("*") if path.is_file()] == ["store-id"]
    program = tmp_path / "program.bin"
    program.write_bytes(bytes(range(256)))
    wrong = command("documents", "add", str(program), "-n", "papers", "--as", "alice", "--json")
    assert (wrong.code, wrong.json["error"]["title"]) == (1, "Unsupported type")


def test_tokens_are_created_listed_and_revoked(command: Command) -> None:
    command("namespaces", "create", "papers", "--as", "alice")
    made = command(
        "tokens",
        "create",
        "backup",
        "-n",
        "papers",
        "--level",
        "1",
        "--expires-in-days",
        "7",
        "--as",
        "alice",
        "--json",
    ).json
    listed = command("tokens", "list", "--as", "alice", "--json").json["items"]
    assert [(token["name"], token["max_level"]) for token in listed] == [("backup", 1)]
    assert "backup" in command("tokens", "list", "--as", "alice").out
    assert made["token"] not in command("tokens", "list", "--as", "alice").out
    assert "no tokens" in command("tokens", "list", "--as", "bob").out
    plain = command("tokens", "create", "script", "--as", "alice")
    assert plain.out.strip().startswith("luma_")
    assert "only time" in plain.err
    assert command("tokens", "revoke", str(made["id"]), "--as", "bob").code == 1
    assert command("tokens", "revoke", str(made["id"]), "--as", "alice").code == 0


async def test_the_token_signs_in(runtime: Runtime, base_url: str, command: Command) -> None:
    made = await asyncio.to_thread(command, "tokens", "create", "script", "--as", "alice", "--json")
    async with httpx.AsyncClient(base_url=base_url) as client:
        headers = {"authorization": f"Bearer {made.json['token']}"}
        answer = await client.get("/api/auth/me", headers=headers)
        assert (answer.status_code, answer.json()["username"]) == (200, "alice")
        await asyncio.to_thread(command, "tokens", "revoke", str(made.json["id"]), "--as", "alice")
        assert (await client.get("/api/auth/me", headers=headers)).status_code == 401


def test_names_do_not_command_the_terminal(command: Command) -> None:
    hostile = "pa\x1b]0;owned\x07pers\x9b2J"
    made = command("namespaces", "create", hostile, "--as", "alice")
    shown = command("namespaces", "show", hostile, "--as", "alice")
    listed = command("namespaces", "list", "--as", "alice")
    failed = command("namespaces", "create", hostile, "--as", "alice")
    assert failed.code == 1
    for printed in (made.out, shown.out, listed.out, failed.err):
        assert "]0;owned" in printed
        assert not set(printed) & {"\x1b", "\x07", "\x9b"}
