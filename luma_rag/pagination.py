"""Paginated lists."""

from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Pagination(msgspec.Struct, frozen=True):
    """The requested part of a list."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A part of a list, with the total number of items for this caller."""

    items: list[Item]
    total: int
