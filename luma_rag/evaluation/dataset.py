"""Public retrieval sets in BEIR format: `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`.

The format is that of Thakur et al., "BEIR: a heterogenous benchmark for zero-shot evaluation of information
retrieval models", NeurIPS 2021.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ingest.chunker import TokenCounter, chunk, embedding_text
from ingest.embedding import Embedder
from ingest.settings import ChunkSettings, IngestSettings
from ingest.types import Chunk, EmbeddedDocument, ParsedDocument
from ingest.types import Passage as ParsedPassage
from luma_rag import namespaces
from luma_rag.access import Principal, placements
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Ingestion, Namespace, NamespaceDoc, User
from luma_rag.documents.ingestion import register_worker
from luma_rag.documents.vectors import PostgresSink
from luma_rag.errors import InvalidInputError
from luma_rag.evaluation.questions import Place, Question
from luma_rag.runtime import open_models
from luma_rag.store import Store

_AT_ONCE = 200
_Line = TypeVar("_Line", bound=msgspec.Struct)


class Entry(msgspec.Struct, frozen=True):
    """A document of a set."""

    id: str = msgspec.field(name="_id")
    text: str = ""
    title: str = ""

    @property
    def digest(self) -> str:
        """The entry's key in the store, 64 hexadecimal digits, because its id may be any text."""
        return hashlib.sha256(f"{self.id}\n{self.text}".encode()).hexdigest()


class Query(msgspec.Struct, frozen=True):
    """A question of a set."""

    text: str
    id: str = msgspec.field(name="_id")


class Dataset(msgspec.Struct, frozen=True):
    """A set: its documents, and the questions with at least one relevant document."""

    name: str
    entries: list[Entry]
    questions: list[Question]


def store_name(dataset: Dataset, settings: IngestSettings) -> str:
    """The store name of a set. Different texts, chunking or embedding give a different name."""
    made_of = msgspec.json.encode((dataset.entries, settings.chunk, settings.profile))
    return f"{dataset.name}-{hashlib.sha256(made_of).hexdigest()[:12]}"


def read_dataset(folder: Path) -> Dataset:
    """Read a set. Judgments are in `qrels.tsv`, or in `qrels/test.tsv` as BEIR ships them.

    Raises:
        InvalidInputError: a file is missing or has another format.
    """
    judgments = next((p for p in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if p.is_file()), None)
    if judgments is None or not all((folder / n).is_file() for n in ("corpus.jsonl", "queries.jsonl")):
        raise InvalidInputError(
            f"{folder} is no retrieval set: corpus.jsonl, queries.jsonl and qrels.tsv (or qrels/test.tsv) "
            "are needed, as BEIR has them."
        )
    try:
        entries = list(_lines(folder / "corpus.jsonl", Entry))
        queries = {query.id: query.text for query in _lines(folder / "queries.jsonl", Query)}
        relevant: dict[str, list[Place]] = {}
        with judgments.open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                grade = int(row["score"])
                if grade > 0 and row["query-id"] in queries:
                    place = Place(row["corpus-id"], grade=grade)
                    relevant.setdefault(row["query-id"], []).append(place)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, ValueError) as error:
        raise InvalidInputError(f"{folder} can't be read as a retrieval set: {error}") from None
    questions = [
        Question(key, text, tuple(relevant[key])) for key, text in queries.items() if key in relevant
    ]
    return Dataset(folder.resolve().name, [entry for entry in entries if entry.text.strip()], questions)


async def load(
    store: Store,
    embedder: Embedder,
    dataset: Dataset,
    chunking: ChunkSettings,
    on_progress: Callable[[int], None] = lambda done: None,
) -> tuple[Principal, int]:
    """Load the documents of a set into a namespace of a store that holds nothing else.

    Documents from an earlier run, complete or not, are not embedded again. Returns the namespace's owner and
    its id.
    """
    async with store.sessions.begin() as session:
        principal, namespace_id = await _place_for(session, dataset.name)
        there = set(
            await session.scalars(
                select(Document.file_metadata["sha256"].as_string())
                .join(NamespaceDoc, NamespaceDoc.doc_id == Document.id)
                .where(NamespaceDoc.namespace_id == namespace_id)
            )
        )
    missing = [entry for entry in dataset.entries if entry.digest not in there]
    done = len(dataset.entries) - len(missing)
    on_progress(done)
    count = embedder.tokens
    async with store.engine.connect() as lock:
        worker = await register_worker(lock)
        sink = PostgresSink(store.sessions, worker, await open_models(store, embedder))
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            for entry, document in _embedded(part, embedder, count, chunking):
                doc_id = await _add(store, principal, namespace_id, worker, entry)
                await sink.store(doc_id, document)
            done += len(part)
            on_progress(done)
    return principal, namespace_id


def _lines(path: Path, kind: type[_Line]) -> Iterator[_Line]:
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line, type=kind)


async def _place_for(session: AsyncSession, name: str) -> tuple[Principal, int]:
    user = await session.scalar(select(User).order_by(User.id).limit(1))
    if user is None:
        # No one can sign in with this: no password has this hash.
        no_hash = "-"
        user = User(username="evaluation", email="evaluation@localhost", password=no_hash, role="admin")
        session.add(user)
        await session.flush()
    principal = Principal(user.id, user.role)
    namespace_id = await session.scalar(select(Namespace.id).where(Namespace.user_id == user.id))
    if namespace_id is None:
        namespace_id = (await namespaces.create(session, principal, name, None, is_public=False)).id
    return principal, namespace_id


def _embedded(
    entries: list[Entry], embedder: Embedder, count: TokenCounter, chunking: ChunkSettings
) -> Iterator[tuple[Entry, EmbeddedDocument]]:
    """Embed the chunks of many short documents together, which is faster than one document at a time."""
    parsed = [
        ParsedDocument("docx", [ParsedPassage(entry.text)], title=entry.title or None) for entry in entries
    ]
    chunks: list[list[Chunk]] = [chunk(document, "", count, chunking) for document in parsed]
    vectors = embedder.embed_documents([embedding_text(c) for of_one in chunks for c in of_one])
    start = 0
    for entry, document, of_one in zip(entries, parsed, chunks, strict=True):
        yield entry, EmbeddedDocument(document, of_one, vectors[start : start + len(of_one)])
        start += len(of_one)


async def _add(store: Store, principal: Principal, namespace_id: int, worker: int, entry: Entry) -> int:
    now = utcnow()
    async with store.sessions.begin() as session:
        document = await session.scalar(
            select(Document).where(
                Document.user_id == principal.user_id,
                Document.file_metadata["sha256"].as_string() == entry.digest,
            )
        )
        if document is None:
            document = Document(
                user_id=principal.user_id,
                title=entry.id[:255],
                # There is no file, since the set holds the text itself. An id of the set could name any file.
                file_path=entry.digest,
                file_metadata={
                    "original_filename": entry.id,
                    "size": len(entry.text),
                    "sha256": entry.digest,
                },
                type="docx",
                is_public=False,
                uploaded_at=now,
            )
            session.add(document)
            await session.flush()
        session.add(
            Ingestion(
                doc_id=document.id,
                namespace_id=namespace_id,
                state="running",
                worker=worker,
                created_at=now,
                updated_at=now,
            )
        )
        await placements.place(session, principal, document.id, namespace_id)
        return document.id
