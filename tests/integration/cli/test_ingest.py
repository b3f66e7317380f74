"""`luma ingest`: totals, progress in a log, and an interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from luma_rag.cli import ingest_progress
from luma_rag.cli.ingest import find_files, interruption
from luma_rag.cli.ingest_progress import File, Lines
from tests import factories
from tests.integration.cli.conftest import Command


@pytest.mark.usefixtures("people")
def test_the_same_bytes_again_are_unchanged(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    factories.handbook(folder)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    first = command("ingest", str(folder), "-n", "papers")
    assert first.code == 1
    assert "1 of 2 documents are ready: 1 new, 0 unchanged, 1 failed." in first.out
    assert "broken.pdf" in first.out
    # Under another name, too.
    (folder / "broken.pdf").unlink()
    (folder / "copy.pdf").write_bytes((folder / "handbook.pdf").read_bytes())
    again = command("ingest", str(folder), "-n", "papers")
    assert (again.code, "2 of 2 documents are ready: 0 new, 2 unchanged, 0 failed." in again.out) == (0, True)
    report = command("ingest", str(folder), "-n", "papers", "--json").json
    assert [(file["state"], file["is_unchanged"]) for file in report["files"]] == [("ready", True)] * 2
    answer = command("ask", "papers", "How many days of paid vacation?")
    assert "thirty days" in answer.out.split("[1]")[0]
    assert "handbook, page 1" in answer.out


@pytest.mark.usefixtures("people")
def test_documents_are_read_again(command: Command, tmp_path: Path) -> None:
    handbook = factories.handbook(tmp_path)
    assert command("ingest", str(handbook), "-n", "papers", "--as", "alice").code == 0
    nothing = command("reread")
    assert (nothing.code, nothing.out) == (0, "There is nothing to read again.\n")
    assert command("reread", "--all", "--as", "bob", "--json").json == {"doc_ids": [], "waiting": 0}
    (doc_id,) = command("reread", "--all", "-n", "papers", "--as", "alice", "--json").json["doc_ids"]
    again = command("reread", str(doc_id))
    assert again.out == "1 document is going to be read again, as soon as `luma serve` runs.\n"
    assert command("reread", "--all", "--incomplete").code == 2


@pytest.mark.usefixtures("people")
def test_a_file_that_vanishes_does_not_stop_the_others(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handbook = factories.handbook(tmp_path)
    monkeypatch.setattr(
        "luma_rag.cli.ingest.find_files",
        lambda paths: (
            [File(str(tmp_path / "vanished.pdf"), "waiting"), File(str(handbook), "waiting")],
            [],
        ),
    )
    done = command("ingest", str(handbook), "-n", "papers", "--json")
    assert done.code == 1
    assert [(file["state"], file["error"]) for file in done.json["files"]] == [
        ("failed", "No such file or directory"),
        ("ready", None),
    ]


@pytest.mark.usefixtures("people")
def test_what_was_not_read_is_told(command: Command, tmp_path: Path) -> None:
    book = factories.book_with_a_scan(tmp_path)
    told = "There is no text on page 2 of 4."
    printed = command("ingest", str(book), "-n", "papers")
    assert printed.code == 0
    assert told in " ".join(printed.out.split())
    (file,) = command("ingest", str(book), "-n", "papers", "--json").json["files"]
    assert file["warnings"] == [{"code": "page_without_text", "text": told, "pages": [2]}]


def test_a_folder_that_can_not_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.handbook(tmp_path)
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, skipped = find_files([tmp_path])
    assert skipped == []
    assert [(Path(file.path).name, file.state, file.error) for file in found] == [
        ("handbook.pdf", "waiting", None),
        ("locked", "failed", "Permission denied"),
    ]


def test_a_folder_is_searched_by_content_and_what_is_skipped_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("text")
    factories.handbook(folder).rename(folder / "handbook")
    for name, data in {
        "notes.md": b"# Notes",
        "old.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "photo.txt": b"\x89PNG\r\n\x1a\n",
        "~$notes.docx": b"x",
        ".hidden.txt": b"text",
        "Thumbs.db": b"text",
        "empty.pdf": b"",
    }.items():
        factories.write(folder / name, data)
    os.mkfifo(folder / "pipe")
    (folder / "broken_link").symlink_to(folder / "nowhere")
    found, skipped = find_files([folder])
    assert [(Path(file.path).name, file.state) for file in found] == [
        ("broken_link", "failed"),
        ("handbook", "waiting"),
        ("notes.md", "waiting"),
    ]
    reasons = {Path(file.path).name: file.reason for file in skipped}
    assert set(reasons) == {
        ".git",
        ".hidden.txt",
        "Thumbs.db",
        "empty.pdf",
        "old.doc",
        "photo.txt",
        "pipe",
        "~$notes.docx",
    }
    assert "old Office program" in reasons["old.doc"]
    assert "PNG" in reasons["photo.txt"]


@pytest.mark.usefixtures("people")
def test_skipped_files_are_reported_and_are_no_failure(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "dues.csv").write_text("port;dues\nBodo;14 crowns\nVardo;11 crowns\n")
    (folder / "all.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    done = command("ingest", str(folder), "-n", "dues")
    assert done.code == 0
    assert "1 of 1 documents are ready: 1 new, 0 unchanged, 0 failed, 1 skipped." in done.out
    assert "all.zip" in done.out
    report = command("ingest", str(folder), "-n", "dues", "--json").json
    assert [(Path(file["path"]).name, "zip archive" in file["reason"]) for file in report["skipped"]] == [
        ("all.zip", True)
    ]
    named = command("ingest", str(folder / "all.zip"), "-n", "dues")
    assert (named.code, "zip archive" in named.out) == (1, True)


def test_a_log_gets_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = iter([1000.0, 1001.0, 1030.0, 1059.9, 1060.0, 1070.0])
    monkeypatch.setattr(ingest_progress.time, "monotonic", lambda: next(clock))
    lines = Lines()
    files = [File("a", "ready", pages=60), File("b", "running", progress=0.5), File("c", "queued")]
    for _ in range(3):
        lines.show(files)
    assert capfd.readouterr().err == ""
    for _ in range(2):
        lines.show(files)
    assert capfd.readouterr().err == "1 of 3 documents (1.0 pages/s, 0.0 chunks/s), about 1 min left.\n"


def test_an_interruption_says_what_waits_and_how_to_go_on() -> None:
    files = (
        [File("r", "ready")] * 2 + [File("f", "failed")] + [File("q", "queued")] * 6 + [File("x", "running")]
    )
    assert interruption(files) == (
        "3 of 10 documents are read; 7 stay queued and will be read by `luma serve` or the next "
        "`luma ingest`."
    )
    assert "2 are not stored yet: run the same command again" in interruption([File("w", "waiting")] * 2)


@pytest.mark.usefixtures("people")
def test_ctrl_c_leaves_the_rest_queued(command: Command, environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        factories.pdf(
            folder / f"{number}.pdf", *(f"Page {page} of report {number}." * 20 for page in range(40))
        )
    luma = str(Path(sys.executable).with_name("luma"))
    process = subprocess.Popen(
        [luma, "ingest", str(folder), "-n", "papers", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    stored = Path(environment["LUMA_DATA_DIR"]) / "files"
    deadline = time.monotonic() + 120
    # Not by a command, which may take as long as all the work.
    while sum(path.is_file() for path in stored.rglob("*")) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    error = json.loads(out)["error"]
    assert error["code"] == "interrupted"
    assert "documents are read" in error["detail"]
    assert "Traceback" not in err
