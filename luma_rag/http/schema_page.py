"""The page at `/schema` that shows the OpenAPI document, from files of this service alone."""

from typing import Any

from litestar import MediaType, Request, Response
from litestar.openapi.plugins import OpenAPIRenderPlugin

from luma_rag.http.headers import SECURITY_HEADERS
from luma_rag.web import assets

# The style sheet of Swagger UI holds its icons as data: URLs.
_POLICY = f"{SECURITY_HEADERS['content-security-policy']}; img-src 'self' data:"


class SchemaPage(OpenAPIRenderPlugin):
    """Serves the page. It loads the document by itself."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page."""
        return assets.schema_page()


def for_schema_page(response: Response[Any]) -> Response[Any]:
    """Let the page show its icons."""
    if response.media_type == MediaType.HTML:
        response.headers["content-security-policy"] = _POLICY
    return response
