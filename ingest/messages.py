"""What a program and the processes that read files for it say to each other. See `ingest.sandbox`."""

import struct
from typing import Annotated, Self

import msgspec
from msgspec import Meta

from ingest.containment import Containment
from ingest.settings import ParserLimits
from ingest.types import DocumentType, ParsedDocument, RecognizedPage

STARTED, NOT_STARTED = b"+", b"-"
LENGTH = struct.Struct("!I")
"""What precedes a request: its length in bytes."""


class Request(msgspec.Struct, frozen=True):
    """What a child is asked: to parse the file with the pages `recognized` in it, or to recognize `page`.

    `kind` is the file's type; without one, `name` may help to detect it.
    """

    limits: ParserLimits
    comments: bool = False
    kind: DocumentType | None = None
    name: str = ""
    recognized: dict[int, RecognizedPage] | None = None
    page: int = 0


class Answer(msgspec.Struct, frozen=True):
    """The child's result: a document, a recognized page, or the class name and message of an error.

    `unread` belongs to a `NoTextError`. `trace` is for the operator; it is set for errors that parsers should
    not raise. `containment` says which layers were applied to the child.
    """

    containment: Containment = Containment()
    document: ParsedDocument | None = None
    recognized: RecognizedPage | None = None
    error: str | None = None
    message: str = ""
    unread: list[Annotated[int, Meta(ge=1, le=2**31 - 1)]] = []
    trace: str = ""


class ExitStatus(msgspec.Struct, frozen=True):
    """How a child exited: exit status, signal (0: none), peak memory in MB, and seconds of processor time."""

    SIZE = 16

    status: int
    signal: int
    memory_mb: int
    seconds: int

    def pack(self) -> bytes:
        """The `SIZE` bytes that `unpack` reads."""
        return struct.pack("!4I", self.status, self.signal, self.memory_mb, self.seconds)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The exit status that `pack` wrote."""
        return cls(*struct.unpack("!4I", data))


def frame(request: Request) -> bytes:
    """A request as a child reads it, with its length in front."""
    data = msgspec.msgpack.encode(request)
    return LENGTH.pack(len(data)) + data
