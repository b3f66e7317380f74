"""The engine that a command reads documents with."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ingest.engines import local
from ingest.engines.jobs import Engine
from luma_rag.cli.failures import UsageError
from luma_rag.cli.options import EngineName
from luma_rag.errors import ConfigurationError


@asynccontextmanager
async def opened(name: EngineName, address: str | None) -> AsyncGenerator[Engine]:
    """The engine that the options `--engine` and `--address` name, for `worker.drain`.

    Raises:
        ConfigurationError: Ray is not installed, or the cluster can't be used.
        UsageError: an address needs the engine `ray`.
    """
    if name == "local":
        if address is not None:
            raise UsageError("--address belongs to --engine ray.")
        yield local.run
        return
    try:
        from ingest.engines import ray
    except ModuleNotFoundError as error:
        raise ConfigurationError("--engine ray needs Ray. Run: pip install 'luma-rag[ray]'") from error
    try:
        async with ray.cluster(address) as engine:
            yield engine.run
    except ray.ClusterError as error:
        raise ConfigurationError(str(error)) from error
