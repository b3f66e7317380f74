"""A Postgres with a streaming replica, from the programs of the embedded one."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from luma_rag.db.embedded import binaries
from luma_rag.db.supervisor.programs import reachable

# Postgres refuses to run as root, and initdb wants an account that has a name.
_NOBODY = 65534
_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
wal_level = replica
hot_standby_feedback = on
fsync = off
shared_buffers = 64MB
"""


class Replication:
    """A primary and its replica, and their libpq URLs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._as_nobody = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
        self._programs = reachable(binaries()) if self._as_nobody else binaries()
        self.primary_url, self.replica_url = (self._url(port) for port in (5433, 5434))

    def start(self) -> None:
        """Start both."""
        primary, replica = self.folder / "primary", self.folder / "replica"
        self._run("initdb", "-D", primary, "-U", "luma", "--auth=trust", "--no-sync", "--encoding=UTF8")
        with (primary / "postgresql.conf").open("a") as settings:
            settings.write(_CONFIGURATION.format(folder=self.folder))
        self._start(primary, 5433)
        self._run("createdb", "-h", self.folder, "-p", "5433", "-U", "luma", "luma")
        backup = ("pg_basebackup", "-h", self.folder, "-p", "5433", "-U", "luma", "-D", replica)
        self._run(*backup, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        self._start(replica, 5434)

    def stop(self) -> None:
        """Stop both, whatever runs."""
        for name in ("replica", "primary"):
            self._run("pg_ctl", "-D", self.folder / name, "-m", "immediate", "stop", check=False)

    def stop_replica(self) -> None:
        """Stop the replica alone."""
        self._run("pg_ctl", "-D", self.folder / "replica", "-m", "immediate", "stop")

    def _start(self, cluster: Path, port: int) -> None:
        self._run("pg_ctl", "-D", cluster, "-l", self.folder / "log", "-o", f"-p {port}", "-w", "start")

    def _run(self, program: str, *arguments: str | Path, check: bool = True) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=check,
            timeout=60,
            **self._as_nobody,  # type: ignore[call-overload]
        )

    def _url(self, port: int) -> str:
        return f"postgresql://luma@/luma?host={quote(str(self.folder), safe='')}&port={port}"


@contextmanager
def replication() -> Iterator[Replication]:
    """A primary with a replica, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="luma-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        servers = Replication(folder)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()
