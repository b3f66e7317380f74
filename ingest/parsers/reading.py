"""How a file is to be read, as every reader is told."""

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple, Protocol

from ingest.settings import ParserLimits
from ingest.types import ParsedDocument, RecognizedPage

DEEPEST = 3
"""Documents inside documents, the outermost included."""


class Reading(NamedTuple):
    """`comments`: whether those of reviewers are wanted. `depth` is 1 for a file in no other.

    `recognized` are pages by their numbers, from 1, whose text was recognized; None if that was not tried.
    """

    limits: ParserLimits
    comments: bool = False
    depth: int = 1
    recognized: Mapping[int, RecognizedPage] | None = None


class Reader(Protocol):
    """A module of `ingest.parsers.formats`."""

    def read(self, file: BinaryIO, how: Reading) -> ParsedDocument:
        """Read a file of the module's format.

        Raises:
            ingest.errors.PermanentError: the file can't be read; subclass and message say why.
            OSError: `file` can't be read.
        """
        ...
