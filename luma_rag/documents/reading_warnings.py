"""What could not be read of a document, as it is stored with it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.types import ReadingWarning


def stored_warnings(stored: Sequence[Any] | None) -> list[ReadingWarning]:
    """The warnings in the metadata of a document; none before it was read."""
    # Before version 0.3, warnings were mere texts.
    return [
        ReadingWarning("other", warning)
        if isinstance(warning, str)
        else msgspec.convert(warning, ReadingWarning)
        for warning in stored or ()
    ]
