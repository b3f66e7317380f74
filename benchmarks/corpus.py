"""A namespace with documents for benchmarks, in a separate data directory with the embedded Postgres."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from sqlalchemy import select

from ingest.embedding import Embedder
from ingest.engines import local
from ingest.engines.jobs import Engine
from ingest.settings import IngestSettings
from luma_rag import namespaces
from luma_rag.access import Principal
from luma_rag.cli.upload import upload
from luma_rag.db.models import Namespace, User
from luma_rag.runtime import check_model
from luma_rag.settings import Settings
from luma_rag.store import Store, open_store
from luma_rag.worker import drain


class Corpus(msgspec.Struct, frozen=True):
    """A user's namespace in a store."""

    store: Store
    embedder: Embedder
    principal: Principal
    namespace_id: int

    async def ingest(self, files: Sequence[Path], engine: Engine = local.run) -> None:
        """Ingest files into the namespace, skipping unreadable files. Existing documents remain unchanged."""
        for path in files:
            await upload(self.store, self.principal, path, [self.namespace_id])
        await drain(self.store, self.embedder, engine=engine)


@asynccontextmanager
async def open_corpus(
    data_dir: Path, embedder: Embedder, ingest: IngestSettings | None = None
) -> AsyncGenerator[Corpus]:
    """The corpus of a data directory, which may already exist."""
    settings = Settings(data_dir=data_dir, ingest=ingest or IngestSettings())
    async with open_store(settings) as store:
        embedder = await check_model(store.sessions, embedder)
        async with store.sessions.begin() as session:
            user = await session.scalar(select(User).order_by(User.id).limit(1))
            if user is None:
                # This is not a valid hash, so no one can sign in with it.
                no_hash = "-"
                user = User(
                    username="benchmark", email="benchmark@example.com", password=no_hash, role="admin"
                )
                session.add(user)
                await session.flush()
            principal = Principal(user.id, user.role)
            namespace_id = await session.scalar(select(Namespace.id).order_by(Namespace.id).limit(1))
            if namespace_id is None:
                created = await namespaces.create(session, principal, "benchmark", None, is_public=False)
                namespace_id = created.id
        yield Corpus(store, embedder, principal, namespace_id)


def documents_in(folder: Path) -> list[Path]:
    """The PDF and DOCX files in a folder and its subfolders, sorted by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".pdf", ".docx"})
