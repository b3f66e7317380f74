"""`luma reindex` embeds a namespace with another model, and changes between both."""

from pathlib import Path

import pytest

from luma_rag.documents import embeddings
from tests import factories
from tests.integration.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("people")


def model(command: Command) -> str:
    """What the check of the database says about other models."""
    (check,) = (check for check in command("doctor", "--json").json if check["name"] == "database")
    return str(check["detail"])


def test_a_namespace_changes_its_model_and_back(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("ingest", str(factories.handbook(tmp_path)), "-n", "papers")
    before = command("search", "papers", "vacation", "--mode", "dense", "--json").json["hits"]

    def score() -> float:
        return float(
            command("search", "papers", "vacation", "--mode", "dense", "--json").json["hits"][0]["score"]
        )

    real = embeddings.embed

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("luma_rag.documents.models.embed", interrupted)
        stopped = command("reindex", "--model", "float32", "--json")
        assert stopped.code == 130
        assert "0 documents were embedded" in stopped.json["error"]["detail"]
    assert embeddings.embed is real
    (built,) = command("reindex", "--model", "float32", "--json").json
    assert (built["state"], built["documents"]) == ("built", 1)
    assert built["comparison"]["overlap"] > 0.9
    assert score() == before[0]["score"]

    (switched,) = command("reindex", "--model", "float32", "--switch", "--json").json
    assert (switched["state"], switched["documents"]) == ("switched", 0)
    assert score() == pytest.approx(before[0]["score"], abs=0.03)
    assert score() != before[0]["score"]
    again = command("reindex", "--model", "float32")
    assert "by this model already" in again.out
    assert "--back" in command("reindex", "--help").out

    assert command("reindex", "--namespace", "papers", "--back", "--json").json[0]["state"] == "switched"
    assert score() == before[0]["score"]
    assert command("reindex", "--remove-old", "--json").json[0]["state"] == "removed"
    assert command("reindex", "--back", "--json").json[0]["state"] == "nothing"
    assert command("verify", "--deep").code == 0


def test_options_that_exclude_each_other_are_refused(command: Command) -> None:
    for options in (["--back", "--switch"], ["--back", "--model", "float32"], ["--remove-old", "--back"]):
        refused = command("reindex", *options)
        assert refused.code == 2
        assert "Choose one of" in refused.err
    stranger = command("reindex", "--as", "alice")
    assert stranger.code == 1


def test_settings_with_another_model_say_what_to_type(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("ingest", str(factories.handbook(tmp_path)), "-n", "papers")
    assert "luma reindex" not in model(command)
    monkeypatch.setenv("LUMA_INGEST_PROFILE", "float32")
    assert "all-MiniLM-L6-v2, int8-v1 (luma reindex)" in model(command)
    found = command("search", "papers", "vacation", "--json")
    assert found.json["hits"]
    assert "luma reindex" in found.err
