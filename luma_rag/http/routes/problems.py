"""The documentation of the problems: where the `type` of a problem points to."""

import functools
import html
import inspect
import re

from litestar import MediaType, Response, get

from ingest import errors as ingest_errors
from ingest.errors import IngestError
from luma_rag.errors import LumaError, error_classes
from luma_rag.http.authentication import PUBLIC
from luma_rag.http.errors import DOCUMENTATION
from luma_rag.web.assets import assets

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Problems · Luma</title>
  <link rel="icon" href="{icon}" type="image/svg+xml">
  <link rel="stylesheet" href="{style_sheet}">
</head>
<body>
<main class="reference">
<h1>Problems</h1>
<p>Every error response is a JSON object (RFC 9457). Its <code>code</code> is one of these.</p>
{problems}
<h1>Ingestion errors</h1>
<p>Reasons why a document could not be ingested.</p>
{ingestion}
</main>
</body>
</html>
"""
_ENTRY = """\
<section id="{code}">
<h2>{title}</h2>
<p><code>{heading}</code></p>
{paragraphs}
</section>"""


@get(DOCUMENTATION, opt=PUBLIC, include_in_schema=False, media_type=MediaType.HTML)
async def problems() -> Response[str]:
    """The page."""
    return Response(_page(), media_type=MediaType.HTML, headers={"Cache-Control": "no-cache"})


@functools.cache
def _page() -> str:
    ingestion = [
        member
        for member in vars(ingest_errors).values()
        if isinstance(member, type) and issubclass(member, IngestError)
    ]
    files = assets()
    return _PAGE.format(
        icon=files.url("luma.svg"),
        style_sheet=files.url("page.css"),
        problems="\n".join(map(_entry, error_classes())),
        ingestion="\n".join(map(_entry, ingestion)),
    )


def _entry(error: type[LumaError] | type[IngestError]) -> str:
    status = f" ({error.status})" if issubclass(error, LumaError) else ""
    paragraphs = (inspect.getdoc(error) or "").split("\n\n")
    return _ENTRY.format(
        code=error.code,
        title=html.escape(error.title),
        heading=f"{error.code}{status}",
        paragraphs="\n".join(f"<p>{_marked_up(paragraph)}</p>" for paragraph in paragraphs),
    )


def _marked_up(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(" ".join(text.split())))
