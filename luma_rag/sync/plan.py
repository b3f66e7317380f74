"""What is to be done, from what a source contains now and what was read of it before. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

import msgspec

from luma_rag.sync.sources import Entry, Left

SET_ASIDE = -1


class Item(msgspec.Struct, frozen=True):
    """A file as it was read; see `SyncItem`. `is_held` if its document is in the namespace, or on its way."""

    path: str
    size: int
    stamp: str
    sha256: str | None
    doc_id: int | None
    is_made: bool
    skipped: str | None
    is_held: bool

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be done unless the file changes."""
        return self.is_held or self.skipped is not None

    @property
    def is_set_aside(self) -> bool:
        """Whether its file has another document now."""
        return self.size == SET_ASIDE


class Sorted(msgspec.Struct, frozen=True):
    """Files that are as they were, those that have to be opened, and items without a file."""

    unchanged: list[Item]
    to_open: list[Entry]
    gone: list[Item]


class Plan(msgspec.Struct, frozen=True):
    """Opened files by what has become of them, with the items that they had; and items without a file.

    `touched` have the same content, `moved` that of an item at another path. A file was moved to the path of
    each `displaced` item. `set_aside` are documents that an earlier run could not take out.
    """

    touched: list[tuple[Entry, Item]]
    moved: list[tuple[Entry, Item]]
    changed: list[tuple[Entry, Item]]
    new: list[Entry]
    displaced: list[Item]
    set_aside: list[Item]
    gone: list[Item]


def sort(entries: Iterable[Entry], items: Mapping[str, Item], failed: Iterable[Left]) -> Sorted:
    """Compare files with items by size and stamp. Items below what `failed` to be listed are not gone."""
    unchanged, to_open, seen = [], [], set()
    for entry in entries:
        seen.add(entry.path)
        item = items.get(entry.path)
        same = item is not None and (item.size, item.stamp) == (entry.size, entry.stamp)
        if item is not None and same and item.is_settled:
            unchanged.append(item)
        else:
            to_open.append(entry)
    unknown = [left.path for left in failed]
    gone = [item for path, item in items.items() if path not in seen and not _is_below(path, unknown)]
    return Sorted(unchanged, to_open, gone)


def to_hash(found: Sorted, items: Mapping[str, Item]) -> list[Entry]:
    """The files whose content may be known: they have been read before, or may have moved here."""
    known = [*found.gone, *(items[entry.path] for entry in found.to_open if entry.path in items)]
    sizes = {item.size for item in known if item.doc_id is not None}
    return [entry for entry in found.to_open if entry.path in items or entry.size in sizes]


def plan(found: Sorted, items: Mapping[str, Item], hashes: Mapping[str, str]) -> Plan:
    """Tell opened files apart by their `hashes`, by path. A file that could not be hashed is left out."""
    touched: list[tuple[Entry, Item]] = []
    others: list[Entry] = []
    # Documents whose file has another path or content now, by that of their item.
    free: dict[str, list[Item]] = defaultdict(list)
    for entry in found.to_open:
        item = items.get(entry.path)
        if item is not None and item.is_held and hashes.get(entry.path) == item.sha256:
            touched.append((entry, item))
        else:
            others.append(entry)
    for item in [*found.gone, *(items[entry.path] for entry in others if entry.path in items)]:
        if item.is_held and item.sha256 is not None:
            free[item.sha256].append(item)
    moved = []
    for entry in others:
        if candidates := free.get(hashes.get(entry.path, "")):
            moved.append((entry, candidates.pop(_nearest(entry, candidates))))
    came_from = {item.path for _, item in moved}
    went_to = {entry.path for entry, _ in moved}
    rest = [entry for entry in others if entry.path not in went_to]
    known = {path: item for path, item in items.items() if item.is_held and path not in came_from}
    return Plan(
        touched,
        moved,
        [(entry, known[entry.path]) for entry in rest if entry.path in known],
        [entry for entry in rest if entry.path not in known],
        [known[path] for path in went_to if path in known],
        [item for item in found.gone if item.is_set_aside and item.path not in came_from],
        [item for item in found.gone if not item.is_set_aside and item.path not in came_from],
    )


def _nearest(entry: Entry, candidates: list[Item]) -> int:
    """The candidate with the same name, if there is one: several files may have the same content."""
    name = PurePosixPath(entry.path).name
    return next((i for i, one in enumerate(candidates) if PurePosixPath(one.path).name == name), 0)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(not folder or path == folder or path.startswith(f"{folder}/") for folder in folders)
