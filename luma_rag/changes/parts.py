"""What the streams are made of: parts, each of which follows some of the notifications."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import IntEnum
from typing import Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from luma_rag.access import Principal

# A stream further behind than this reads everything instead of remembering ids.
MOST_REMEMBERED = 5000

Reading = Callable[[], AbstractAsyncContextManager[tuple[AsyncSession, Principal]]]
"""Authenticates the caller again and begins a transaction."""


class Change(msgspec.Struct, frozen=True):
    """Base of what a stream tells besides ingestions."""


class Concern(IntEnum):
    """What a notification means for a stream. Changes of rights are read at once, others in batches."""

    NONE = 0
    CHANGE = 1
    RIGHTS = 2


class Part(Protocol):
    """A part of a stream: remembers notifications and reads what has changed since."""

    def note(self, kind: str, ids: Sequence[int]) -> Concern:
        """Remember a notification of a trigger: its kind, and the ids in it."""

    def note_gap(self) -> None:
        """Remember that notifications were missed."""

    def read(self, reading: Reading) -> AsyncGenerator[Sequence[msgspec.Struct]]:
        """Yield what has changed since the last call. Checks the login even if nothing has."""

    def due(self) -> float:
        """Seconds until something that was remembered must be read; infinite if there is nothing."""
