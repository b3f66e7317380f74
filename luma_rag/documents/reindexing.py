"""Another generation of a namespace: built beside the live one, made live, and removed. See ADR 34.

What is done is derived from the vectors themselves, so that the work goes on after any interruption. A change
of generations locks the namespace, and documents that enter it wait for this moment.
"""

from collections import Counter
from collections.abc import Callable

import msgspec
from sqlalchemy import BigInteger, ColumnElement, cast, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal, require_namespace
from luma_rag.access.principal import ADMINISTER
from luma_rag.db.models import (
    ChunkVector,
    Document,
    EmbeddingModel,
    Generation,
    GenerationVector,
    Namespace,
    NamespaceDoc,
)
from luma_rag.db.session import Sessions
from luma_rag.documents import embeddings, generations
from luma_rag.documents.generations import KeptGeneration
from luma_rag.documents.models import Models
from luma_rag.errors import ConflictError, UnavailableError

_AT_ONCE = 100
_ATTEMPTS = 3


class Extent(msgspec.Struct, frozen=True):
    """How many documents and chunks a generation has, and how many its namespace has."""

    documents: int
    chunks: int
    all_documents: int
    all_chunks: int

    @property
    def is_complete(self) -> bool:
        """Whether no document is missing."""
        return self.documents == self.all_documents


async def begin(
    session: AsyncSession, principal: Principal, namespace_id: int, model_id: int
) -> KeptGeneration | None:
    """The generation to build for a model, also if an earlier call began it. None if it is the live one.

    Raises:
        ConflictError: the namespace has another generation beside the live one.
        ForbiddenError: the caller may not manage the namespace.
    """
    live, other = await _lock(session, principal, namespace_id)
    if live.model_id == model_id:
        return None
    if other is None:
        session.add(
            Generation(namespace_id=namespace_id, model_id=model_id, state="building", is_inline=False)
        )
        await session.flush()
        _, other = await _lock(session, principal, namespace_id)
    elif other.model_id != model_id:
        kept = await session.get_one(EmbeddingModel, other.model_id)
        raise ConflictError(
            f"Namespace {namespace_id} keeps vectors by {kept.name} ({kept.profile}) beside those that are "
            f"searched. Remove them first: luma reindex --namespace {namespace_id} --remove-old"
        )
    return other


async def other(session: AsyncSession, principal: Principal, namespace_id: int) -> KeptGeneration | None:
    """The generation that is kept beside the live one."""
    return (await _lock(session, principal, namespace_id))[1]


async def extent(
    session: AsyncSession, principal: Principal, namespace_id: int, generation: KeptGeneration
) -> Extent:
    """How far a generation is built."""
    await require_namespace(session, principal, namespace_id, ADMINISTER)
    size = func.cardinality(NamespaceDoc.vec_id)
    is_there = _has_vectors(generation)
    row = await session.execute(
        select(
            func.count().filter(is_there),
            func.coalesce(func.sum(size).filter(is_there), 0),
            func.count(),
            func.coalesce(func.sum(size), 0),
        ).where(NamespaceDoc.namespace_id == namespace_id)
    )
    return Extent(*row.one())


async def fill(
    sessions: Sessions,
    models: Models,
    principal: Principal,
    namespace_id: int,
    generation: KeptGeneration,
    on_document: Callable[[int], None],
) -> None:
    """Embed all documents that a generation lacks. `on_document` is told the number of chunks of each.

    Raises:
        OutageError: the model can't be loaded, or does not answer.
        UnavailableError: a document changes all the time.
    """
    tried: Counter[int] = Counter()
    while True:
        async with sessions.begin() as session:
            await require_namespace(session, principal, namespace_id, ADMINISTER)
            found = await session.execute(
                select(NamespaceDoc.doc_id, func.cardinality(NamespaceDoc.vec_id))
                .where(NamespaceDoc.namespace_id == namespace_id, ~_has_vectors(generation))
                .order_by(NamespaceDoc.doc_id)
                .limit(_AT_ONCE)
            )
            lacking = found.all()
        if not lacking:
            return
        for doc_id, chunks in lacking:
            tried[doc_id] += 1
            if tried[doc_id] > _ATTEMPTS:
                raise UnavailableError(f"Document {doc_id} could not be embedded. Run: luma verify")
            await embeddings.embed_missing(sessions, models, doc_id, [generation.model_id])
            async with sessions.begin() as session:
                await _copy(session, generation, namespace_id, doc_id)
            on_document(chunks)


async def switch(session: AsyncSession, principal: Principal, namespace_id: int, generation_id: int) -> bool:
    """Make a generation live, and keep the one that is. Returns false if a document is missing yet.

    Nothing changes if it is live already, such as by another call at the same time.

    Raises:
        ConflictError: the namespace does not have it any more.
    """
    live, other = await _lock(session, principal, namespace_id)
    if live.id == generation_id:
        return True
    if other is None or other.id != generation_id:
        raise ConflictError("These vectors have been removed meanwhile.")
    if not (await extent(session, principal, namespace_id, other)).is_complete:
        return False
    # In this order, as one at most is live.
    for generation, state in ((live, "previous"), (other, "live")):
        await session.execute(update(Generation).where(Generation.id == generation.id).values(state=state))
    return True


async def _lock(
    session: AsyncSession, principal: Principal, namespace_id: int
) -> tuple[KeptGeneration, KeptGeneration | None]:
    """The live generation and the other one, while nothing enters the namespace."""
    await require_namespace(session, principal, namespace_id, ADMINISTER)
    await session.execute(select(Namespace.id).where(Namespace.id == namespace_id).with_for_update())
    live, *others = await generations.kept(session, namespace_id)
    if not others and await session.scalar(
        select(exists().where(Generation.namespace_id == namespace_id, Generation.state == "removing"))
    ):
        raise ConflictError(
            f"Earlier vectors of namespace {namespace_id} are still being removed. Finish it first: "
            f"luma reindex --namespace {namespace_id} --remove-old"
        )
    return live, others[0] if others else None


async def _copy(session: AsyncSession, generation: KeptGeneration, namespace_id: int, doc_id: int) -> None:
    # The order of locks in which documents are stored.
    await session.execute(select(Document.id).where(Document.id == doc_id).with_for_update())
    state = await session.scalar(
        select(Generation.state).where(Generation.id == generation.id).with_for_update(read=True)
    )
    if state in (None, "removing"):
        raise ConflictError("These vectors have been removed meanwhile.")
    await generations.copy_document(session, generation, namespace_id, doc_id)


def _has_vectors(generation: KeptGeneration) -> ColumnElement[bool]:
    """Whether a generation has the vectors of the `NamespaceDoc`; they are written together."""
    first = cast(NamespaceDoc.vec_id[1], BigInteger)
    if generation.is_inline:
        return exists().where(ChunkVector.id == first, ChunkVector.embedding.is_not(None))
    return exists().where(GenerationVector.id == first, GenerationVector.generation_id == generation.id)
