"""The settings of a worker. It gets only the secrets that it needs, so that it can't give the others away."""

from functools import reduce
from pathlib import Path
from typing import Any

import msgspec

from luma_rag.settings.schema import SECRETS, Settings

# Workers embed documents.
_WITHHELD = SECRETS - {"embedding.api_key"}


def for_child(settings: Settings) -> bytes:
    """The settings as one line, without the secrets but those of the database and of the embedding server."""
    return msgspec.json.encode(reduce(_without, sorted(_WITHHELD), settings), enc_hook=str) + b"\n"


def from_parent(line: bytes) -> Settings:
    """The settings that `for_child` wrote."""
    return msgspec.json.decode(line, type=Settings, dec_hook=lambda _, value: Path(value))


def _without(struct: Any, dotted: str) -> Any:
    name, _, rest = dotted.partition(".")
    value = _without(getattr(struct, name), rest) if rest else None
    return msgspec.structs.replace(struct, **{name: value})
