"""The Litestar application."""

from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.router import Router
from litestar.status_codes import HTTP_404_NOT_FOUND
from litestar.types import ASGIApp

from luma_rag import __version__
from luma_rag.http import dependencies
from luma_rag.http.access_log import AccessLog
from luma_rag.http.authentication import (
    PUBLIC,
    SESSION_COOKIE,
    AuthenticationMiddleware,
    require_authentication,
)
from luma_rag.http.bodies import BodyTimeout
from luma_rag.http.cross_origin import CrossOrigin
from luma_rag.http.errors import HANDLERS
from luma_rag.http.headers import SecurityHeaders
from luma_rag.http.hosts import AllowedHosts
from luma_rag.http.metrics_middleware import MetricsMiddleware
from luma_rag.http.openapi import ProblemResponses
from luma_rag.http.openapi_document import DocumentConfig, operation_id
from luma_rag.http.oversight import record_reading_of_administrators
from luma_rag.http.query import record_query_parameters, reject_unknown_parameters
from luma_rag.http.rate_limit import WorkLimits, acquire_permit
from luma_rag.http.request import LumaRequest
from luma_rag.http.request_context import RequestContextMiddleware
from luma_rag.http.routes import (
    audit,
    auth,
    chats,
    documents,
    evaluation,
    events,
    feedback,
    metrics,
    namespaces,
    openai,
    openid,
    operations,
    page,
    problems,
    system,
    users,
)
from luma_rag.http.schema_page import SchemaPage, for_schema_page
from luma_rag.http.token_level import require_level_to_change
from luma_rag.runtime import Runtime

# For bodies other than uploads. A question with its options is far smaller.
MAX_BODY_BYTES = 2**20
_TAGS = {
    "accounts": "Sign-in, API tokens and users.",
    "namespaces": "Sets of documents that are searched together, and their members.",
    "documents": "Documents, their permissions and their ingestion.",
    "chats": "Questions and answers.",
    "openai": "For programs that speak OpenAI's API: each namespace is a model.",
    "evaluation": "Questions with known answers, and how well retrieval finds them.",
    "operations": "Events, health, metrics, feedback and the audit trail.",
}


def create_service(runtime: Runtime) -> ASGIApp:
    """The application behind the middleware that every request passes, with or without a route."""
    settings = runtime.settings
    app: ASGIApp = BodyTimeout(create_app(runtime))
    if settings.cors_origins is not None:
        app = CrossOrigin(app, settings.cors_origins)
    hosts = AllowedHosts(app, settings.allowed_hosts, settings.public_url)
    logged = AccessLog(
        SecurityHeaders(MetricsMiddleware(hosts)), runtime.sessions, is_logged=settings.access_log
    )
    return RequestContextMiddleware(logged, settings.trusted_proxies)


def create_app(runtime: Runtime) -> Litestar:
    """The application. The runtime must stay open while it serves."""
    app = Litestar(
        route_handlers=[
            auth.router,
            openid.router,
            users.router,
            namespaces.router,
            documents.router(runtime.settings.max_upload_mb * 2**20),
            documents.ingestions,
            chats.router,
            events.router,
            openai.router,
            evaluation.router,
            operations.router,
            audit.router,
            feedback.router,
            system.router,
            metrics.metrics,
            page.page,
            problems.problems,
            page.static,
        ],
        state=State({"runtime": runtime, "limits": WorkLimits(runtime.settings.limits)}),
        dependencies=dependencies.PROVIDERS,
        middleware=[AuthenticationMiddleware],
        guards=[
            require_authentication,
            require_level_to_change,
            acquire_permit,
            record_reading_of_administrators,
            reject_unknown_parameters,
        ],
        exception_handlers=HANDLERS,
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=_openapi(),
        plugins=[ProblemResponses()],
        request_class=LumaRequest,
        logging_config=None,
    )
    record_query_parameters(app)
    return app


def _no_other_page(response: Response[Any]) -> Response[Any]:
    # Replaces Litestar's own 404 page.
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return for_schema_page(response)


def _openapi() -> OpenAPIConfig:
    return DocumentConfig(
        title="Luma",
        version=__version__,
        description="Answers from your own documents, with citations that open at the right page.",
        use_handler_docstrings=True,
        operation_id_creator=operation_id,
        tags=[Tag(name, description=description) for name, description in _TAGS.items()],
        render_plugins=[JsonRenderPlugin(path="/openapi.json"), SchemaPage(path="/")],
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            opt=PUBLIC,
            include_in_schema=False,
            after_request=_no_other_page,
        ),
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer"),
                "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name=SESSION_COOKIE),
            }
        ),
        security=[{"token": []}, {"session": []}],
    )
