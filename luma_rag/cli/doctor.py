"""`luma doctor`: the configuration and the services that it names."""

import asyncio
import os
import platform
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import typer
from rich.table import Table
from rich.text import Text
from sqlalchemy import Row, text

from ingest import recognition, sandbox
from ingest.containment import Containment
from ingest.embedding import ModelSpec
from ingest.parsers import READER_VERSION
from luma_rag import __version__, settings
from luma_rag.cli.options import Json
from luma_rag.cli.output import console, print_json
from luma_rag.cli.running import run
from luma_rag.db.connect import database_url
from luma_rag.db.migrate import current_and_head
from luma_rag.db.session import create_engine
from luma_rag.errors import LumaError
from luma_rag.llm.protocol import PromptMessage
from luma_rag.retrieval.reranking import CANDIDATES
from luma_rag.runtime import configured_model, create_language_model, create_reranker, load_embedder
from luma_rag.settings import Settings

_LOW_DISK_BYTES = 2**30
# Enough for a model that thinks first.
_TEST_TOKENS = 256
_TO_READ_AGAIN = text("""
    SELECT
        count(*) FILTER (WHERE jsonb_path_exists(
            file_metadata, '$.warnings[*] ? (@.code == "page_is_picture" || @.code == "unknown_characters"
                || @.code == "no_language")'
        )),
        count(*) FILTER (WHERE file_metadata ? 'pages'
            AND coalesce(CAST(file_metadata ->> 'reader' AS integer), 0) < :version)
    FROM document
""")
_CURRENT_MODEL = text("SELECT name, profile, spec FROM embedding_model WHERE is_current")


class Check(msgspec.Struct, frozen=True):
    """The result of one check."""

    name: str
    state: Literal["ok", "note", "failed"]
    detail: str


def doctor(json: Json = False) -> None:
    """Check the configuration and the services that it names. The exit code is 1 if a check fails.

    Example: luma doctor
    """

    async def check_all() -> list[Check]:
        return [check async for check in _checks()]

    checks = run(check_all())
    if json:
        print_json(checks)
    else:
        marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "failed": "[red]failed[/]"}
        table = Table("", "", "", show_header=False, box=None)
        for check in checks:
            table.add_row(marks[check.state], check.name, Text(check.detail))
        console.print(table)
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(1)


async def _checks() -> AsyncGenerator[Check]:
    yield Check("luma", "ok", f"{__version__}, Python {platform.python_version()} on {platform.platform()}")
    try:
        loaded = settings.load_with_sources()
    except LumaError as error:
        yield Check("settings", "failed", error.detail)
        return
    configured = loaded.settings
    names = sorted(value.name for value in loaded.sources.values())
    yield Check("settings", "ok", f"{', '.join(names) or 'all by default'}; see luma config show")
    yield _disk(configured.data_dir)
    for name, look in (
        ("database", _database),
        ("containment", _parser_containment),
        ("text recognition", _recognition),
        ("embedding model", _model),
        ("reranker", _reranker),
        ("answers", _llm),
    ):
        yield await _checked(name, look, configured)


async def _checked(name: str, look: Callable[[Settings], Awaitable[Check]], configured: Settings) -> Check:
    try:
        return await look(configured)
    except LumaError as error:
        return Check(name, "failed", error.detail)
    except Exception as error:
        # Any failure is a finding, and must not hide the checks that follow.
        return Check(name, "failed", f"{type(error).__name__}: {error}")


def _disk(data_dir: Path) -> Check:
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{data_dir}, {free / 2**30:.1f} GB free"
    if not os.access(existing, os.W_OK):
        return Check(
            "data directory", "failed", f"{detail}; not writable: set LUMA_DATA_DIR to another directory"
        )
    return Check("data directory", "note" if free < _LOW_DISK_BYTES else "ok", detail)


async def _database(configured: Settings) -> Check:
    database = database_url(configured)
    url = await asyncio.to_thread(database.__enter__)
    try:
        engine = create_engine(url, pool_size=1)
        try:
            async with engine.connect() as connection:
                version = await connection.scalar(text("SHOW server_version"))
                vector = await connection.scalar(
                    text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
                )
                current, head = await connection.run_sync(current_and_head)
                unread = outdated = 0
                other_model = None
                if current == head:
                    recorded = (await connection.execute(_CURRENT_MODEL)).one_or_none()
                    other_model = _other_model(configured, recorded)
                    counted = await connection.execute(_TO_READ_AGAIN, {"version": READER_VERSION})
                    unread, outdated = counted.one()
        finally:
            await engine.dispose()
    finally:
        database.__exit__(None, None, None)
    kind = "embedded" if configured.database_url is None else "LUMA_DATABASE_URL"
    detail = f"{kind}, Postgres {version}, pgvector {vector or 'not installed yet'}"
    if current is None:
        return Check("database", "note", f"{detail}; empty: the next command migrates it")
    if current != head:
        return Check("database", "note", f"{detail}; from another version: run luma db upgrade")
    found = [f"{detail}, schema up to date"]
    if other_model is not None:
        found.append(other_model)
    if unread:
        found.append(f"documents with pages that were not read: {unread} (luma reread --incomplete)")
    if outdated:
        found.append(f"documents that an earlier version has read: {outdated} (luma reread)")
    return Check("database", "ok" if len(found) == 1 else "note", "; ".join(found))


def _other_model(configured: Settings, recorded: Row[str, str, dict[str, Any] | None] | None) -> str | None:
    """What to say if the settings name another embedding model than that of the documents."""
    wanted = configured_model(configured)
    if recorded is None or wanted == ModelSpec():
        return None
    name, profile, spec = recorded
    used = ModelSpec(name=profile) if spec is None else msgspec.convert(spec, ModelSpec)
    if wanted == msgspec.structs.replace(used, ranking=None):
        return None
    return (
        f"the settings name another embedding model than the documents have, {name}, {profile} (luma reindex)"
    )


async def _parser_containment(_: Settings) -> Check:
    layers = await asyncio.to_thread(sandbox.containment)
    return _containment(layers, platform.system(), root=os.geteuid() == 0)


def _containment(layers: Containment, system: str, *, root: bool) -> Check:
    """The kernel features that contain parsers."""
    offered = [
        ("Landlock", layers.landlock, "Linux 5.13 or newer with landlock among its security modules"),
        ("seccomp", layers.seccomp, "x86-64 or ARM64, and a container that permits it"),
    ]
    if root:
        offered.append(("a user of their own", layers.own_user, "the capabilities to change users"))
    held = [name for name, holds, _ in offered if holds]
    missing = [f"{name} needs {needs}" for name, holds, needs in offered if not holds]
    if system != "Linux":
        missing = [f"{system} has neither Landlock nor seccomp: run Luma in a Linux container"]
    level = layers.level(root=root)
    detail = f"{level}: {', '.join(held) or 'only limits on time and output'}"
    return Check("containment", "ok" if level == "full" else "note", "; ".join([detail, *missing]))


async def _recognition(configured: Settings) -> Check:
    name = "text recognition"
    if not recognition.is_installed():
        return Check(name, "note", "scans stay unread: run pip install 'luma-rag[ocr]'")
    if not configured.ingest.ocr:
        return Check(name, "note", "switched off: scans stay unread while LUMA_INGEST_OCR is false")
    return Check(name, "ok", "RapidOCR recognizes scans in Latin and Chinese script")


async def _model(configured: Settings) -> Check:
    embedder = await asyncio.to_thread(
        load_embedder,
        configured_model(configured),
        batch_size=configured.ingest.batch_size,
        api_key=configured.embedding.api_key,
    )
    await asyncio.to_thread(embedder.embed_query, "Does it work?")
    model = embedder.model
    return Check(
        "embedding model", "ok", f"{model.name}, {model.profile}, weights verified ({model.sha256[:12]}…)"
    )


async def _reranker(configured: Settings) -> Check:
    reranker = await asyncio.to_thread(create_reranker, configured)
    if reranker is None:
        return Check(
            "reranker", "note", "none is configured; LUMA_RERANKER names a CrossEncoder or a /rerank endpoint"
        )
    try:
        # The first call takes longer.
        await reranker.scores("Does it work?", ["It does."])
        started = time.perf_counter()
        await reranker.scores("Does it work?", ["It works as it should. " * 40] * CANDIDATES)
        duration_ms = (time.perf_counter() - started) * 1000
    finally:
        await reranker.aclose()
    budget_ms = configured.reranker_budget_ms
    detail = f"{reranker.name} took {duration_ms:.0f} of {budget_ms} ms for {CANDIDATES} long passages"
    if duration_ms > budget_ms:
        return Check("reranker", "note", f"{detail}: raise LUMA_RERANKER_BUDGET_MS, or use a smaller model")
    return Check("reranker", "ok", detail)


async def _llm(configured: Settings) -> Check:
    model = create_language_model(configured.llm)
    if model is None:
        return Check(
            "answers",
            "note",
            "no LLM is configured: answers are quotes from the documents. Set LUMA_LLM_BASE_URL (and "
            "LUMA_LLM_MODEL, LUMA_LLM_API_KEY) for an OpenAI-compatible server, or LUMA_LLM_GGUF for a model "
            "file",
        )
    try:
        question = PromptMessage("user", "Say OK.")
        pieces = [piece async for piece in model.stream([question], max_tokens=_TEST_TOKENS)]
        answer = "".join(piece for piece in pieces if isinstance(piece, str))
        return Check("answers", "ok", f"{model.name} answered: {answer.strip()!r}")
    finally:
        await model.aclose()
