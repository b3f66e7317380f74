from pathlib import Path

import pytest

from luma_rag import settings
from luma_rag.errors import ConfigurationError


def test_names_of_the_environment_follow_the_nesting() -> None:
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


def test_an_unknown_name_is_refused_and_the_nearest_known_one_named() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean LUMA_DATABASE_URL"):
        settings.load({"LUMA_DATABSE_URL": "postgresql://localhost"})


def test_a_value_that_does_not_fit_is_named() -> None:
    with pytest.raises(ConfigurationError, match="max_upload_mb"):
        settings.load({"LUMA_MAX_UPLOAD_MB": "many"})
    with pytest.raises(ConfigurationError, match="registration"):
        settings.load({"LUMA_REGISTRATION": "maybe"})


def test_a_reranker_has_a_budget() -> None:
    loaded = settings.load({"LUMA_RERANKER": "/models/small", "LUMA_RERANKER_BUDGET_MS": "250"})
    assert (loaded.reranker, loaded.reranker_budget_ms) == ("/models/small", 250)
    with pytest.raises(ConfigurationError, match="reranker_budget_ms"):
        settings.load({"LUMA_RERANKER_BUDGET_MS": "0"})


def test_a_limit_can_be_switched_off_and_is_never_negative() -> None:
    loaded = settings.load({"LUMA_LIMITS_SEARCHES_PER_MINUTE": "0"})
    assert loaded.limits == settings.LimitsSettings(searches_per_minute=0)
    with pytest.raises(ConfigurationError, match="uploads_per_minute"):
        settings.load({"LUMA_LIMITS_UPLOADS_PER_MINUTE": "-1"})


def test_an_address_that_anybody_may_register_leads_to_no_account() -> None:
    both = {"LUMA_OPENID_MATCH_EMAIL": "true", "LUMA_REGISTRATION": "open"}
    with pytest.raises(ConfigurationError, match="don't go together"):
        settings.load(both)
    assert settings.load(both | {"LUMA_REGISTRATION": "first"}).openid.match_email
