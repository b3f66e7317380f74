"""A database keeps the profile that created its vectors."""

import msgspec
import pytest
from alembic import command
from sqlalchemy import Connection, text, update

from ingest.embedding import Embedder
from ingest.embedding.packaged import PackagedEmbedder
from luma_rag.db import migrate
from luma_rag.db.models import EmbeddingModel
from luma_rag.errors import ConfigurationError
from luma_rag.runtime import Store, check_model, open_runtime, open_services
from luma_rag.settings import Settings, load

QUESTION = "How long is the notice period?"


async def test_first_embedder_is_recorded_and_kept(store: Store, embedder: Embedder) -> None:
    assert await check_model(store.sessions, embedder) is embedder
    assert await check_model(store.sessions, embedder) is embedder
    async with store.sessions.begin() as session:
        recorded = await session.get_one(EmbeddingModel, 1)
        assert (recorded.sha256, recorded.profile) == (embedder.model.sha256, "int8-v1")


async def test_vectors_from_before_profiles_are_unchanged(store: Store, embedder: Embedder) -> None:
    def as_before(connection: Connection) -> None:
        configuration = migrate.config()
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0004")

    model = embedder.model
    async with store.engine.begin() as connection:
        await connection.run_sync(as_before)
        await connection.execute(
            text(
                "INSERT INTO embedding_model (name, sha256, dimensions) VALUES (:name, :sha256, :dimensions)"
            ),
            {"name": model.name, "sha256": model.sha256, "dimensions": model.dimensions},
        )
    await migrate.upgrade(store.engine)

    async with open_services(store, embedder) as services:
        assert services.embedder.model.profile == "float32"
        query = services.embedder.embed_query(QUESTION)
    assert float(query @ PackagedEmbedder(profile="float32").embed_query(QUESTION)) > 0.99999
    assert float(query @ embedder.embed_query(QUESTION)) < 0.999


async def test_existing_database_keeps_its_profile_regardless_of_the_setting(
    store: Store, embedder: Embedder
) -> None:
    exact = PackagedEmbedder(batch_size=7, threads=1, profile="float32")
    assert await check_model(store.sessions, exact) is exact
    found = await check_model(store.sessions, embedder)
    assert (found.model.profile, found.batch_size) == ("float32", embedder.batch_size)
    assert float(found.embed_query(QUESTION) @ exact.embed_query(QUESTION)) > 0.99999


async def test_setting_determines_the_profile_of_a_new_database(settings: Settings) -> None:
    wanted = load({"LUMA_INGEST_PROFILE": "float32", "LUMA_DATABASE_URL": str(settings.database_url)})
    async with open_runtime(msgspec.structs.replace(wanted, data_dir=settings.data_dir)) as runtime:
        assert runtime.embedder.model.profile == "float32"
        async with runtime.sessions.begin() as session:
            assert (await session.get_one(EmbeddingModel, 1)).profile == "float32"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"profile": "int4-v9"}, r"does not know \(int4-v9\)\. Update Luma"),
        ({"sha256": "0" * 64}, "made by all-MiniLM-L6-v2 .* another database"),
        ({"dimensions": 768}, "made by all-MiniLM-L6-v2 .* another database"),
    ],
)
async def test_incompatible_vectors_are_rejected(
    store: Store, embedder: Embedder, changed: dict[str, object], message: str
) -> None:
    await check_model(store.sessions, embedder)
    async with store.sessions.begin() as session:
        await session.execute(update(EmbeddingModel).values(**changed))
    with pytest.raises(ConfigurationError, match=message):
        await check_model(store.sessions, embedder)
