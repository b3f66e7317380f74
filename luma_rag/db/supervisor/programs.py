"""Where the server's programs are, for an account that can't pass through every folder."""

import hashlib
import shutil
import stat
import tempfile
from pathlib import Path

from luma_rag.errors import ConfigurationError

COPIES = Path("/var/lib/luma-postgres")
"""Holds the copies; only root may write to it."""


def reachable(programs: Path) -> Path:
    """Return `programs`, or a copy of it if a folder above it is closed to other accounts.

    `uvx` and `pipx` install below /root for root, which is closed. The copy takes 40 MB; installations of the
    same Postgres share it.

    Raises:
        ConfigurationError: there is no place for the copy; the message gives the fix.
    """
    closed = [str(folder) for folder in programs.parents if not folder.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return programs
    package = programs.parents[1]
    with (programs / "postgres").open("rb") as file:
        copy = COPIES / f"postgres-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    try:
        if not copy.exists():
            _copy([package, package.with_name(f"{package.name}.libs")], copy)
        if any(folder.stat().st_uid != 0 or folder.stat().st_mode & 0o022 for folder in (COPIES, copy)):
            raise PermissionError(f"{COPIES} must belong to root, and only root may write to it")
    except OSError as error:
        raise ConfigurationError(
            "Luma runs as root and Postgres as an unprivileged account, which can't run the programs in "
            f"{programs}. Copying them to {COPIES} failed: {error}. Run: chmod o+x {' '.join(closed)} - or "
            "install Luma in another place, or run it as an ordinary user."
        ) from error
    return copy / programs.relative_to(package.parent)


def _copy(folders: list[Path], target: Path) -> None:
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        target.parent.chmod(0o755)  # whatever the umask
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        for folder in folders:
            if folder.exists():
                shutil.copytree(
                    folder, new / folder.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall")
                )
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
        try:
            new.rename(target)
        except OSError:
            if not target.exists():  # another process was faster
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
