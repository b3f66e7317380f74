"""Verification of the store: invariants between tables, and between tables and files.

Each check is one statement, or one traversal of the storage folder, to stay fast on a large store. All
statements share one snapshot.
"""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import msgspec
from sqlalchemy import (
    ARRAY,
    Column,
    FromClause,
    Integer,
    Select,
    String,
    Text,
    any_,
    cast,
    column,
    func,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.db.base import Base
from luma_rag.db.models import Document, Ingestion
from luma_rag.db.session import Sessions
from luma_rag.documents.ingestion import connected_workers
from luma_rag.documents.storage import FileStorage
from luma_rag.verify.rules import (
    CHECKS,
    DEAD_WORKER,
    DEEP_CHECKS,
    DIFFERENT,
    MISSING,
    REFERENCES,
    STRAY,
    Check,
)

# A file gets its document once its upload is complete. One untouched for this long never will.
UPLOAD_SECONDS = 3600
MAX_EXAMPLES = 5


class Finding(msgspec.Struct, frozen=True):
    """A violated invariant: the number of cases, some examples, and the fix."""

    check: str
    rule: str
    count: int
    examples: list[str]
    advice: str


class Verdict(msgspec.Struct, frozen=True):
    """The result of a verification. Without findings the store is consistent."""

    checks: int
    findings: list[Finding]
    seconds: float


async def verify(sessions: Sessions, storage: FileStorage, *, deep: bool = False) -> Verdict:
    """Check every invariant; with `deep`, also read every stored file and every vector."""
    began = time.perf_counter()
    async with sessions.begin() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        # First, because worker liveness concerns the present and everything else the snapshot.
        findings = [await _ask(session, DEAD_WORKER, _left_running().subquery())]
        findings.append(await _ask(session, REFERENCES, _lost_references()))
        checks = CHECKS + DEEP_CHECKS if deep else CHECKS
        findings += [await _ask(session, check, _cases(check.query)) for check in checks]
        documents = await session.execute(
            select(
                Document.id,
                Document.file_path,
                Document.file_metadata["size"].as_string(),
                Document.file_metadata["sha256"].as_string(),
            ).order_by(Document.id)
        )
        stored = [_Stored(*row) for row in documents]
    findings += await _check_files(sessions, storage, stored, deep=deep)
    return Verdict(
        checks=len(checks) + 5,
        findings=[finding for finding in findings if finding.count],
        seconds=round(time.perf_counter() - began, 3),
    )


class _Stored(msgspec.Struct, frozen=True):
    doc_id: int
    path: str
    size: str | None
    sha256: str | None


async def _ask(session: AsyncSession, check: Check, cases: FromClause) -> Finding:
    example = cases.c.example
    numbered = select(example, func.row_number().over(order_by=example).label("n")).subquery()
    count, examples = (
        await session.execute(
            select(
                func.count(),
                func.array_agg(aggregate_order_by(numbered.c.example, numbered.c.n)).filter(
                    numbered.c.n <= MAX_EXAMPLES
                ),
            ).select_from(numbered)
        )
    ).one()
    return Finding(check.name, check.rule, count, list(examples or ()), check.advice)


def _cases(query: str) -> FromClause:
    # Every query is one of the constants in `rules`.
    return (
        text(f"SELECT example FROM ({query}) AS found (example)")  # noqa: S608
        .columns(column("example", Text))
        .subquery()
    )


def _left_running() -> Select[str]:
    return select(
        func.format(
            "ingestion %s: namespace %s, document %s",
            Ingestion.id,
            Ingestion.namespace_id,
            Ingestion.doc_id,
            type_=Text,
        ).label("example")
    ).where(Ingestion.state == "running", Ingestion.worker.not_in(connected_workers()))


def _lost_references() -> FromClause:
    """The rows that violate a foreign key, in all tables. Postgres prevents such rows, except in a restore or
    with triggers disabled.
    """
    tables = Base.metadata.sorted_tables
    keys = chain.from_iterable(sorted(table.foreign_keys, key=str) for table in tables)
    return union_all(*(_breaking(key.parent, key.column) for key in keys)).subquery()


def _breaking(child: Column[int], parent: Column[int]) -> Select[str]:
    owner = child.table
    target = parent.table.alias()
    rows = [cast(key, String) for key in owner.primary_key]
    name = literal(f"{owner.name} ", Text) + func.concat_ws("/", *rows, type_=Text)
    return (
        select((name + f": {child.name} " + cast(child, Text)).label("example"))
        .select_from(owner.outerjoin(target, target.c[parent.name] == child))
        .where(child.is_not(None), target.c[parent.name].is_(None))
    )


async def _check_files(
    sessions: Sessions, storage: FileStorage, stored: Sequence[_Stored], *, deep: bool
) -> list[Finding]:
    files = {file.path: file for file in await asyncio.to_thread(lambda: list(storage.files()))}
    missing: dict[int, str] = {}
    different: dict[int, str] = {}
    for document in stored:
        found = files.get(document.path)
        if found is None:
            missing[document.doc_id] = f"document {document.doc_id}: {document.path}"
        elif str(found.size) != document.size:
            different[document.doc_id] = (
                f"document {document.doc_id}: {found.size} bytes, not {document.size}: {document.path}"
            )
        elif deep and await asyncio.to_thread(_sha256, storage.path(document.path)) != document.sha256:
            different[document.doc_id] = f"document {document.doc_id}: other content: {document.path}"
    # A later deletion is not a finding; a file is removed after its document.
    async with sessions.begin() as session:
        there = set(
            await session.scalars(
                select(Document.id).where(
                    Document.id == any_(literal([*missing, *different], ARRAY(Integer)))
                )
            )
        )
    known = {document.path for document in stored}
    stray = [
        f"{file.path}: {file.size} bytes"
        for file in files.values()
        if file.path not in known and file.age > UPLOAD_SECONDS and storage.path(file.path).exists()
    ]
    return [
        _finding(MISSING, [case for doc_id, case in missing.items() if doc_id in there]),
        _finding(DIFFERENT, [case for doc_id, case in different.items() if doc_id in there]),
        _finding(STRAY, sorted(stray)),
    ]


def _finding(check: Check, cases: list[str]) -> Finding:
    return Finding(check.name, check.rule, len(cases), cases[:MAX_EXAMPLES], check.advice)


def _sha256(path: Path) -> str | None:
    """None if the file can't be read or no longer exists."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
