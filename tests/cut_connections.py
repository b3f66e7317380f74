"""A relay to Postgres that can lose what the server says."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit


class Relay:
    """Connections to Postgres. One that sends the statement `fatal` ends, unanswered, after its commit."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fatal: bytes | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await _connect(self.url)
        answering = asyncio.create_task(_copy(from_server, writer))
        is_doomed = False
        try:
            while piece := await reader.read(2**16):
                is_doomed |= self.fatal is not None and self.fatal in piece
                if is_doomed and b"COMMIT" in piece:
                    answering.cancel()
                    await asyncio.wait([answering])
                    to_server.write(piece)
                    # The server answers after the commit.
                    await from_server.read(1)
                    return
                to_server.write(piece)
        finally:
            answering.cancel()
            to_server.close()
            writer.close()


@asynccontextmanager
async def relayed(url: str, folder: Path) -> AsyncGenerator[tuple[Relay, str]]:
    """A relay to the database of a URL, and the URL of the database through it."""
    relay = Relay(url)
    server = await asyncio.start_unix_server(relay.serve, folder / ".s.PGSQL.5432")
    async with server:
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        host = quote(str(folder), safe="")
        yield relay, parts._replace(netloc=f"{user}@" if user else "", query=f"host={host}").geturl()


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    if parts.hostname is not None:
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)
    (folder,) = parse_qs(parts.query)["host"]
    return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(2**16):
            writer.write(piece)
        writer.close()
