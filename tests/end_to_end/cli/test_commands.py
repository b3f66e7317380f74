import json
from pathlib import Path

from tests import factories
from tests.api import PASSWORD
from tests.luma_command import Luma


def add_admin(luma: Luma) -> None:
    done = luma("users", "add", "alice", "alice@example.com", "--admin", "--password-stdin", input=PASSWORD)
    assert done.returncode == 0, done.stderr


def test_help_names_the_commands_and_shows_an_example(luma: Luma, luma_process: Luma) -> None:
    done = luma_process("--help")
    assert done.returncode == 0
    for command in ("serve", "ingest", "ask", "search", "users", "db", "doctor"):
        assert command in done.stdout
        assert luma(command, "--help").returncode == 0
    assert "luma ask contracts" in done.stdout


def test_without_an_account_the_way_to_one_is_named(luma: Luma, tmp_path: Path) -> None:
    done = luma("ingest", str(factories.handbook(tmp_path)), "-n", "papers")
    assert done.returncode == 1
    assert "luma users add" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_setting_is_named(luma: Luma, environment: dict[str, str]) -> None:
    environment["LUMA_LLM_BASEURL"] = "http://localhost"
    done = luma("users", "list")
    assert done.returncode == 1
    assert "LUMA_LLM_BASE_URL" in done.stderr


def test_files_are_read_and_questions_answered(
    luma: Luma, luma_process: Luma, environment: dict[str, str], tmp_path: Path
) -> None:
    add_admin(luma_process)
    folder = tmp_path / "files"
    (folder / "deeper").mkdir(parents=True)
    factories.handbook(folder)
    factories.word(folder / "deeper" / "contract.docx", {"Payment": "Bills are due in fourteen days."})
    factories.pdf(folder / "blank.pdf", "")
    (folder / "broken.PDF").write_bytes(b"%PDF-1.7 and nothing else")
    (folder / "program.bin").write_bytes(bytes(range(256)))
    done = luma_process("ingest", str(folder), "--namespace", "papers")
    assert done.returncode == 1
    assert "2 of 4 documents are ready: 2 new, 0 unchanged, 2 failed, 1 skipped." in done.stdout
    assert "blank.pdf" in done.stdout
    assert "program.bin" in done.stdout
    again = luma("ingest", str(folder), "--namespace", "papers", "--json")
    report = json.loads(again.stdout)
    assert [Path(file["path"]).name for file in report["skipped"]] == ["program.bin"]
    states = {Path(file["path"]).name: file["state"] for file in report["files"]}
    assert states == {
        "handbook.pdf": "ready",
        "contract.docx": "ready",
        "blank.pdf": "failed",
        "broken.PDF": "failed",
    }
    answer = json.loads(luma_process("ask", "papers", "How many days of paid vacation?", "--json").stdout)
    assert "thirty days" in answer["answer"]
    assert (answer["citations"][0]["title"], answer["citations"][0]["page"]) == ("handbook", 1)
    asked = luma("ask", "papers", "How many days of paid vacation?")
    assert "handbook, page 1" in asked.stdout
    found = json.loads(luma("search", "papers", "invoice", "-k", "1", "--json").stdout)
    assert [hit["title"] for hit in found["hits"]] == ["contract"]
    environment["LUMA_RERANKER"] = "http://127.0.0.1:9"
    without = luma("search", "papers", "invoice", "-k", "1")
    assert (without.returncode, "contract" in without.stdout) == (0, True)
    assert "The reranker failed: this is the order without it." in without.stderr
    environment["LUMA_RERANKER"] = ""
    refused = luma("search", "papers", "invoice", "--rerank")
    assert (refused.returncode, "no reranker" in refused.stderr) == (1, True)


def test_a_wrong_namespace_is_named(luma: Luma) -> None:
    add_admin(luma)
    done = luma("ask", "nowhere", "Anything?")
    assert done.returncode == 1
    assert "Namespace nowhere not found" in done.stderr


def test_accounts(luma: Luma) -> None:
    add_admin(luma)
    twin = luma("users", "add", "ALICE", "a@example.com", "--password-stdin", input=PASSWORD)
    assert twin.returncode == 1
    assert "taken" in twin.stderr
    assert [user["role"] for user in json.loads(luma("users", "list", "--json").stdout)] == ["admin"]
    last = luma("users", "remove", "alice", "--yes")
    assert last.returncode == 1
    assert "last administrator" in last.stderr


def test_the_database_can_be_looked_at(luma: Luma, luma_process: Luma, environment: dict[str, str]) -> None:
    add_admin(luma)
    assert luma("db", "url").stdout.strip() == environment["LUMA_DATABASE_URL"]
    counted = luma_process("db", "psql", "-Atc", "SELECT count(*) FROM users")
    assert counted.stdout.strip() == "1"


def test_doctor_sees_what_is_there_and_what_is_not(luma: Luma, environment: dict[str, str]) -> None:
    add_admin(luma)
    done = luma("doctor", "--json")
    assert done.returncode == 0
    states = {check["name"]: check["state"] for check in json.loads(done.stdout)}
    assert states["database"] == states["embedding model"] == "ok"
    assert states["answers"] == states["reranker"] == "note"
    environment["LUMA_LLM_BASE_URL"] = "http://127.0.0.1:9/v1"
    environment["LUMA_LLM_MODEL"] = "m"
    environment["LUMA_RERANKER"] = "http://127.0.0.1:9"
    sick = luma("doctor", "--json")
    assert sick.returncode == 1
    checks = {check["name"]: check for check in json.loads(sick.stdout)}
    for name in ("answers", "reranker"):
        assert checks[name]["state"] == "failed"
        assert "127.0.0.1:9" in checks[name]["detail"]
