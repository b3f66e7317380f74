"""The chat page and its files."""

from litestar import MediaType, get
from litestar.datastructures import CacheControlHeader
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


static = create_static_files_router(
    "/static",
    [web.STATIC],
    opt=PUBLIC,
    include_in_schema=False,
    # Revalidated by ETag each time: modules of different versions must not mix after an upgrade.
    cache_control=CacheControlHeader(no_cache=True),
)
