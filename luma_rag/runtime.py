"""Builds everything from the settings and tears it down: the one place that wires components together."""

import asyncio
import functools
import logging
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import cast, get_args

import msgspec
from sqlalchemy import ColumnClause, Select, exists, func, literal_column, select
from sqlalchemy.exc import DBAPIError

from ingest.embedding import Embedder, ModelError, ModelSpec, load
from ingest.embedding.spec import packaged, spec_of
from ingest.types import EmbeddingProfile
from luma_rag.accounts.external_identities import IdentityProvider
from luma_rag.changes.stream import CHANNEL, ChangeStream
from luma_rag.chat import failures, turns
from luma_rag.chat.answerer import Answerer
from luma_rag.chat.extractive_answerer import ExtractiveAnswerer
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.chat.processes import Process
from luma_rag.chat.service import ChatService
from luma_rag.db import migrate
from luma_rag.db.errors import OutageLog, as_luma_error
from luma_rag.db.listener import Listener
from luma_rag.db.models import Ingestion
from luma_rag.db.replica import searching
from luma_rag.db.session import POOL_SIZE, Sessions, reading
from luma_rag.documents import models
from luma_rag.documents.ingestion import connected_workers
from luma_rag.documents.models import Models
from luma_rag.errors import ConfigurationError
from luma_rag.llm.llamacpp import LlamaServer
from luma_rag.llm.openai import OpenAIModel
from luma_rag.llm.protocol import LanguageModel
from luma_rag.retrieval.cross_encoder import CrossEncoderReranker
from luma_rag.retrieval.onnx_reranker import OnnxReranker, is_onnx_reranker
from luma_rag.retrieval.query_encoders import QueryEncoders
from luma_rag.retrieval.rerank_endpoint import EndpointReranker
from luma_rag.retrieval.reranking import Reranker, Reranking
from luma_rag.retrieval.search import Retriever
from luma_rag.settings import LLMSettings, OpenIDSettings, Settings
from luma_rag.store import Store, open_store

logger = logging.getLogger(__name__)
_outages = OutageLog(logger)
# Load balancers retry soon, and treat a missing response as a failure.
_CONNECTION_SECONDS = 1.0
_STATEMENT_SECONDS = 2.0
# A worker that has died is replaced within a second, unless it dies again and again.
_WORKER_MISSING = timedelta(seconds=10)
MIN_FREE_BYTES = 256 * 2**20
"""With less free space on the disk of the data directory the service isn't ready."""


class Runtime(Store, frozen=True):
    """The components of the service."""

    embedder: Embedder
    retriever: Retriever
    answerer: Answerer
    chats: ChatService
    change_stream: ChangeStream
    openid: IdentityProvider | None = None

    async def checks(self) -> dict[str, str]:
        """For each component, `ok` or its problem.

        The LLM and the reranker are not included: without them Luma still searches, and taking it out of
        service would help nobody.
        """
        database, workers = await self._check_database()
        disk = _check_disk(self.settings.data_dir)
        return {"embedder": "ok", "database": database, "disk": disk, "workers": workers}

    async def _check_database(self) -> tuple[str, str]:
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(_CONNECTION_SECONDS):
                    connection = await stack.enter_async_context(reading(self.engine).connect())
                async with asyncio.timeout(_STATEMENT_SECONDS):
                    revision, is_stuck = (await connection.execute(_state())).one()
            except TimeoutError:
                return "did not answer in time: too many requests use it, or it is stuck", "unknown"
            except Exception as error:
                if as_luma_error(error) is None and not isinstance(error, DBAPIError):
                    raise
                _outages.add("The check of the database", error)
                return "can't be used: the log of Luma has the reason", "unknown"
        return (
            "ok" if revision == migrate.head() else "not migrated to this version: restart Luma",
            "documents wait and no worker runs: start luma worker, or see the log of Luma"
            if is_stuck
            else "ok",
        )


@functools.cache
def _state() -> Select[str, bool]:
    # One statement, because checks are frequent.
    long_ago = func.localtimestamp() - _WORKER_MISSING
    waiting = exists().where(Ingestion.state == "queued", Ingestion.updated_at < long_ago)
    revision: ColumnClause[str] = literal_column("(SELECT version_num FROM alembic_version)")
    return select(revision, waiting & ~connected_workers().exists())


def _check_disk(data_dir: Path) -> str:
    files = data_dir / "files"
    try:
        free = shutil.disk_usage(files).free
    except OSError as error:
        return f"the folder `files` of the data directory can't be used: {error.strerror}"
    # Linux mounts a broken disk read-only.
    if not os.access(files, os.W_OK):
        return "the folder `files` of the data directory is read-only: uploads fail"
    if free < MIN_FREE_BYTES:
        return f"{free >> 20} MB are free in the data directory: free at least {MIN_FREE_BYTES >> 20} MB"
    return "ok"


@asynccontextmanager
async def open_runtime(settings: Settings, *, pool_size: int = POOL_SIZE) -> AsyncGenerator[Runtime]:
    """Open everything needed to answer questions. `pool_size` is the number of database connections.

    Raises:
        ConfigurationError: as for `open_store`; or another model made the stored vectors.
    """
    # The model loads while the database starts. One thread suffices for a short query, and a second would
    # compete with the worker.
    loading = asyncio.create_task(
        asyncio.to_thread(
            load_embedder, configured_model(settings), threads=1, api_key=settings.embedding.api_key
        )
    )
    try:
        async with (
            open_store(settings, pool_size=pool_size) as store,
            open_services(store, await loading) as runtime,
        ):
            async with store.sessions.begin() as session:
                await failures.recover(session)
            yield runtime
    finally:
        loading.cancel()


@asynccontextmanager
async def open_services(store: Store, embedder: Embedder) -> AsyncGenerator[Runtime]:
    """Search and answering on an open store with a loaded model.

    Raises:
        ConfigurationError: another model made the stored vectors, or the settings of the LLM, the reranker or
            the OpenID
            provider are invalid.
    """
    settings = store.settings
    embedder = await check_model(store.sessions, embedder, api_key=settings.embedding.api_key)
    async with AsyncExitStack() as stack:
        encoders = QueryEncoders(await open_models(store, embedder))
        stack.callback(encoders.close)
        answerer = create_answerer(settings.llm, embedder)
        stack.push_async_callback(answerer.aclose)
        reranking = None
        reranker = await asyncio.to_thread(create_reranker, settings)
        if reranker is not None:
            stack.push_async_callback(reranker.aclose)
            reranking = Reranking(reranker, settings.reranker_budget_ms / 1000)
        engine = await stack.enter_async_context(searching(store.engine, settings.database_read_url))
        retriever = Retriever(engine, encoders, reranking)
        process = Process()
        listener = Listener(partial(process.connect, store.url), CHANNEL)
        stack.push_async_callback(listener.aclose)
        admission = turns.Admission(process.id, settings.limits.answers_at_once)
        chats = ChatService(store.sessions, retriever, answerer, settings.passages, listener, admission)
        stack.push_async_callback(chats.aclose)
        openid = create_provider(settings.openid)
        if openid is not None:
            stack.push_async_callback(openid.aclose)
        parts = {name: getattr(store, name) for name in Store.__struct_fields__}
        yield Runtime(
            **parts,
            embedder=embedder,
            retriever=retriever,
            answerer=answerer,
            chats=chats,
            change_stream=ChangeStream(store.sessions, listener),
            openid=openid,
        )


def configured_model(settings: Settings) -> ModelSpec:
    """The embedding model that the settings name."""
    return spec_of(settings.embedding, settings.ingest.profile)


def model_named(settings: Settings, name: str | None) -> ModelSpec:
    """The embedding model that a command names as the settings would; None is that of the settings."""
    if name is None:
        return configured_model(settings)
    if name in get_args(EmbeddingProfile):
        return packaged(cast(EmbeddingProfile, name))
    return spec_of(msgspec.structs.replace(settings.embedding, model=name), settings.ingest.profile)


def load_embedder(
    spec: ModelSpec, *, batch_size: int = 16, threads: int | None = None, api_key: str | None = None
) -> Embedder:
    """Load the model; blocks while it does. The arguments are those of `ingest.embedding.load`.

    Raises:
        ConfigurationError: it can't be loaded.
    """
    try:
        return load(spec, batch_size=batch_size, threads=threads, api_key=api_key)
    except ModelError as error:
        raise ConfigurationError(str(error)) from error


async def check_model(sessions: Sessions, embedder: Embedder, *, api_key: str | None = None) -> Embedder:
    """Record the embedding model of a new database, or return the current model of an older one.

    That is `embedder` itself unless the settings name another model. Namespaces with other models load them
    when they are searched.

    Raises:
        ConfigurationError: the current model can't be loaded, or is no longer the one that made the vectors.
    """
    async with sessions.begin() as session:
        current = await models.current(session)
        if current is None:
            await models.record(session, embedder)
    if current is None or models.is_same(current, embedder):
        return embedder
    load = partial(load_embedder, batch_size=embedder.batch_size, threads=embedder.threads, api_key=api_key)
    found = await asyncio.to_thread(models.load_recorded, current, load)
    # Of the packaged model, the default profile of a new database may be newer than this one.
    if embedder.spec != ModelSpec():
        logger.warning(
            "The settings name the embedding model %s (%s). The documents are embedded with %s (%s), which "
            "stays in use. To embed them again with the model of the settings, run: luma reindex",
            embedder.model.name,
            embedder.model.profile,
            found.model.name,
            found.model.profile,
        )
    embedder.close()
    return found


async def open_models(store: Store, embedder: Embedder) -> Models:
    """All embedding models of the database. `embedder` is the one for new namespaces."""
    load = partial(
        load_embedder,
        batch_size=embedder.batch_size,
        threads=embedder.threads,
        api_key=store.settings.embedding.api_key,
    )
    return await Models.open(store.sessions, embedder, load)


def create_answerer(settings: LLMSettings, embedder: Embedder) -> Answerer:
    """The configured LLM, or the extractive answerer.

    Raises:
        ConfigurationError: see `create_language_model`.
    """
    model = create_language_model(settings)
    return ExtractiveAnswerer(embedder) if model is None else ModelAnswerer(model, settings)


def create_language_model(settings: LLMSettings) -> LanguageModel | None:
    """The configured LLM: an OpenAI-compatible server or a local llama.cpp; None if neither is configured.

    Raises:
        ConfigurationError: both are configured, or a setting is invalid.
    """
    if settings.base_url is not None and settings.gguf is not None:
        raise ConfigurationError("Set LUMA_LLM_BASE_URL or LUMA_LLM_GGUF, not both.")
    if settings.base_url is not None:
        return OpenAIModel(
            settings.base_url,
            model=settings.model,
            api_key=settings.api_key,
            connect_timeout=settings.connect_timeout,
            token_timeout=settings.token_timeout,
        )
    if settings.gguf is not None:
        return LlamaServer(
            settings.gguf, context_tokens=settings.context_tokens, token_timeout=settings.token_timeout
        )
    return None


def create_reranker(settings: Settings) -> Reranker | None:
    """The configured reranker, if any: an endpoint, or a cross-encoder, which blocks while it loads.

    Raises:
        ConfigurationError: it can't be loaded, or a setting is invalid.
    """
    if settings.reranker is None:
        return None
    if settings.reranker.lower().startswith(("http://", "https://")):
        return EndpointReranker(settings.reranker, api_key=settings.reranker_api_key)
    if is_onnx_reranker(settings.reranker):
        return OnnxReranker(settings.reranker)
    return CrossEncoderReranker(settings.reranker)


def create_provider(settings: OpenIDSettings) -> IdentityProvider | None:
    """The configured OpenID provider, or None.

    Raises:
        ConfigurationError: its settings are invalid.
    """
    if settings.issuer is None and settings.client_id is None:
        return None
    # Imported here, because it is slow to import and rarely needed.
    from luma_rag.accounts.openid import OpenIDProvider

    return OpenIDProvider(settings)
