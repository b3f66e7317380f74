"""Lists that come in pages."""

from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Pagination(msgspec.Struct, frozen=True):
    """Which part of a list is wanted."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """Part of a list, and how long the whole is for this caller."""

    items: list[Item]
    total: int
