"""Bad input gets one message and an exit code: 2 for usage, 1 for a failure. Never a traceback."""

import json
import socket
from pathlib import Path

import pytest

from luma_rag.cli import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory with some wrong files; no database can be reached."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LUMA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LUMA_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "other.json").write_text('{"runs": []}')
    (tmp_path / "hollow.json").write_text(
        '{"of": "x", "at": "2026-01-01T00:00:00Z", "model": "m", "runs": []}'
    )
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "malformed.jsonl").write_text('{"question": 7}\n')
    (tmp_path / "questions.jsonl").write_text('{"question": "Why?", "document": "a.pdf"}\n')
    (tmp_path / "page.pdf").write_bytes(b"%PDF-1.7")
    return tmp_path


_EVAL = ["eval", "retrieval", "--namespace", "x"]
_GOOD = [*_EVAL, "--questions", "questions.jsonl"]
CASES = [
    (["serve", "--port", "99999"], 2, "--port"),
    (["serve", "--port", "many"], 2, "--port"),
    (["serve", "--host", "300.300.300.300"], 1, "Can't listen on 300.300.300.300"),
    (["ingest", "missing.pdf", "-n", "x"], 2, "missing.pdf"),
    (["ingest", "page.pdf"], 2, "--namespace"),
    (["ingest", "folder", "-n", "x"], 1, "No files that can be read"),
    (["ingest", "page.pdf", "-n", "x"], 1, "LUMA_DATABASE_URL"),
    (["ask", "x"], 2, "question"),
    (["ask", "x", "Why?"], 1, "LUMA_DATABASE_URL"),
    (["search", "x", "y", "-k", "0"], 2, "-k"),
    (["search", "x", "y", "--mode", "magic"], 2, "magic"),
    ([*_EVAL, "--questions", "missing.jsonl"], 2, "missing.jsonl"),
    ([*_EVAL, "--questions", "folder"], 2, "folder"),
    ([*_EVAL, "--questions", "binary.jsonl"], 1, "binary.jsonl"),
    ([*_EVAL, "--questions", "malformed.jsonl"], 1, "entry 1"),
    ([*_EVAL, "--questions", "empty.json"], 1, "no question"),
    (_EVAL, 2, "--dataset DIR"),
    ([*_GOOD, "--mode", "magic"], 2, "no mode magic"),
    ([*_GOOD, "--plot", "plot.gif"], 2, ".png, .svg, .html"),
    ([*_GOOD, "--plot", "nowhere/plot.png"], 2, "there is no folder"),
    ([*_GOOD, "--plot", "folder.png"], 2, "this is a folder"),
    (["eval", "retrieval", "--dataset", "missing"], 2, "missing"),
    (["eval", "retrieval", "--dataset", "folder"], 1, "corpus.jsonl"),
    (["eval", "compare", "missing.json", "empty.json"], 2, "missing.json"),
    (["eval", "compare", "folder", "empty.json"], 2, "folder"),
    (["eval", "compare", "empty.json", "empty.json"], 1, "empty.json is not the result"),
    (["eval", "compare", "other.json", "other.json"], 1, "other.json is not the result"),
    (["eval", "compare", "hollow.json", "hollow.json"], 1, "hollow.json is not the result"),
    (["documents", "show", "x"], 2, "ID"),
    (["documents", "add", "-n", "x"], 2, "--id"),
    (["namespaces", "share", "x", "bob", "--level", "4"], 2, "--level"),
    (["namespaces", "list"], 1, "LUMA_DATABASE_URL"),
    (["tokens", "create", "x", "--expires-in-days", "0"], 2, "--expires-in-days"),
    (["tokens", "list"], 1, "LUMA_DATABASE_URL"),
    (["users", "list"], 1, "LUMA_DATABASE_URL"),
    (["verify"], 1, "LUMA_DATABASE_URL"),
    (["audit", "--since", "yesterday"], 1, "LUMA_DATABASE_URL"),
    (["audit", "export", "trail.xlsx"], 1, ".jsonl or .csv"),
    (["audit", "export", "nowhere/trail.csv"], 1, "can't be written"),
    (["db", "upgrade"], 1, "LUMA_DATABASE_URL"),
    (["nothing"], 2, "nothing"),
    (["namespaces", "nothing"], 2, "nothing"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), CASES, ids=lambda value: str(value)[:60])
def test_one_message_names_the_problem(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    (folder / "folder.png").mkdir()
    assert run(arguments) == code
    shown = capfd.readouterr()
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [case for case in CASES if case[0][0] in {"ask", "documents", "eval", "ingest", "namespaces", "tokens"}],
    ids=lambda value: str(value)[:60],
)
def test_programs_get_an_object(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    (folder / "folder.png").mkdir()
    assert run([*arguments, "--json"]) == code
    error = json.loads(capfd.readouterr().out)["error"]
    assert error.keys() == {"code", "title", "detail", "errors"}
    assert message in error["detail"]
    assert (error["code"] == "usage_error") == (code == 2)


def test_a_port_in_use_is_named(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 1
    assert f"port {port}: Address already in use. Choose another port" in capfd.readouterr().err


def test_a_bad_setting_is_named(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMA_PASSAGES", "many")
    for arguments in (["users", "list"], ["config", "show"], ["serve"], ["ingest", "page.pdf", "-n", "x"]):
        assert run(arguments) == 1
        assert "LUMA_PASSAGES (passages) in the environment must be a whole number." in capfd.readouterr().err


def test_fields_that_do_not_fit_are_listed(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setenv("LUMA_DATABASE_URL", database)
    monkeypatch.setattr("sys.stdin.readline", lambda: "correct horse battery\n", raising=False)
    assert run(["users", "add", "a@b", "nowhere", "--password-stdin"]) == 1
    shown = capfd.readouterr().err
    assert "  username: must have 1 to 50 letters" in shown
    assert "  email: must be an e-mail address" in shown
    # A field that is the whole message is not repeated.
    monkeypatch.setattr("sys.stdin.readline", lambda: "short\n", raising=False)
    assert run(["users", "add", "alice", "alice@quillhaven.example", "--password-stdin"]) == 1
    assert len(capfd.readouterr().err.splitlines()) == 1
