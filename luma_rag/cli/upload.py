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


async def upload(store: Store, principal: Principal, path: Path, namespace_ids: Sequence[int]) -> Added:
    """Store a file and queue it for the namespaces.

    Raises:
        OSError: the file can't be read.
        UnsupportedTypeError: it is neither PDF nor DOCX.
        LumaError: see `uploads.add`.
    """
    with await asyncio.to_thread(path.open, "rb") as opened:
        stored, kind = await uploads.store_file(store.storage, _pieces(opened))
    is_file_kept = False
    try:
        async with store.sessions.begin() as session:
            added = await uploads.add(
                session,
                store.storage,
                principal,
                stored,
                kind,
                path.name,
                title=None,
                is_public=False,
                namespace_ids=namespace_ids,
            )
        is_file_kept = added.is_file_kept
    finally:
        if not is_file_kept:
            store.storage.remove(stored.path)
    return added


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
