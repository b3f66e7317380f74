"""`luma chat` talks with a namespace."""

import re
from pathlib import Path

import pytest

from tests import factories
from tests.integration.cli.conftest import Command

QUESTION = "How many days of paid vacation does an employee have?"


@pytest.fixture
def handbook(command: Command, people: None, tmp_path: Path) -> str:
    """The name of a namespace with the handbook."""
    done = command("ingest", str(factories.handbook(tmp_path)), "--namespace", "papers")
    assert done.code == 0, done.err
    return "papers"


def test_questions_are_answered_with_sources_that_open(command: Command, handbook: str) -> None:
    typed = f"{QUESTION}\n/open 1\n/open 9\n/open x\n/sources\n/what\n/quit\nnever asked\n"
    done = command("chat", handbook, input=typed)
    assert done.code == 0, done.err
    # After the answer, of /open, and of /sources.
    answer, _, page, sources = re.split(r"^\[1\] handbook, page 1.*$", done.out, flags=re.MULTILINE)
    assert "thirty days" in answer
    assert "[1]" in answer
    assert "thirty days" in page
    assert sources.strip() == ""
    assert "The last answer has no source 9." in done.err
    assert "/open 1" in done.err
    assert "There is no /what." in done.err


def test_a_chat_is_stored_and_goes_on(command: Command, handbook: str) -> None:
    first = command("chat", handbook, input=f"{QUESTION}\n")
    (chat,) = re.findall(r"--resume (\d+)", first.err)
    again = command("chat", handbook, "--resume", chat, input="/open 1\nWhen is travel refunded?\n")
    assert again.code == 0, again.err
    assert again.out.startswith(f"> {QUESTION}\n")
    assert f"--resume {chat}" in again.err
    other = command("chat", handbook, "--resume", chat, input="/new\nWhen is travel refunded?\n")
    assert f"--resume {chat}" not in other.err
    shown = command("chat", handbook, "--resume", chat)
    assert shown.out.count("> ") == 2


def test_a_chat_of_somebody_else_is_not_found(command: Command, handbook: str) -> None:
    (chat,) = re.findall(r"--resume (\d+)", command("chat", handbook, input=f"{QUESTION}\n").err)
    assert command("namespaces", "share", handbook, "alice", "--level", "1").code == 0
    done = command("chat", handbook, "--resume", chat, "--as", "alice")
    assert done.code == 1
    assert "chat" in done.err.lower()
