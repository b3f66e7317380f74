"""The files that `luma ingest` is given."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ingest.errors import UnsupportedTypeError
from ingest.parsers import detect_type
from luma_rag.cli.ingest_progress import File
from luma_rag.documents.file_names import reason_to_skip


class Skipped(msgspec.Struct, frozen=True):
    """A file, or a whole folder, that was not taken from a folder, and why."""

    path: str
    reason: str


def find_files(paths: Sequence[Path]) -> tuple[list[File], list[Skipped]]:
    """The files named and those below the folders named that can be read, and what was skipped there.

    What can't be opened counts as failed.
    """
    found: list[File] = []
    skipped: list[Skipped] = []

    def unreadable(error: OSError) -> None:
        found.append(File(str(error.filename), "failed", error=error.strerror))

    for path in paths:
        if not path.is_dir():
            found.append(File(str(path), "waiting"))
            continue
        for folder, folders, names in os.walk(path, onerror=unreadable):
            hidden = [name for name in folders if name.startswith(".")]
            skipped += [
                Skipped(str(Path(folder) / name), "This is a hidden folder.") for name in sorted(hidden)
            ]
            folders[:] = sorted(set(folders) - set(hidden))
            for name in sorted(names):
                file = Path(folder) / name
                try:
                    reason = _reason_to_skip(file)
                except OSError as error:
                    found.append(File(str(file), "failed", error=error.strerror))
                    continue
                if reason is None:
                    found.append(File(str(file), "waiting"))
                else:
                    skipped.append(Skipped(str(file), reason))
    return found, skipped


def _reason_to_skip(file: Path) -> str | None:
    """Why a file is not read, None if it is.

    Raises:
        OSError: it can't be opened.
    """
    if reason := reason_to_skip(file.name):
        return reason
    # Opening a named pipe would wait for a writer. A link that leads nowhere is reported as such.
    if file.exists() and not file.is_file():
        return "This is no regular file."
    try:
        detect_type(file)
    except UnsupportedTypeError as error:
        return str(error)
    return None
