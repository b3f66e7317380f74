import re
from functools import reduce
from pathlib import Path

import pytest

from luma_rag import settings
from luma_rag.errors import ConfigurationError


def test_environment_names_follow_the_nesting() -> None:
    loaded = settings.load(
        {
            "LUMA_LLM_BASE_URL": "http://localhost/v1",
            "LUMA_INGEST_LIMITS_SECONDS": "7",
            "LUMA_DATA_DIR": "~/luma",
            "LUMA_MAX_UPLOAD_MB": "",
            "PATH": "/bin",
        }
    )
    assert loaded.llm.base_url == "http://localhost/v1"
    assert loaded.ingest.limits.seconds == 7
    assert loaded.data_dir == Path("~/luma").expanduser()
    assert loaded.max_upload_mb == settings.Settings().max_upload_mb


def test_unknown_name_is_rejected_with_the_closest_match() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean LUMA_DATABASE_URL"):
        settings.load({"LUMA_DATABSE_URL": "postgresql://localhost"})


def test_invalid_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match="max_upload_mb"):
        settings.load({"LUMA_MAX_UPLOAD_MB": "many"})
    with pytest.raises(ConfigurationError, match="registration"):
        settings.load({"LUMA_REGISTRATION": "maybe"})


def test_reranker_settings_require_a_positive_budget() -> None:
    loaded = settings.load({"LUMA_RERANKER": "/models/small", "LUMA_RERANKER_BUDGET_MS": "250"})
    assert (loaded.reranker, loaded.reranker_budget_ms) == ("/models/small", 250)
    with pytest.raises(ConfigurationError, match="reranker_budget_ms"):
        settings.load({"LUMA_RERANKER_BUDGET_MS": "0"})


def test_limit_can_be_disabled_and_is_never_negative() -> None:
    loaded = settings.load({"LUMA_LIMITS_SEARCHES_PER_MINUTE": "0"})
    assert loaded.limits == settings.LimitsSettings(searches_per_minute=0)
    with pytest.raises(ConfigurationError, match="uploads_per_minute"):
        settings.load({"LUMA_LIMITS_UPLOADS_PER_MINUTE": "-1"})


def test_open_email_domain_can_not_link_accounts() -> None:
    both = {"LUMA_OPENID_MATCH_EMAIL": "true", "LUMA_REGISTRATION": "open"}
    with pytest.raises(ConfigurationError, match="don't go together"):
        settings.load(both)
    assert settings.load(both | {"LUMA_REGISTRATION": "first"}).openid.match_email


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory; the user has no configuration directory."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_secret_can_stand_in_a_file(folder: Path) -> None:
    (folder / "url").write_text("postgresql://luma:secret@db/luma\n")
    (folder / "key").write_text(" k \r\n")
    (folder / ".env").write_text(f"LUMA_LLM_API_KEY_FILE={folder / 'key'}\n")
    loaded = settings.load_with_sources({"LUMA_DATABASE_URL_FILE": str(folder / "url")})
    assert loaded.settings.database_url == "postgresql://luma:secret@db/luma"
    assert loaded.settings.llm.api_key == " k "
    assert loaded.sources["database_url"].name == "LUMA_DATABASE_URL_FILE"
    # The environment comes first, whichever of the two names it has.
    assert settings.load({"LUMA_LLM_API_KEY": "other"}).llm.api_key == "other"


def test_every_secret_can_stand_in_a_file(folder: Path) -> None:
    (folder / "secret").write_text("postgresql://x/y")
    for dotted in settings.SECRETS | {"database_url", "database_read_url"}:
        primary = {"LUMA_DATABASE_URL": "postgresql://x/y"} if dotted == "database_read_url" else {}
        loaded = settings.load({f"{settings.variable(dotted)}_FILE": "secret"} | primary)
        value: object = loaded
        for part in dotted.split("."):
            value = getattr(value, part)
        assert value == "postgresql://x/y"


def test_wrong_secret_file_is_named(folder: Path) -> None:
    (folder / "empty").write_text("\n")
    name = "LUMA_DATABASE_URL_FILE"
    for given, named in (
        ({name: "missing"}, "missing can't be read"),
        ({name: "empty"}, "empty is empty"),
        ({name: "empty", "LUMA_DATABASE_URL": "postgresql://x/y"}, "not both"),
        ({"LUMA_MODEL_FILE": "empty"}, "LUMA_MODEL_FILE is not a setting"),
        ({"LUMA_LLM_MODEL_FILE": "empty"}, "LUMA_LLM_MODEL_FILE is not a setting"),
    ):
        with pytest.raises(ConfigurationError, match=named):
            settings.load(given)


def test_the_environment_comes_before_dotenv_before_toml_before_defaults(folder: Path) -> None:
    (folder / "luma.toml").write_text(
        'passages = 3\nsession_days = 3\nmax_upload_mb = 3\n[llm]\nmodel = "toml"\ngguf = "~/model.gguf"\n'
        "[ingest.limits]\nseconds = 3\n"
    )
    (folder / ".env").write_text(
        'export LUMA_PASSAGES=2\nLUMA_LLM_MODEL="dot env"\n\n\nLUMA_SESSION_DAYS=2\nOTHER=1\n'
    )
    loaded = settings.load_with_sources({"LUMA_PASSAGES": "1"})
    found = loaded.settings
    assert (found.passages, found.session_days, found.max_upload_mb) == (1, 2, 3)
    assert (found.llm.model, found.llm.gguf) == ("dot env", Path("~/model.gguf").expanduser())
    assert (found.ingest.limits.seconds, found.ingest.batch_size) == (3, 16)
    assert {dotted: value.source for dotted, value in loaded.sources.items()} == {
        "passages": "the environment",
        "session_days": f"{folder / '.env'}, line 5",
        "max_upload_mb": f"{folder / 'luma.toml'}, line 3",
        "llm.model": f"{folder / '.env'}, line 2",
        "llm.gguf": f"{folder / 'luma.toml'}, line 6",
        "ingest.limits.seconds": f"{folder / 'luma.toml'}, line 8",
    }


def test_one_toml_file_is_read(folder: Path) -> None:
    users = folder / "config" / "luma"
    users.mkdir(parents=True)
    (users / "luma.toml").write_text("passages = 9\nsession_days = 9\n")
    assert settings.load({}).passages == 9
    (folder / "luma.toml").write_text("passages = 8\n")
    assert (settings.load({}).passages, settings.load({}).session_days) == (8, 30)
    named = folder / "other.toml"
    named.write_text("passages = 7\n")
    assert settings.load({"LUMA_CONFIG": str(named)}).passages == 7
    with pytest.raises(ConfigurationError, match=r"missing\.toml can't be read"):
        settings.load({"LUMA_CONFIG": str(folder / "missing.toml")})


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("luma.toml", "passages = 3\n[llm]\nbase_ulr = 'x'", r"luma\.toml, line 3: .* mean llm\.base_url\?"),
        ("luma.toml", "llm = {modle = 'x'}", r"luma\.toml: llm\.modle .* Did you mean llm\.model\?"),
        ("luma.toml", "passages = ", r"luma\.toml is not valid TOML"),
        ("luma.toml", "passages = 'many'", r"passages in .*luma\.toml, line 1 must be a whole number\."),
        ("luma.toml", "port = 99999", r"port in .*luma\.toml, line 1 must be at most 65535\."),
        (".env", "A=1\n\nLUMA_DATABSE_URL=x", r"\.env, line 3: .* mean LUMA_DATABASE_URL\?"),
        (".env", "LUMA_PASSAGES=3\nnot a line", r"\.env, line 2: a line must read NAME=value\."),
        (".env", "LUMA_REGISTRATION=maybe", r"line 1 must be one of first, open, closed\."),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_is_named_with_its_line(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        settings.load({})


def test_a_file_that_is_not_text_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"LUMA_LLM_MODEL=\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        settings.load({})


def test_a_replica_needs_a_primary(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="set both"):
        settings.load({"LUMA_DATABASE_READ_URL": "postgresql://replica/luma"})


def test_secrets_are_not_shown(folder: Path) -> None:
    loaded = settings.load(
        {
            "LUMA_LLM_API_KEY": "sk-1",
            "LUMA_RERANKER_API_KEY": "sk-2",
            "LUMA_OPENID_CLIENT_SECRET": "sk-3",
            "LUMA_DATABASE_URL": "postgresql://luma:sk-4@db:5432/luma?sslmode=require",
            "LUMA_DATABASE_READ_URL": "postgresql://luma:sk-5@replica/luma",
        }
    )
    shown = {dotted: settings.shown(loaded, dotted) for dotted in settings.names()}
    assert not any("sk-" in str(value) for value in shown.values())
    assert shown["llm.api_key"] == settings.HIDDEN
    assert shown["database_url"] == "postgresql://luma:********@db:5432/luma?sslmode=require"
    for hidden in ("postgresql:///luma?password=sk-5", "postgresql://[a:sk-5"):
        assert settings.shown(settings.load({"LUMA_DATABASE_URL": hidden}), "database_url") == settings.HIDDEN
    # A new setting that holds a secret must be hidden too.
    assert {
        name for name in settings.names() if name.endswith(("key", "secret", "password"))
    } == settings.SECRETS


def test_a_bad_value_of_a_secret_is_not_shown(folder: Path) -> None:
    (folder / "luma.toml").write_text("[llm]\napi_key = ['sk-1']\n")
    with pytest.raises(ConfigurationError) as failure:
        settings.load({})
    assert "sk-1" not in failure.value.detail
    assert "llm.api_key" in failure.value.detail


def test_host_and_port_can_be_set(folder: Path) -> None:
    assert (settings.load({}).host, settings.load({}).port) == ("127.0.0.1", 8000)
    with pytest.raises(ConfigurationError, match="LUMA_PORT"):
        settings.load({"LUMA_PORT": "99999"})


def test_a_worker_gets_all_settings_but_the_secrets_that_it_does_not_need() -> None:
    loaded = settings.load(
        {
            "LUMA_DATA_DIR": "/data",
            "LUMA_DATABASE_URL": "postgresql://luma:password@db/luma",
            "LUMA_INGEST_LIMITS_SECONDS": "7",
            "LUMA_LLM_GGUF": "/models/small.gguf",
            "LUMA_LLM_BASE_URL": "http://localhost/v1",
        }
        | {settings.variable(secret): f"s3cret {secret}" for secret in settings.SECRETS}
    )
    line = settings.for_child(loaded)
    # It embeds documents.
    assert re.findall(rb"s3cret ([a-z_.]+)", line) == [b"embedding.api_key"]
    assert line.count(b"\n") == 1
    received = settings.from_parent(line)
    for name in settings.names():
        withheld = settings.SECRETS - {"embedding.api_key"}
        expected = None if name in withheld else value(loaded, name)
        assert value(received, name) == expected, name


def value(loaded: settings.Settings, dotted: str) -> object:
    return reduce(getattr, dotted.split("."), loaded)
