"""`luma sync`: a folder and a namespace stay in step."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from luma_rag.cli import sync
from luma_rag.documents import uploads
from luma_rag.sync.sources import folder as folders
from tests.luma_command import Luma


class Synced:
    """A folder, and what `luma sync` makes of it."""

    def __init__(self, luma: Luma, folder: Path) -> None:
        self.luma = luma
        self.folder = folder
        luma("users", "add", "root", "root@example.com", "--admin", "--password-stdin", input="long enough\n")

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def sync(self, *options: str, code: int = 0) -> dict[str, Any]:
        """Run the command; gives the report, with the counts that are not 0."""
        done = self.luma("sync", str(self.folder), "--namespace", "rules", "--json", *options)
        assert done.returncode == code, (done.stdout, done.stderr)
        report: dict[str, Any] = json.loads(done.stdout)
        report["counts"] = {action: count for action, count in report["counts"].items() if count}
        return report

    def found(self, query: str) -> list[tuple[str, str]]:
        """Title and text of all hits."""
        done = self.luma("search", "rules", query, "-k", "20", "--json")
        assert done.returncode == 0, done.stderr
        return sorted((hit["title"], hit["text"]) for hit in json.loads(done.stdout)["hits"])

    def ids(self) -> dict[str, int]:
        """The ids of all documents by title."""
        listed = json.loads(self.luma("documents", "list", "--json").stdout)
        listed = listed["items"] if isinstance(listed, dict) else listed
        return {document["title"]: document["id"] for document in listed}

    def verify(self) -> None:
        done = self.luma("verify", "--deep")
        assert done.returncode == 0, done.stdout


@pytest.fixture
def synced(luma: Luma, tmp_path: Path) -> Synced:
    (tmp_path / "source").mkdir()
    synced = Synced(luma, tmp_path / "source")
    synced.write("hotel.txt", "A hotel room may cost 500 euros.")
    synced.write("trains/seat.txt", "Trains are booked in second class.")
    synced.write("meals.txt", "Meals are refunded up to 30 euros.")
    return synced


def test_changed_moved_and_gone(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    assert synced.sync()["counts"] == {"new": 3}
    before = synced.ids()
    with monkeypatch.context() as patch:
        # Nothing that is unchanged is opened.
        patch.setattr(folders.Folder, "pieces", None)
        patch.setattr(uploads, "receive", None)
        assert synced.sync()["counts"] == {"unchanged": 3}

    synced.write("hotel.txt", "A hotel room may cost 900 euros.")
    (synced.folder / "trains/seat.txt").rename(synced.folder / "class.txt")
    (synced.folder / "meals.txt").unlink()
    expected = {"changed": 1, "moved": 1, "gone": 1}
    assert synced.sync("--dry-run")["counts"] == expected
    assert [text for _, text in synced.found("hotel")].count("A hotel room may cost 500 euros.") == 1
    report = synced.sync()
    assert report["counts"] == expected
    (moved,) = [file for file in report["files"] if file["action"] == "moved"]
    assert (moved["path"], moved["came_from"]) == ("class.txt", "trains/seat.txt")
    assert synced.found("What may a hotel room cost?") == [
        ("class", "Trains are booked in second class."),
        ("hotel", "A hotel room may cost 900 euros."),
        ("meals", "Meals are refunded up to 30 euros."),
    ]
    assert synced.ids() == {
        "hotel": before["hotel"],
        "class": before["seat"],
        "meals": before["meals"],
    }
    assert synced.sync("--delete", "--dry-run")["counts"] == {"unchanged": 2, "removed": 1}
    assert len(synced.ids()) == 3
    assert synced.sync("--delete")["counts"] == {"unchanged": 2, "removed": 1}
    assert synced.ids().keys() == {"hotel", "class"}
    assert synced.sync("--delete")["counts"] == {"unchanged": 2}
    synced.verify()


def test_a_touched_file_is_unchanged(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.sync()
    os.utime(synced.folder / "hotel.txt", (1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(uploads, "receive", None)
        assert synced.sync()["counts"] == {"unchanged": 3}
        patch.setattr(folders.Folder, "pieces", None)
        assert synced.sync()["counts"] == {"unchanged": 3}


def test_files_with_the_same_content_are_one_document_as_long_as_they_are(synced: Synced) -> None:
    shutil.copy(synced.folder / "hotel.txt", synced.folder / "copy.txt")
    assert synced.sync()["counts"] == {"new": 4}
    first = synced.ids()
    assert len(first) == 3
    synced.write("copy.txt", "A hotel room may cost 900 euros.")
    assert synced.sync()["counts"] == {"unchanged": 3, "changed": 1}
    texts = [text for _, text in synced.found("What may a hotel room cost?")]
    assert {"A hotel room may cost 500 euros.", "A hotel room may cost 900 euros."} <= set(texts)
    # The same again: the document that nothing has any more leaves.
    synced.write("copy.txt", "A hotel room may cost 500 euros.")
    assert synced.sync()["counts"] == {"unchanged": 3, "changed": 1}
    assert sorted(synced.ids()) == sorted(first)
    (synced.folder / "hotel.txt").unlink()
    assert synced.sync("--delete")["counts"] == {"unchanged": 3, "removed": 1}
    assert len(synced.found("hotel")) == 3
    (synced.folder / "copy.txt").unlink()
    assert synced.sync("--delete")["counts"] == {"unchanged": 2, "removed": 1}
    assert len(synced.ids()) == 2
    synced.verify()


def test_swapped_and_overwritten_files(synced: Synced) -> None:
    synced.sync()
    before = synced.ids()
    hotel, meals, other = (synced.folder / name for name in ("hotel.txt", "meals.txt", "other.txt"))
    hotel.rename(other)
    meals.rename(hotel)
    other.rename(meals)
    assert synced.sync()["counts"] == {"unchanged": 1, "moved": 2}
    assert synced.ids() == {
        "meals": before["hotel"],
        "hotel": before["meals"],
        "seat": before["seat"],
    }
    meals.rename(hotel)
    assert synced.sync()["counts"] == {"unchanged": 1, "moved": 1}
    assert synced.ids() == {"hotel": before["hotel"], "seat": before["seat"]}
    synced.verify()


def test_what_cannot_be_read_is_told_and_tried_again(synced: Synced) -> None:
    synced.write("broken.pdf", "%PDF-1.7\nnothing")
    (synced.folder / "noise.bin").write_bytes(bytes(range(256)) * 9)
    synced.write(".hidden", "Nobody looks.")
    assert synced.sync("--dry-run")["counts"] == {"new": 4, "skipped": 2}
    for _ in range(2):
        report = synced.sync(code=1)
        reasons = {file["path"]: file["reason"] for file in report["files"] if file["reason"]}
        assert reasons.keys() == {"broken.pdf", "noise.bin", ".hidden"}
        assert report["counts"]["failed"] == 1
        assert report["counts"]["skipped"] == 2
    synced.write("broken.pdf", "This is plain text now.")
    assert synced.sync()["counts"] == {"unchanged": 3, "changed": 1, "skipped": 2}
    assert "This is plain text now." in {text for _, text in synced.found("plain text")}
    # What was readable and no longer is keeps its document.
    (synced.folder / "hotel.txt").write_bytes(bytes(range(256)) * 9)
    assert synced.sync(code=1)["counts"] == {"unchanged": 3, "failed": 1, "skipped": 2}
    assert "A hotel room may cost 500 euros." in {text for _, text in synced.found("hotel")}


def test_only_what_the_command_added_is_deleted_for_good(synced: Synced) -> None:
    own = synced.luma("documents", "add", str(synced.folder / "meals.txt"), "--namespace", "other")
    if own.returncode:
        own = synced.luma("ingest", str(synced.folder / "meals.txt"), "--namespace", "other")
    assert own.returncode == 0, own.stderr
    synced.sync()
    for name in ("meals.txt", "hotel.txt"):
        (synced.folder / name).unlink()
    assert synced.sync("--delete")["counts"] == {"unchanged": 1, "removed": 2}
    assert synced.ids().keys() == {"meals", "seat"}
    assert synced.found("Meals are refunded") == [("seat", "Trains are booked in second class.")]


def test_an_empty_source_deletes_nothing(synced: Synced) -> None:
    synced.sync()
    shutil.rmtree(synced.folder)
    synced.folder.mkdir()
    refused = synced.luma("sync", str(synced.folder), "--namespace", "rules", "--delete")
    assert refused.returncode == 1
    assert "No file is left" in refused.stderr
    assert len(synced.ids()) == 3
    assert synced.sync()["counts"] == {"gone": 3}


def test_a_document_that_was_deleted_comes_back(synced: Synced) -> None:
    synced.sync()
    synced.luma("documents", "delete", str(synced.ids()["hotel"]), "--yes")
    assert synced.ids().keys() == {"meals", "seat"}
    assert synced.sync()["counts"] == {"unchanged": 2, "new": 1}


def test_a_dry_run_makes_no_namespace(synced: Synced) -> None:
    assert synced.sync("--dry-run")["counts"] == {"new": 3}
    assert synced.luma("search", "rules", "hotel").returncode == 1


def test_tables(synced: Synced) -> None:
    synced.write("broken.pdf", "%PDF-1.7\nnothing")
    done = synced.luma("sync", str(synced.folder), "--namespace", "rules")
    assert done.returncode == 1
    assert [line.split()[1:4:2] for line in done.stdout.splitlines() if "│ new " in line] == [["new", "3"]]
    assert "broken.pdf" in done.stdout
    assert "damaged" in done.stdout


def test_another_user_is_told_whose_it_is(synced: Synced) -> None:
    synced.sync()
    added = ("users", "add", "ann", "ann@example.com", "--admin", "--password-stdin")
    synced.luma(*added, input="long enough\n")
    other = synced.luma("sync", str(synced.folder), "--namespace", "1", "--as", "ann")
    assert (other.returncode, "--as root" in other.stderr) == (1, True)


def test_a_folder_that_is_missing(synced: Synced) -> None:
    missing = synced.luma("sync", str(synced.folder / "missing"), "--namespace", "rules")
    assert (missing.returncode, "is no folder" in missing.stderr) == (1, True)


def test_watching_follows_changes_until_it_is_stopped(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter(
        [
            lambda: synced.write("hotel.txt", "A hotel room may cost 900 euros."),
            lambda: synced.write("broken.pdf", "%PDF-1.7\nnothing"),
            lambda: None,
            lambda: synced.folder.rename(synced.folder.with_name("away")),
            lambda: synced.folder.with_name("away").rename(synced.folder),
        ]
    )

    async def pause() -> None:
        turn = next(turns, None)
        if turn is None:
            raise KeyboardInterrupt
        turn()

    monkeypatch.setattr(sync, "_pause", pause)
    done = synced.luma("sync", str(synced.folder), "--namespace", "rules", "--watch", "--json")
    assert done.returncode == 130
    assert "Run the same command again" in done.stdout
    reports, rest = [], done.stdout
    while rest.strip():
        report, end = json.JSONDecoder().raw_decode(rest := rest.lstrip())
        reports.append(report)
        rest = rest[end:]
    counts = [{k: v for k, v in report["counts"].items() if v} for report in reports[:-1]]
    # A folder that is away for a moment takes nothing with it, and a turn without news says nothing.
    assert counts == [{"new": 3}, {"unchanged": 2, "changed": 1}, {"unchanged": 3, "failed": 1}]
    assert len(synced.ids()) == 4
