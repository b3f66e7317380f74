"""Where finished documents go. The pipeline knows this protocol, not what stands behind it."""

from typing import Protocol

from ingest.types import EmbeddedDocument


class Sink(Protocol):
    """Keeps one embedded document under a key that the caller of the pipeline chose.

    `store` writes everything or nothing. It raises `ingest.errors.TransientError` where a later try may
    succeed.
    """

    async def store(self, key: int, document: EmbeddedDocument) -> None:
        """Keep `document` under `key`, replacing what was there."""
        ...
