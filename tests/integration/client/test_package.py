"""The package itself: what it loads, and that the client for scripts is the generated one."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import luma_client
import luma_rag.client
from tests.paths import ROOT

PACKAGE = ROOT / "packages" / "luma-client"
SERVER = {"alembic", "asyncpg", "ingest", "litestar", "numpy", "onnxruntime", "sqlalchemy", "tokenizers"}


@pytest.mark.parametrize("module", ["luma_client", "luma_rag.client"])
def test_it_loads_nothing_of_the_server(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    modules = set(loaded.stdout.split())
    assert {"httpx", "luma_client"} <= modules
    assert not {name.partition(".")[0] for name in modules} & SERVER
    # Nor what scripts have no use for.
    assert "asyncio" not in modules
    assert {name for name in modules if name.startswith("luma_rag")} <= {"luma_rag", "luma_rag.client"}


def test_the_server_package_gives_the_same_client() -> None:
    assert luma_rag.client.__all__ == luma_client.__all__
    for name in luma_client.__all__:
        assert getattr(luma_rag.client, name) is getattr(luma_client, name)


def test_the_client_for_scripts_is_generated(tmp_path: Path) -> None:
    """After a change of `_async`: python packages/luma-client/generate_sync.py."""
    runpy.run_path(str(PACKAGE / "generate_sync.py"))["generate"](tmp_path)
    there = PACKAGE / "luma_client" / "_sync"
    generated = {path.name: path.read_text() for path in tmp_path.glob("*.py")}
    assert generated == {path.name: path.read_text() for path in there.glob("*.py")}
    assert "Luma" in generated["__init__.py"]
    assert not [text for text in generated.values() if "await" in text or "Async" in text]
