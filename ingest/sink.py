"""The protocol for storing processed documents, so that the pipeline needs no database."""

from typing import Protocol

from ingest.types import EmbeddedDocument


class Sink(Protocol):
    """Stores an embedded document under a key chosen by the pipeline's caller.

    `store` writes everything or nothing. It raises `ingest.errors.TransientError` if a retry may succeed.
    """

    async def store(self, key: int, document: EmbeddedDocument) -> None:
        """Store `document` under `key`, replacing an earlier one."""
        ...
