"""Storing local files as documents."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from luma_rag.access import Principal
from luma_rag.documents import uploads
from luma_rag.documents.uploads import Added
from luma_rag.store import Store

_PIECE_BYTES = 2**20


async def upload(
    store: Store, principal: Principal, path: Path, namespace_ids: Sequence[int], *, is_batch: bool = False
) -> Added:
    """Store a file and queue it for the namespaces, after the uploads of others if `is_batch`.

    Raises:
        OSError: the file can't be read.
        UnsupportedTypeError: it is of a type that is not read.
        LumaError: see `uploads.store`.
    """
    with await asyncio.to_thread(path.open, "rb") as opened:
        received = await uploads.receive(store.storage, _pieces(opened), path.name)
    with received.pending:
        return await uploads.store(
            store.sessions,
            store.storage,
            principal,
            received,
            path.name,
            namespace_ids=namespace_ids,
            is_batch=is_batch,
        )


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
