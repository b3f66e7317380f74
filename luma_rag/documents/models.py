"""The embedding models of a database, each loaded when it is first needed."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.embedding import Embedder, ModelSpec
from ingest.embedding.spec import packaged
from ingest.errors import OutageError
from ingest.types import EmbeddingProfile, Vector
from luma_rag.db.models import EmbeddingModel
from luma_rag.db.session import Sessions
from luma_rag.documents.embeddings import DocumentText, embed
from luma_rag.errors import ConfigurationError, LumaError

logger = logging.getLogger(__name__)

MAX_OTHERS = 2
"""Models that stay loaded beside the one of the process, the latest used."""

Load = Callable[[ModelSpec], Embedder]
"""Loads a model; blocks. Raises `ConfigurationError` if it can't."""


class Models:
    """The models of a database by their ids. `own` is the one that the process has loaded at its start."""

    def __init__(self, sessions: Sessions, own: Embedder, own_id: int, load: Load) -> None:
        self.own = own
        self.own_id = own_id
        self._sessions = sessions
        self._load = load
        self._others: OrderedDict[int, Embedder] = OrderedDict()
        self._loading = asyncio.Lock()

    @classmethod
    async def open(cls, sessions: Sessions, own: Embedder, load: Load) -> "Models":
        """The models of the database, which learns about `own` if it does not know it."""
        async with sessions.begin() as session:
            own_id = await record(session, own)
        return cls(sessions, own, own_id, load)

    async def learn(self, embedder: Embedder) -> int:
        """The id of a loaded model, which the database may not know yet."""
        async with self._sessions.begin() as session:
            model_id = await record(session, embedder)
        if model_id != self.own_id:
            self._others[model_id] = embedder
        return model_id

    async def get(self, model_id: int) -> Embedder:
        """The model, loaded.

        Raises:
            ConfigurationError: it can't be loaded, or is no longer the one that made the vectors.
        """
        if model_id == self.own_id:
            return self.own
        async with self._loading:
            found = self._others.pop(model_id, None)
            if found is None:
                async with self._sessions.begin() as session:
                    recorded = await session.get_one(EmbeddingModel, model_id)
                found = await asyncio.to_thread(load_recorded, recorded, self._load)
                logger.info("Loaded the embedding model %s", recorded.name)
            self._others[model_id] = found
            while len(self._others) > MAX_OTHERS:
                # Not closed: a search may be using it.
                self._others.popitem(last=False)
        return found

    async def get_or_wait(self, model_id: int) -> Embedder:
        """The model, loaded, for a document that can wait for it.

        Raises:
            OutageError: it can't be loaded now.
        """
        try:
            return await self.get(model_id)
        except LumaError as error:
            raise OutageError(error.detail) from error

    async def embed(self, model_id: int, text: DocumentText) -> Vector:
        """Embed the chunks of a document; shape (len(text.chunks), dimensions).

        Raises:
            OutageError: the model can't be loaded now.
        """
        return await asyncio.to_thread(embed, await self.get_or_wait(model_id), text)

    def close(self) -> None:
        """Close the models that were loaded here."""
        for embedder in self._others.values():
            embedder.close()
        self._others.clear()


async def record(session: AsyncSession, embedder: Embedder) -> int:
    """The id of a model in the database; it is added if it is new. The first becomes the current one."""
    model = embedder.model
    # Two processes that start together must not add it twice.
    await session.execute(text("LOCK TABLE embedding_model IN SHARE ROW EXCLUSIVE MODE"))
    found = await session.scalar(
        select(EmbeddingModel.id).where(
            EmbeddingModel.sha256 == model.sha256,
            EmbeddingModel.dimensions == model.dimensions,
            EmbeddingModel.profile == model.profile,
        )
    )
    spec = None if embedder.spec.kind == "packaged" else msgspec.to_builtins(embedder.spec)
    if found is not None:
        # A server or a folder may have moved.
        await session.execute(
            update(EmbeddingModel)
            .where(EmbeddingModel.id == found, EmbeddingModel.spec["name"].astext != embedder.spec.name)
            .values(spec=spec)
        )
        return found
    is_first = await session.scalar(select(func.count()).select_from(EmbeddingModel)) == 0
    added = EmbeddingModel(
        name=model.name,
        sha256=model.sha256,
        dimensions=model.dimensions,
        profile=model.profile,
        spec=spec,
        is_current=is_first,
    )
    session.add(added)
    await session.flush()
    return added.id


async def current(session: AsyncSession) -> EmbeddingModel | None:
    """The model of new namespaces; None before the first start."""
    found: EmbeddingModel | None = await session.scalar(
        select(EmbeddingModel).where(EmbeddingModel.is_current)
    )
    return found


async def make_current(session: AsyncSession, model_id: int) -> None:
    """Let new namespaces have a model."""
    await session.execute(update(EmbeddingModel).values(is_current=False))
    await session.execute(update(EmbeddingModel).where(EmbeddingModel.id == model_id).values(is_current=True))


def is_same(recorded: EmbeddingModel, embedder: Embedder) -> bool:
    """Whether a model makes the vectors of a recorded one."""
    model = embedder.model
    return (recorded.sha256, recorded.dimensions, recorded.profile) == (
        model.sha256,
        model.dimensions,
        model.profile,
    )


def load_recorded(recorded: EmbeddingModel, load: Load) -> Embedder:
    """Load the model that made vectors of the database; blocks.

    Raises:
        ConfigurationError: it can't be loaded, or what is loaded in its place is another one.
    """
    loaded = load(_spec(recorded))
    if not is_same(recorded, loaded):
        loaded.close()
        raise ConfigurationError(
            f"The vectors in this database were made by {recorded.name} ({recorded.sha256[:12]}…), and what "
            f"Luma finds in its place is {loaded.model.name} ({loaded.model.sha256[:12]}…). Bring the model "
            "back, use the version of Luma that made the vectors, or another database."
        )
    return loaded


def _spec(recorded: EmbeddingModel) -> ModelSpec:
    if recorded.spec is not None:
        return msgspec.convert(recorded.spec, ModelSpec)
    try:
        return packaged(msgspec.convert(recorded.profile, EmbeddingProfile))
    except msgspec.ValidationError:
        raise ConfigurationError(
            f"The vectors in this database were made in a way that this Luma does not know "
            f"({recorded.profile}). Update Luma, or use another database."
        ) from None
