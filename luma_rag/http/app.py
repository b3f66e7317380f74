"""The Litestar application."""

from litestar import Litestar
from litestar.datastructures import MutableScopeHeaders, State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.router import Router
from litestar.types import Message, Scope

from luma_rag import __version__
from luma_rag.http import dependencies
from luma_rag.http.authentication import PUBLIC, SESSION_COOKIE, AuthenticationMiddleware
from luma_rag.http.errors import HANDLERS
from luma_rag.http.openapi import ProblemResponses
from luma_rag.http.request import LumaRequest
from luma_rag.http.routes import auth, chats, documents, namespaces, operations, page, users
from luma_rag.runtime import Runtime

# What a body other than an upload may hold: a question and its options are far smaller.
MAX_BODY_BYTES = 2**20

_SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


def create_app(runtime: Runtime) -> Litestar:
    """The application on a runtime that is open, and stays open for as long as it serves."""
    return Litestar(
        route_handlers=[
            auth.router,
            users.router,
            namespaces.router,
            documents.router(runtime.settings.max_upload_mb * 2**20),
            documents.ingestions,
            chats.router,
            operations.router,
            page.page,
            page.static,
        ],
        state=State({"runtime": runtime}),
        dependencies=dependencies.PROVIDERS,
        middleware=[AuthenticationMiddleware],
        exception_handlers=HANDLERS,
        before_send=[_add_security_headers],
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=_openapi(),
        plugins=[ProblemResponses()],
        request_class=LumaRequest,
        logging_config=None,
    )


async def _add_security_headers(message: Message, scope: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders(message)
        for name, value in _SECURITY_HEADERS.items():
            headers.setdefault(name, value)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Luma",
        version=__version__,
        description="Answers from your own documents, with citations that open at the right page.",
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router("/schema", route_handlers=[], opt=PUBLIC, include_in_schema=False),
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer"),
                "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name=SESSION_COOKIE),
            }
        ),
        security=[{"token": []}, {"session": []}],
    )
