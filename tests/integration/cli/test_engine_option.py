"""`--engine` and `--address`."""

import sys
from pathlib import Path

import pytest

from tests import factories
from tests.integration.cli.conftest import Command


@pytest.fixture
def handbook(tmp_path: Path) -> str:
    return str(factories.handbook(tmp_path))


@pytest.mark.usefixtures("people")
def test_a_missing_extra_is_named(command: Command, handbook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name == "ray" or name.startswith(("ray.", "ingest.engines.ray")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    done = command("ingest", handbook, "-n", "papers", "--engine", "ray")
    assert done.code == 1
    assert "pip install 'luma-rag[ray]'" in done.err
    assert command("documents", "list", "-n", "papers", "--json").json["total"] == 0


@pytest.mark.usefixtures("people")
def test_an_address_needs_ray(command: Command, handbook: str) -> None:
    for program, source in (("ingest", handbook), ("sync", str(Path(handbook).parent))):
        done = command(program, source, "-n", "papers", "--address", "auto")
        assert (done.code, done.err) == (2, "Usage error: --address belongs to --engine ray.\n")


@pytest.mark.usefixtures("people")
def test_ray_client_is_not_supported(command: Command, handbook: str) -> None:
    done = command("ingest", handbook, "-n", "papers", "--engine", "ray", "--address", "ray://far:10001")
    assert done.code == 1
    assert "ray start --address=HOST:6379" in done.err
