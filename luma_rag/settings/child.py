"""The settings of a child process. It gets them without the secrets, so that it can't give these away."""

from functools import reduce
from pathlib import Path
from typing import Any

import msgspec

from luma_rag.settings.schema import SECRETS, Settings


def for_child(settings: Settings) -> bytes:
    """The settings without the secrets, as one line. The URL of the database keeps its password."""
    return msgspec.json.encode(reduce(_without, sorted(SECRETS), settings), enc_hook=str) + b"\n"


def from_parent(line: bytes) -> Settings:
    """The settings that `for_child` wrote."""
    return msgspec.json.decode(line, type=Settings, dec_hook=lambda _, value: Path(value))


def _without(struct: Any, dotted: str) -> Any:
    name, _, rest = dotted.partition(".")
    value = _without(getattr(struct, name), rest) if rest else None
    return msgspec.structs.replace(struct, **{name: value})
