"""The chat page and its files."""

from typing import Any

from litestar import MediaType, Request, get
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.response import File
from litestar.static_files import create_static_files_router

from luma_rag import web
from luma_rag.http.authentication import PUBLIC


@get("/", opt=PUBLIC, include_in_schema=False, media_type=MediaType.HTML)
async def page() -> File:
    """The chat page."""
    return File(
        web.INDEX,
        media_type=MediaType.HTML,
        content_disposition_type="inline",
        headers={"Cache-Control": "no-cache"},
    )


_FILES = frozenset(path.relative_to(web.STATIC).as_posix() for path in web.STATIC.rglob("*"))


async def _require_known_file(request: Request[Any, Any, Any]) -> None:
    # Looking up a name that no file can have, too long or with a NUL, is an error and not a miss.
    if request.scope["path"].removeprefix("/static/") not in _FILES:
        raise NotFoundException


static = create_static_files_router(
    "/static",
    [web.STATIC],
    opt=PUBLIC,
    before_request=_require_known_file,
    include_in_schema=False,
    # Revalidated by ETag each time: modules of different versions must not mix after an upgrade.
    cache_control=CacheControlHeader(no_cache=True),
)
