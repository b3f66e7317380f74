import pytest

from luma_rag.settings import names
from tests.integration.cli.conftest import Command


def test_every_setting_is_shown_with_its_source(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMA_LLM_API_KEY", "sk-1")
    monkeypatch.setenv("LUMA_PASSAGES", "4")
    shown = command("config", "show", "--json")
    settings = {setting["name"]: setting for setting in shown.json}
    assert settings.keys() == names().keys()
    assert settings["passages"] == {
        "name": "passages",
        "variable": "LUMA_PASSAGES",
        "value": 4,
        "source": "the environment",
    }
    assert (settings["llm.api_key"]["value"], settings["port"]["source"]) == ("********", "default")
    table = command("config", "show")
    assert "the environment" in table.out
    assert "sk-1" not in shown.out + table.out
