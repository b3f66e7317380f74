"""A namespace that is filled through the worker's sink, with synthetic vectors."""

from collections.abc import AsyncGenerator, Sequence

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from ingest.types import Chunk, EmbeddedDocument, ParsedDocument, Passage
from luma_rag.access import Principal
from luma_rag.db.base import utcnow
from luma_rag.db.models import Document, Namespace, User
from luma_rag.documents import claims, ingestion, models, namespace_documents
from luma_rag.documents.models import Models
from luma_rag.documents.vectors import PostgresSink
from luma_rag.retrieval.hits import ScoredChunk
from luma_rag.retrieval.search import find
from luma_rag.retrieval.search_query import SearchQuery, dense_weight, query_terms
from luma_rag.retrieval.vector_source import namespace_profile
from luma_rag.runtime import Store
from tests.synthetic_models import SyntheticModel, load_synthetic, vectors


class Library:
    """Documents in the namespaces of one user."""

    def __init__(self, store: Store, connection: AsyncConnection, worker: int, owner: Principal) -> None:
        self.store = store
        self.connection = connection
        self.worker = worker
        self.owner = owner
        # None if a runtime has recorded its model, which this library then acts for.
        self.models: Models | None = None
        self._documents = 0
        self._namespaces = 0

    async def namespace(self) -> int:
        async with self.store.sessions.begin() as session:
            self._namespaces += 1
            made = Namespace(user_id=self.owner.user_id, name=f"papers {self._namespaces}")
            session.add(made)
            await session.flush()
            return made.id

    async def add(self, texts: Sequence[str], *namespace_ids: int) -> int:
        """A document with these chunks, in these namespaces."""
        self._documents += 1
        async with self.store.sessions.begin() as session:
            document = Document(
                user_id=self.owner.user_id,
                title="paper",
                file_path=f"paper {self._documents}",
                file_metadata={"sha256": str(self._documents), "size": 1},
                type="pdf",
                is_public=False,
                uploaded_at=utcnow(),
            )
            session.add(document)
            await session.flush()
            doc_id = document.id
            for namespace_id in namespace_ids:
                await namespace_documents.enqueue(session, self.owner, namespace_id, doc_id)
        await self.work(doc_id, texts)
        return doc_id

    async def link(self, doc_id: int, namespace_id: int) -> None:
        """Add a document to another namespace."""
        async with self.store.sessions.begin() as session:
            await namespace_documents.add(session, self.owner, namespace_id, doc_id)
            await claims.claim(session, self.worker, [doc_id])
        await PostgresSink(self.store.sessions, self.worker, self.models).link(doc_id)

    async def work(self, doc_id: int, texts: Sequence[str]) -> None:
        """The worker's processing of a queued document."""
        async with self.store.sessions.begin() as session:
            assert await claims.claim(session, self.worker, [doc_id])
        whole = "".join(texts)
        starts = np.cumsum([0, *map(len, texts)]).tolist()
        chunks = [Chunk(0, starts[i], starts[i + 1], text, "", 3) for i, text in enumerate(texts)]
        made = EmbeddedDocument(ParsedDocument("pdf", [Passage(whole)]), chunks, vectors(texts))
        await PostgresSink(self.store.sessions, self.worker, self.models).store(doc_id, made)

    async def search(
        self,
        namespace_id: int,
        query: str,
        mode: str = "lexical",
        *,
        k: int = 10,
        principal: Principal | None = None,
        doc_ids: Sequence[int] | None = None,
    ) -> list[ScoredChunk]:
        async with self.store.sessions.begin() as session:
            languages, source = await namespace_profile(session, self.owner, namespace_id)
            embedding = vectors([query])[0]
            if self.models is not None and source.model_id is not None:
                embedding = (await self.models.get(source.model_id)).embed_query(query)
            question = SearchQuery(
                embedding if mode != "lexical" else None,
                query_terms(query, languages) if mode != "dense" else None,
                dense_weight(query, languages),
            )
            return await find(
                session,
                principal or self.owner,
                namespace_id,
                question,
                k=k,
                doc_ids=doc_ids,
                source=source,
            )


@pytest.fixture
async def library(store: Store) -> AsyncGenerator[Library]:
    """An empty library with a live worker."""
    async with store.sessions.begin() as session:
        user = User(username="alice", email="alice@example.com", password="-", role="user")
        session.add(user)
        await session.flush()
        owner = Principal(user.id, user.role)
    async with store.engine.connect() as connection:
        worker = await ingestion.register_worker(connection)
        await connection.commit()
        made = Library(store, connection, worker, owner)
        async with store.sessions.begin() as session:
            is_used = await models.current(session) is not None
        if not is_used:
            made.models = await Models.open(store.sessions, SyntheticModel(), load_synthetic)
        yield made
        await connection.invalidate()
