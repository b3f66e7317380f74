"""The configuration of the embedded Postgres, made for the machine it runs on."""

import os
from pathlib import Path

MB = 1024 * 1024
GB = 1024 * MB

# Each process of a server opens POOL_SIZE connections and one that listens, and a worker five. The rest is
# for commands. An idle connection costs Postgres about 2 MB.
MAX_CONNECTIONS = 100
RESERVED_CONNECTIONS = 3
"""Connections that Postgres reserves for superusers, by default."""

_HEADER = """\
# Written by Luma at every start; changes made here are lost. Your own settings belong into
# postgres/custom.conf in Luma's data directory, or use ALTER SYSTEM: both win over these.
"""

_FIXED = {
    # Nothing that was committed may be lost.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": str(MAX_CONNECTIONS),
    "work_mem": "16MB",
    # Vacuum gets little, so that maintenance_work_mem can be large enough for HNSW builds.
    "autovacuum_work_mem": "64MB",
    # Costs for solid-state disks and mostly cached data; compiling costs more than our short queries take.
    "random_page_cost": "1.1",
    "jit": "off",
    # Bulk loads shouldn't checkpoint all the time.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    "min_wal_size": "128MB",
    "wal_compression": "on",
    # Index-only scans need the visibility map soon after documents came in.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.02",
    # The same on every machine, whatever its locale.
    "timezone": "UTC",
    "datestyle": "iso, ymd",
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # The log stays small and holds no statements, which hold people's texts.
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_startup_progress_interval": "2s",
    "cluster_name": "luma",
}


def configuration(memory: int, shared_memory: int | None, custom: str, processors: int) -> str:
    """Return the text of postgresql.conf.

    `memory` is that of the machine or container, `shared_memory` the size of `/dev/shm` (None where there is
    none), both in bytes; `custom` are the settings of the operator.
    """
    # What does not fit while an HNSW index is built takes many times as long: a vector needs 1.4 KB there.
    maintenance = min(max(memory // 8, 64 * MB), 2 * GB)
    tuned = {
        "shared_buffers": _mb(min(memory // 4, 4 * GB)),
        "effective_cache_size": _mb(memory // 2),
        "maintenance_work_mem": _mb(maintenance),
        # HNSW indexes are built by these and one more. The other processors are left to searches.
        "max_parallel_maintenance_workers": str(min(max(processors // 2, 2), 8)),
        # Parallel index builds put maintenance_work_mem there; Docker gives 64 MB unless told otherwise.
        # System V segments don't count against that limit.
        "dynamic_shared_memory_type": (
            "posix" if shared_memory is not None and shared_memory > 2 * maintenance else "sysv"
        ),
    }
    lines = [f"{name} = '{value}'" for name, value in (_FIXED | tuned).items()]
    return "\n".join([_HEADER, *lines, "", custom])


def machine_memory() -> int:
    """Return the bytes of memory there are for us: of the machine, or of the container if that is less."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        groups = Path("/proc/self/cgroup").read_text()
    except OSError:
        return physical
    limits = [physical]
    for line in groups.splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            root, file = Path("/sys/fs/cgroup"), "memory.max"
        elif "memory" in controllers.split(","):
            root, file = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
        else:
            continue
        group = root / name.lstrip("/")
        for level in (group, *group.parents):
            try:
                limits.append(int((level / file).read_text()))
            except (OSError, ValueError):  # no limit is "max"; in a container the upper levels aren't there
                continue
    return min(limits)


def shared_memory_size() -> int | None:
    """Return the size of `/dev/shm` in bytes; None where there is none."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return None
    return found.f_blocks * found.f_frsize


def _mb(size: int) -> str:
    return f"{size // MB}MB"
