"""The places of documents in the local engine, which bound what is in memory."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest.errors import RecognitionBusyError

DOCUMENTS_IN_WORK = 3
"""One document is being embedded, two are being parsed ahead of it or stored behind it. All are in memory."""

DOCUMENTS_IN_RECOGNITION = 4
"""Recognition takes up to hours, and holds little in memory but text. Its pages take turns."""


class Places:
    """Documents that are processed: some in work, others in recognition.

    With `has_urgent`, there is one place more, for a document that somebody waits for, so that it does not
    wait for a document of a batch. `on_free` is called whenever a place becomes free.
    """

    def __init__(self, *, has_urgent: bool = False, on_free: Callable[[], None] | None = None) -> None:
        self.most = DOCUMENTS_IN_WORK + has_urgent
        """The documents in work. After its recognition, a document may be one too many."""
        self._has_urgent = has_urgent
        self._on_free = on_free
        self._in_work = 0
        self._in_recognition = 0
        self._freed = asyncio.Event()

    @property
    def is_urgent(self) -> bool:
        """Whether the place that was taken last is only for urgent documents."""
        return self._has_urgent and self._in_work >= self.most

    @property
    def can_recognize(self) -> bool:
        """Whether there is a place in recognition."""
        return self._in_recognition < DOCUMENTS_IN_RECOGNITION

    async def take(self) -> None:
        """Wait for a place in work."""
        while self._in_work >= self.most:
            self._freed.clear()
            await self._freed.wait()
        self._in_work += 1

    def leave(self) -> None:
        """Give the place in work back."""
        self._in_work -= 1
        self._tell()

    @contextmanager
    def recognition(self) -> Iterator[None]:
        """Leave the place in work for one in recognition.

        Raises:
            RecognitionBusyError: there is none.
        """
        if not self.can_recognize:
            raise RecognitionBusyError("Other documents are being recognized. Luma continues automatically.")
        self._in_recognition += 1
        self.leave()
        try:
            yield
        finally:
            # Without waiting: a document that stays here would keep others from recognition.
            self._in_work += 1
            self._in_recognition -= 1
            self._tell()

    def _tell(self) -> None:
        self._freed.set()
        if self._on_free is not None:
            self._on_free()
