"""What the URL of the database may be, and what is said where it is none."""

import pytest
from sqlalchemy import text

from luma_rag.db.session import create_engine
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import open_store
from luma_rag.settings import Settings


async def test_options_of_libpq_are_understood_and_times_are_utc(database: str) -> None:
    engine = create_engine(f"{database}&sslmode=prefer&application_name=other")
    async with engine.connect() as connection:
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
    await engine.dispose()


@pytest.mark.parametrize(
    "url", ["mysql://localhost/luma", "localhost:5432", "postgresql+asyncpg://localhost/x"]
)
def test_another_kind_of_url_is_refused_with_the_form_that_is_meant(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://user:password@host:5432/database"):
        create_engine(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://luma@127.0.0.1:9/luma", "Check the address"),
        ("postgresql://luma@127.0.0.1:port/luma", "percent-encoded"),
        ("postgresql://luma@127.0.0.1:9/luma?sslmode=maybe", "sslmode"),
    ],
)
async def test_a_database_that_is_not_there_is_named(url: str, said: str, settings: Settings) -> None:
    elsewhere = Settings(data_dir=settings.data_dir, database_url=url)
    with pytest.raises(ConfigurationError, match="LUMA_DATABASE_URL") as caught:
        async with open_store(elsewhere):
            pass
    assert said in caught.value.detail
