import importlib.util

import pytest
from typer.testing import CliRunner

from luma_rag.cli import app
from luma_rag.errors import UnavailableError
from luma_rag.evaluation.measures import require_libraries


@pytest.mark.parametrize("missing", ["ir_measures", "matplotlib"])
def test_a_missing_extra_is_named_with_the_fix(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_libraries()
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(UnavailableError, match=r"pip install 'luma-rag\[eval\]'"):
        require_libraries()
    result = CliRunner().invoke(app, ["eval", "retrieval", "--namespace", "contracts"])
    assert isinstance(result.exception, UnavailableError)
