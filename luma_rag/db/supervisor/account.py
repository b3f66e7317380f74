"""The account that runs Postgres if Luma runs as root, and its access to the files.

Postgres refuses to run as root. The account is dedicated to it (never `nobody` or `postgres`, because other
programs run as these and could read the data). Directories on the path to the data are not opened to all
users: a POSIX access control list grants only this account the right to pass.
"""

import contextlib
import errno
import os
import pwd
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from luma_rag.errors import ConfigurationError

NAME = "luma-db"

ACL = "system.posix_acl_access"
# The kernel's layout (include/uapi/linux/posix_acl_xattr.h): a version, then entries of tag, permissions, id.
_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


@dataclass(frozen=True)
class Account:
    """An unprivileged account: its user and group id."""

    uid: int
    gid: int


def server_account(cluster: Path) -> Account | None:
    """The account to run Postgres: None for the current one, else the cluster's owner or a dedicated account.

    Raises:
        ConfigurationError: there is no such account and it can't be created.
    """
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        # Existing data keeps its owner: in a new container the account may get another id.
        found = cluster.stat()
        if found.st_uid == 0:
            raise ConfigurationError(
                f"The database in {cluster} belongs to root, as which Postgres refuses to run. "
                f"Give it back to its account: chown -R {NAME}: '{cluster}'"
            )
        return Account(found.st_uid, found.st_gid)
    return _existing() or _create()


def _existing() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _create() -> Account:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", NAME]
    problem = ""
    # useradd fails immediately while another instance holds the lock of /etc/passwd.
    for _ in range(10):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            problem = done.stderr.strip()
        except OSError as error:
            problem = str(error)
        if account := _existing():
            return account
        time.sleep(0.2)
    raise ConfigurationError(
        f"Luma runs as root, as which Postgres refuses to run, and the account {NAME} could not be created "
        f"({problem}). Run Luma as an ordinary user, make a system account {NAME}, or set LUMA_DATABASE_URL."
    )


@contextlib.contextmanager
def acting_as(account: Account) -> Iterator[None]:
    """Let the kernel check file access with the rights of `account`. Only for single-threaded processes."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(account.gid)
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def grant_passage(account: Account, directory: Path) -> None:
    """Let `account` pass through `directory` and its ancestors, changing only those that deny it.

    Raises:
        ConfigurationError: a directory denies it and its file system has no access control lists.
    """
    for passed in (*reversed(directory.parents), directory):
        if _can_pass(account, passed):
            continue
        try:
            os.setxattr(passed, ACL, _with_passage(_read_acl(passed), account.uid))
        except (OSError, AttributeError) as error:  # AttributeError: os.setxattr exists only on Linux
            raise _no_passage(
                passed, account, getattr(error, "strerror", None) or "no access control lists here"
            ) from error
        if not _can_pass(account, passed):
            raise _no_passage(passed, account, "an access control list did not help")


def check_readable(account: Account, roots: Sequence[Path], samples: Sequence[Path]) -> None:
    """Ensure that `account` can read and run the programs.

    Raises:
        ConfigurationError: it can't; the message contains the command to fix it.
    """
    with acting_as(account):
        for sample in samples:
            wanted = os.R_OK | os.X_OK if sample.parent.name == "bin" else os.R_OK
            if not os.access(sample, wanted, effective_ids=True):
                raise ConfigurationError(
                    f"Postgres runs as an unprivileged account, which may not read {sample}. Run this once: "
                    f"chmod -R o+rX {' '.join(map(str, roots))}"
                )


def _can_pass(account: Account, directory: Path) -> bool:
    with acting_as(account):
        try:
            os.stat(f"{directory}/.")  # noqa: PTH116 - pathlib drops the "/.", which is what needs passage
        except PermissionError:
            return False
    return True


def _no_passage(directory: Path, account: Account, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"Luma runs as root and Postgres as the unprivileged account {NAME} ({account.uid}), which may not "
        f"pass through {directory} ({reason}). Run: chmod o+x '{directory}' - or set LUMA_DATA_DIR to "
        "another place."
    )


def _read_acl(directory: Path) -> bytes:
    try:
        return os.getxattr(directory, ACL)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
    mode = directory.stat().st_mode
    entries = ((_USER_OBJ, mode >> 6), (_GROUP_OBJ, mode >> 3), (_OTHER, mode))
    return _VERSION + b"".join(_ENTRY.pack(tag, bits & 7, _NO_ID) for tag, bits in entries)


def _with_passage(acl: bytes, uid: int) -> bytes:
    """Add "user `uid` may pass" to an access control list, without changing anyone else's rights."""
    entries: dict[tuple[int, int], int] = {}
    for tag, permissions, owner in _ENTRY.iter_unpack(acl[len(_VERSION) :]):
        entries[tag, owner] = permissions
    old_mask = entries.get((_MASK, _NO_ID), 7)
    for tag, owner in entries:
        # The mask limits these entries. Because it may now grow, apply the old mask to them first.
        if tag in {_USER, _GROUP_OBJ, _GROUP}:
            entries[tag, owner] &= old_mask
    entries[_USER, uid] = entries.get((_USER, uid), 0) | 1
    limited = [bits for (tag, _), bits in entries.items() if tag in {_USER, _GROUP_OBJ, _GROUP}]
    mask = 0
    for bits in limited:
        mask |= bits
    entries[_MASK, _NO_ID] = mask
    # The kernel requires the order of tag and id.
    return _VERSION + b"".join(
        _ENTRY.pack(tag, bits, owner) for (tag, owner), bits in sorted(entries.items())
    )
