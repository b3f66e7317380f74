"""The state of the whole installation, for administrators, and a test of the language model."""

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import BigInteger, cast, func, literal_column, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag import __version__
from luma_rag.access import Principal, require_admin
from luma_rag.chat.model_answerer import ModelAnswerer
from luma_rag.db import migrate
from luma_rag.db.errors import OutageLog, as_luma_error
from luma_rag.db.models import Document, Ingestion
from luma_rag.documents.workers import WorkerView, workers
from luma_rag.errors import LLMError
from luma_rag.llm.protocol import LanguageModel, PromptMessage, Written
from luma_rag.runtime import Runtime
from luma_rag.settings import LLMSettings

logger = logging.getLogger(__name__)
_outages = OutageLog(logger)
_PART_SECONDS = 2.0
_TEST_SECONDS = 60.0
# A model that thinks first needs more than the answer.
_TEST_TOKENS = 256
_NOT_CONFIGURED = (
    "No language model is configured: answers are quotes from the documents. Set LUMA_LLM_BASE_URL (and "
    "LUMA_LLM_MODEL, LUMA_LLM_API_KEY) for an OpenAI-compatible server, or LUMA_LLM_GGUF for a model file."
)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is read by itself. `problem` says why it could not be; its other values are then empty."""

    problem: str | None = None


class DatabaseState(Part, frozen=True):
    """The revision of the schema and that of this version, and the size of the database in bytes."""

    revision: str | None = None
    head: str | None = None
    bytes: int | None = None


class StorageState(Part, frozen=True):
    """The stored files, and the space that is left on their disk, in bytes."""

    files: int | None = None
    bytes: int | None = None
    free_bytes: int | None = None


class QueueState(Part, frozen=True):
    """Ingestions that wait, are running, or have failed, and how long the oldest has waited."""

    queued: int | None = None
    running: int | None = None
    failed: int | None = None
    oldest_queued_seconds: float | None = None


class WorkersState(Part, frozen=True):
    """The workers that are connected to the database."""

    items: list[WorkerView] = []


class EmbeddingState(msgspec.Struct, frozen=True):
    """The embedding model."""

    model: str
    profile: str
    dimensions: int


class LLMState(msgspec.Struct, frozen=True):
    """The language model: `server` behind an address, or `local` from a file; null if there is none."""

    configured: bool
    kind: Literal["server", "local"] | None
    model: str | None
    host: str | None


class RerankerState(msgspec.Struct, frozen=True):
    """The reranker."""

    configured: bool
    name: str | None


class System(msgspec.Struct, frozen=True):
    """The state of the installation."""

    version: str
    database: DatabaseState
    storage: StorageState
    queue: QueueState
    workers: WorkersState
    embedding: EmbeddingState
    llm: LLMState
    reranker: RerankerState


class LLMTest(msgspec.Struct, frozen=True):
    """The result of a test of the language model; `detail` says why it failed. Times are in milliseconds."""

    ok: bool
    model: str | None
    took_ms: float
    first_token_ms: float | None
    detail: str | None


_Part = TypeVar("_Part", bound=Part)


async def report(runtime: Runtime, principal: Principal) -> System:
    """Read every part by itself, so that one that fails hides no other. Administrators only."""
    require_admin(principal)
    model = runtime.embedder.model
    reranker = runtime.settings.reranker
    return System(
        __version__,
        await _read(runtime, DatabaseState, _database),
        await _read(runtime, StorageState, _storage),
        await _read(runtime, QueueState, _queue),
        await _read(runtime, WorkersState, _workers),
        EmbeddingState(model.name, model.profile, model.dimensions),
        _llm(runtime),
        RerankerState(reranker is not None, None if reranker is None else _host(reranker) or reranker),
    )


async def test_llm(runtime: Runtime, principal: Principal) -> LLMTest:
    """Let the language model write a few words. Administrators only."""
    require_admin(principal)
    model = _model(runtime)
    if model is None:
        return LLMTest(ok=False, model=None, took_ms=0.0, first_token_ms=None, detail=_NOT_CONFIGURED)
    began = time.perf_counter()
    first: float | None = None
    detail = None
    try:
        async with asyncio.timeout(_TEST_SECONDS), aclosing(_few_words(model)) as pieces:
            async for _ in pieces:
                first = first or time.perf_counter()
    except TimeoutError:
        detail = f"No answer within {_TEST_SECONDS:.0f} s."
    except LLMError as error:
        detail = error.detail
    took = time.perf_counter() - began
    return LLMTest(
        ok=detail is None,
        model=model.name,
        took_ms=round(took * 1000, 1),
        first_token_ms=None if first is None else round((first - began) * 1000, 1),
        detail=detail,
    )


def _few_words(model: LanguageModel) -> AsyncGenerator[Written]:
    return model.stream([PromptMessage("user", "Say OK.")], max_tokens=_TEST_TOKENS)


async def _read(
    runtime: Runtime, kind: type[_Part], read: Callable[[Runtime, AsyncSession], Awaitable[_Part]]
) -> _Part:
    try:
        async with asyncio.timeout(_PART_SECONDS), runtime.sessions.begin() as session:
            return await read(runtime, session)
    except TimeoutError:
        return kind(problem=f"No answer within {_PART_SECONDS:.0f} s.")
    except (SQLAlchemyError, OSError) as error:
        _outages.add("The state of the system", error)
        known = as_luma_error(error)
        return kind(problem=known.detail if known else f"{type(error).__name__}: the log of Luma has more.")


async def _database(_: Runtime, session: AsyncSession) -> DatabaseState:
    row = await session.execute(
        select(
            literal_column("(SELECT version_num FROM alembic_version)"),
            func.pg_database_size(func.current_database()),
        )
    )
    revision, size = row.one()
    return DatabaseState(revision=revision, head=migrate.head(), bytes=size)


async def _storage(runtime: Runtime, session: AsyncSession) -> StorageState:
    size = cast(Document.file_metadata["size"].as_string(), BigInteger)
    row = await session.execute(select(func.count(), func.coalesce(func.sum(size), 0)).select_from(Document))
    files, used = row.one()
    usage = await asyncio.to_thread(shutil.disk_usage, runtime.settings.data_dir / "files")
    return StorageState(files=files, bytes=int(used), free_bytes=usage.free)


async def _queue(_: Runtime, session: AsyncSession) -> QueueState:
    waiting: Any = func.localtimestamp() - func.min(Ingestion.updated_at)
    rows = await session.execute(
        select(Ingestion.state, func.count(), func.extract("epoch", waiting))
        # A constant, because a generic plan uses a partial index only if the statement implies its condition.
        .where(text("state IN ('queued', 'running')"))
        .group_by(Ingestion.state)
    )
    active = {state: (count, float(seconds)) for state, count, seconds in rows}
    queued, oldest = active.get("queued", (0, None))
    return QueueState(
        queued=queued,
        running=active.get("running", (0, None))[0],
        failed=await session.scalar(
            select(func.count()).select_from(Ingestion).where(Ingestion.state == "failed")
        ),
        oldest_queued_seconds=None if oldest is None else round(max(0.0, oldest), 1),
    )


async def _workers(_: Runtime, session: AsyncSession) -> WorkersState:
    return WorkersState(items=await workers(session))


def _model(runtime: Runtime) -> LanguageModel | None:
    return runtime.answerer.model if isinstance(runtime.answerer, ModelAnswerer) else None


def _llm(runtime: Runtime) -> LLMState:
    model = _model(runtime)
    if model is None:
        return LLMState(configured=False, kind=None, model=None, host=None)
    configured: LLMSettings = runtime.settings.llm
    host = None if configured.base_url is None else _host(configured.base_url)
    return LLMState(configured=True, kind="local" if host is None else "server", model=model.name, host=host)


def _host(address: str) -> str | None:
    """Host and port of a URL, without the user and the password that may stand in it."""
    return urlsplit(address).netloc.rpartition("@")[2] or None if "://" in address else None
