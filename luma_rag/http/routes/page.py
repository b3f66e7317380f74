"""The chat page and its files."""

import asyncio
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from luma_rag.http.authentication import PUBLIC
from luma_rag.web import assets

# The page reads its state from the address; see `luma_rag/web/static/core/router.js`.
_PATHS = [
    "/",
    "/n/{rest:path}",
    "/c/{rest:path}",
    "/documents",
    "/documents/{rest:path}",
    "/settings",
    "/settings/{rest:path}",
    "/admin",
    "/admin/{rest:path}",
]
_YEAR_SECONDS = 365 * 24 * 60 * 60


@get(_PATHS, opt=PUBLIC, include_in_schema=False, media_type=MediaType.HTML)
async def page() -> Response[bytes]:
    """The chat page."""
    # Reading and compressing the files for the first time must not delay others.
    html = await asyncio.to_thread(assets.page)
    return Response(html, media_type=MediaType.HTML, headers={"Cache-Control": "no-cache"})


@get("/static/{version:str}/{name:path}", opt=PUBLIC, include_in_schema=False)
async def static(
    version: FromPath[str], name: FromPath[str], request: Request[Any, Any, Any]
) -> Response[bytes]:
    """A file of the page."""
    found = await asyncio.to_thread(_find, version, name.removeprefix("/"))
    if found is None:
        raise NotFoundException
    headers = {"Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable", "Vary": "Accept-Encoding"}
    content = found.content
    if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content = found.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=found.media_type, headers=headers)


def _find(version: str, name: str) -> assets.Asset | None:
    files = assets.assets()
    return files.find(name) if version == files.version else None
