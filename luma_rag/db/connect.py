"""Chooses the database: the configured one, or the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from luma_rag.db.embedded import running
from luma_rag.settings import Settings


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The libpq URL of the database, which runs at least until the context ends.

    Raises:
        ConfigurationError: the embedded server can't be started; the message names the fix.
    """
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with running(settings.data_dir) as url:
            yield url
