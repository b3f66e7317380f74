import json
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from tests.api import PASSWORD
from tests.luma_command import Luma


def _add(luma: Luma, name: str, *options: str) -> None:
    done = luma("users", "add", name, f"{name}@example.com", *options, "--password-stdin", input=PASSWORD)
    assert done.returncode == 0, done.stderr


def _accounts(luma: Luma) -> dict[str, Any]:
    return {user["username"]: user for user in json.loads(luma("users", "list", "--json").stdout)}


@pytest.fixture
def owner(luma: Luma, tmp_path: Path) -> str:
    """The name of an administrator who owns a namespace with a document; bob is there too."""
    _add(luma, "alice", "--admin")
    _add(luma, "bob")
    read = luma("ingest", str(factories.handbook(tmp_path)), "--namespace", "papers")
    assert read.returncode == 0, read.stderr
    return "alice"


def test_accounts_are_disabled_and_enabled(luma: Luma) -> None:
    _add(luma, "alice", "--admin")
    _add(luma, "bob")
    last = luma("users", "disable", "alice")
    assert last.returncode == 1
    assert "last administrator" in last.stderr
    assert luma("users", "disable", "bob").returncode == 0
    assert _accounts(luma)["bob"]["is_disabled"] is True
    assert "user, disabled" in luma("users", "list").stdout
    assert luma("users", "enable", "bob").returncode == 0
    assert _accounts(luma)["bob"]["is_disabled"] is False
    common = luma("users", "password", "bob", "--password-stdin", input="Password123\n")
    assert common.returncode == 1
    assert "too common" in common.stderr


def test_what_an_account_owns_is_handed_over(luma: Luma, owner: str) -> None:
    _add(luma, "root", "--admin")
    undecided = luma("users", "remove", owner, "--yes")
    assert undecided.returncode == 1
    assert "--hand-to" in undecided.stderr
    assert "--with-contents" in undecided.stderr
    done = luma("users", "remove", owner, "--hand-to", "bob", "--yes")
    assert done.returncode == 0, done.stderr
    accounts = _accounts(luma)
    assert accounts.keys() == {"bob", "root"}
    assert (accounts["bob"]["namespaces"], accounts["bob"]["documents"]) == (1, 1)


def test_what_is_lost_with_an_account_is_shown_before_the_question(
    luma: Luma, owner: str, environment: dict[str, str]
) -> None:
    _add(luma, "root", "--admin")
    asked = luma("users", "remove", owner, "--with-contents", input="n\n")
    assert asked.returncode == 1
    assert asked.stdout.index("1 namespaces") < asked.stdout.index("1 documents") < asked.stdout.index("?")
    assert owner in _accounts(luma)
    stored = Path(environment["LUMA_DATA_DIR"]) / "files"
    assert len([path for path in stored.glob("*/*") if path.is_file()]) == 1
    done = luma("users", "remove", owner, "--with-contents", input="y\n")
    assert done.returncode == 0, done.stderr
    assert owner not in _accounts(luma)
    assert [path for path in stored.glob("*/*") if path.is_file()] == []
    assert luma("verify", "--deep").returncode == 0


def test_the_first_account_is_an_administrators_whether_asked_for_or_not(luma: Luma) -> None:
    _add(luma, "alice")
    _add(luma, "bob")
    assert {name: user["role"] for name, user in _accounts(luma).items()} == {"alice": "admin", "bob": "user"}


def test_temporary_password_and_lost_second_factor(luma: Luma) -> None:
    _add(luma, "alice", "--admin")
    _add(luma, "bob", "--temporary")
    assert {name: user["must_change_password"] for name, user in _accounts(luma).items()} == {
        "alice": False,
        "bob": True,
    }
    for options, is_temporary in (((), False), (("--temporary",), True)):
        assert luma("users", "password", "bob", *options, "--password-stdin", input=PASSWORD).returncode == 0
        assert _accounts(luma)["bob"]["must_change_password"] is is_temporary
    none = luma("users", "remove-totp", "bob")
    assert (none.returncode, "no second factor" in none.stderr) == (1, True)


def test_account_is_shown_with_its_quotas(luma: Luma, owner: str, environment: dict[str, str]) -> None:
    environment["LUMA_QUOTAS_USER_MB"] = "1"
    shown = json.loads(luma("users", "show", owner, "--json").stdout)
    assert (shown["username"], shown["documents"], shown["max_documents"], shown["max_bytes"]) == (
        owner, 1, None, 2**20,
    )  # fmt: skip
    assert shown["bytes"] > 0
    words = luma("users", "show", owner).stdout
    assert owner in words
    assert "False" not in words
