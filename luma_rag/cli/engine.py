"""The engine that a command reads documents with."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from ingest.engines import local
from ingest.engines.jobs import Engine
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import EngineName
from luma_rag.errors import ConfigurationError


class Where(NamedTuple):
    """The values of the options `--engine` and `--address`."""

    engine: EngineName
    address: str | None


def chosen(engine: EngineName, address: str | None) -> Where:
    """Check what was chosen.

    Raises:
        UsageError: an address needs the engine `ray`.
    """
    if engine == "local" and address is not None:
        raise UsageError("--address belongs to --engine ray.")
    return Where(engine, address)


@asynccontextmanager
async def opened(where: Where) -> AsyncGenerator[Engine]:
    """The engine that was chosen, for `worker.drain`.

    Raises:
        ConfigurationError: Ray is not installed, or the cluster can't be used.
    """
    if where.engine == "local":
        yield local.run
        return
    try:
        from ingest.engines import ray
    except ModuleNotFoundError as error:
        raise ConfigurationError("--engine ray needs Ray. Run: pip install 'luma-rag[ray]'") from error
    try:
        async with ray.cluster(where.address) as engine:
            yield engine.run
    except ray.ClusterError as error:
        raise ConfigurationError(str(error)) from error
