"""`luma backup` and `luma restore`."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from luma_rag.runtime import Store
from tests.integration.cli.conftest import Command, command, people

__all__ = ["command", "people"]


def use(store: Store, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("LUMA_DATABASE_URL", store.url)
    patch.setenv("LUMA_DATA_DIR", str(store.settings.data_dir))


@pytest.mark.usefixtures("people")
def test_a_backup_is_private_and_restored_elsewhere(
    command: Command, target: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "luma.tar"
    made = command("backup", str(file), "--json")
    assert made.code == 0, made.err
    assert made.json["files"] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("luma.tar*")] == ["luma.tar"]
    assert made.json["revision"] in subprocess.check_output(["tar", "-xOf", file, "luma.json"], text=True)
    use(target, monkeypatch)
    restored = command("restore", str(file), "--json")
    assert restored.code == 0, restored.err
    assert restored.json["rows"] == made.json["rows"]
    names = {user["username"] for user in command("users", "list", "--json").json}
    assert names == {"alice", "bob", "root"}
    assert command("verify", "--deep").code == 0


@pytest.mark.usefixtures("people")
def test_an_existing_file_is_not_overwritten(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "luma.tar"
    file.write_bytes(b"of yesterday")
    refused = command("backup", str(file))
    assert refused.code == 1
    assert "exists" in refused.err
    assert file.read_bytes() == b"of yesterday"


@pytest.mark.usefixtures("people")
def test_two_backups_do_not_write_into_one_file(command: Command, tmp_path: Path) -> None:
    file, partial = tmp_path / "luma.tar", tmp_path / "luma.tar.partial"
    with partial.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b"of another command")
        other.flush()
        refused = command("backup", str(file))
        assert (refused.code, "Another backup" in refused.err) == (1, True)
        assert partial.read_bytes() == b"of another command"
    # The other one was killed.
    assert command("backup", str(file)).code == 0
    assert [path.name for path in tmp_path.glob("luma.tar*")] == ["luma.tar"]


@pytest.mark.usefixtures("people")
def test_a_failed_backup_leaves_no_file(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert command("backup", str(tmp_path / "luma.tar")).code == 1
    assert list(tmp_path.glob("luma.tar*")) == []


@pytest.mark.usefixtures("people")
def test_a_backup_is_piped(environment: dict[str, str], target: Store) -> None:
    elsewhere = environment | {
        "LUMA_DATABASE_URL": target.url,
        "LUMA_DATA_DIR": str(target.settings.data_dir),
    }
    script = (
        "luma backup - > piped.tar; "
        'cat piped.tar | env LUMA_DATABASE_URL="$1" LUMA_DATA_DIR="$2" luma restore -'
    )
    done = subprocess.run(
        ["sh", "-ec", script, "sh", elsewhere["LUMA_DATABASE_URL"], elsewhere["LUMA_DATA_DIR"]],
        env=environment | {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"},
        cwd=target.settings.data_dir,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Restored "), done.stdout


def test_standard_output_is_the_archive_or_json(command: Command) -> None:
    assert command("backup", "-", "--json").code == 2


def test_a_restore_names_what_is_wrong(command: Command, tmp_path: Path) -> None:
    absent = command("restore", str(tmp_path / "absent.tar"))
    assert (absent.code, absent.err) == (
        1,
        f"Unavailable: {tmp_path / 'absent.tar'}: No such file or directory.\n",
    )
