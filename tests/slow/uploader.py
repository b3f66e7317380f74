"""Uploads, replaces and deletes documents until killed: `python -m tests.slow.uploader URL DATA_DIR`."""

import asyncio
import itertools
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from luma_rag.access import Principal
from luma_rag.db.session import Sessions, create_engine, create_sessions
from luma_rag.documents import service, uploads, versions
from luma_rag.documents.pending_files import removing_files
from luma_rag.documents.storage import FileStorage

ALICE = Principal(1, "admin")


async def main(url: str, data_dir: Path) -> None:
    sessions = create_sessions(create_engine(url))
    storage = FileStorage(data_dir / "files", 2**20)
    print("ready", flush=True)
    await asyncio.gather(*(change(sessions, storage) for _ in range(4)))


async def change(sessions: Sessions, storage: FileStorage) -> None:
    for turn in itertools.count():
        received = await uploads.receive(storage, pieces(), "d.pdf")
        with received.pending:
            added = await uploads.store(sessions, storage, ALICE, received, "d.pdf", namespace_ids=[])
        if turn % 3:
            newer = await uploads.receive(storage, pieces(), "d.pdf")
            with newer.pending:
                await versions.replace(sessions, storage, ALICE, added.document.id, newer)
        if turn % 2:
            async with removing_files(sessions, storage) as (session, remove):
                remove(await service.remove(session, ALICE, added.document.id))


async def pieces() -> AsyncIterator[bytes]:
    yield b"%PDF-1.7 "
    yield random.randbytes(random.choice((10, 50_000)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
