"""Additions to the OpenAPI document that Litestar can't derive from the handlers' signatures."""

from dataclasses import dataclass
from typing import cast

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from ingest.parsers.formats import FORMATS
from luma_rag.http.errors import MEDIA_TYPE, Problem
from luma_rag.http.events import EVENT_STREAM
from luma_rag.http.upload import FileForm, UploadForm

_MEANINGS = {
    400: "The body can't be parsed.",
    401: "Not authenticated, or the session has expired.",
    403: "Permission or CSRF token missing.",
    404: "Not found, or not visible to the caller.",
    409: "Conflict with the current state.",
    413: "The body is too large.",
    415: "Unsupported type of the body or of the file in it.",
    422: "Invalid values; `errors` lists the fields.",
    429: "Too many requests; retry after the seconds in `Retry-After`.",
    502: "The LLM failed.",
    503: "A dependency is unavailable.",
}

# A browser that came to show an uploaded page would run it with the rights of whoever is signed in.
MEDIA_TYPES: dict[str, str] = {
    kind: "text/plain" if kind == "html" else one.media_type for kind, one in FORMATS.items()
}
"""The media types of documents, by their type. Pages are served as text."""

_DEPENDENCIES = {"session", "principal", "runtime", "request"}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Error responses for the `responses` of a handler. `ProblemResponses` adds those common to all calls."""
    return {
        status: ResponseSpec(
            Problem, description=_MEANINGS[status], media_type=MEDIA_TYPE, generate_examples=False
        )
        for status in statuses
    }


class ProblemResponses(ReceiveRoutePlugin):
    """Documents the errors common to all calls, and which calls need no authentication."""

    def receive_route(self, route: BaseRoute) -> None:
        """Add the responses to the handlers of a route."""
        if not isinstance(route, HTTPRoute):
            return
        for handler, _ in route.route_handler_map.values():
            if not handler.resolve_include_in_schema():
                continue
            if handler.opt.get("public"):
                handler.security = [{}]
            statuses = _statuses(handler, has_path_parameters=bool(route.path_parameters))
            documented = {**problems(*sorted(statuses)), **(handler.responses or {})}
            if handler.parsed_return_field.annotation == Response[None]:
                # Otherwise Litestar describes a JSON null.
                documented[handler.status_code] = ResponseSpec(None, description="Done.")
            handler.responses = documented


def _statuses(handler: HTTPRouteHandler, *, has_path_parameters: bool) -> set[int]:
    parameters = set(handler.parsed_fn_signature.parameters)
    statuses = {503} if parameters else set()
    if not handler.opt.get("public"):
        statuses |= {401, 403}
    if "limited" in handler.opt:
        statuses |= {429}
    if has_path_parameters:
        statuses |= {404}
    if parameters - _DEPENDENCIES:
        # For handlers with parameters Litestar describes a 400 in its own format, which Luma never returns.
        statuses |= {400, 422}
    if "data" in parameters or handler.operation_class in (UploadOperation, ReplaceOperation):
        statuses |= {400, 413, 415, 422}
    return statuses


@dataclass
class UploadOperation(Operation):
    """Describes the multipart body, which the handler parses itself."""

    def __post_init__(self) -> None:
        """Add the body to the description."""
        self.request_body = _multipart(UploadForm)


@dataclass
class ReplaceOperation(Operation):
    """Describes the multipart body of a new version."""

    def __post_init__(self) -> None:
        """Add the body to the description."""
        self.request_body = _multipart(FileForm)


def _multipart(form: type[msgspec.Struct]) -> RequestBody:
    _, schemas = msgspec.json.schema_components([form])
    # Litestar's Schema takes no JSON schema, but the document may hold one.
    schema = cast(Schema, schemas[form.__name__])
    return RequestBody(required=True, content={"multipart/form-data": OpenAPIMediaType(schema=schema)})


@dataclass
class FileOperation(Operation):
    """Describes the file of a document."""

    def __post_init__(self) -> None:
        """Name all media types; a response of Litestar's has one."""
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.responses = self.responses or {}
        self.responses["200"] = OpenAPIResponse(
            description="The file as it was uploaded.",
            content={
                media_type: OpenAPIMediaType(schema=schema)
                for media_type in dict.fromkeys(MEDIA_TYPES.values())
            },
        )


@dataclass
class AuditExportOperation(Operation):
    """Describes the file of audit events."""

    def __post_init__(self) -> None:
        """Name both formats."""
        content = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.responses = self.responses or {}
        self.responses["200"] = OpenAPIResponse(
            description="The file.", content={"text/csv": content, "application/jsonl": content}
        )


@dataclass
class ExportOperation(Operation):
    """Describes the second format of an exported chat."""

    def __post_init__(self) -> None:
        """Add Markdown."""
        response = (self.responses or {}).get("200")
        if isinstance(response, OpenAPIResponse):
            text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
            response.content = {**(response.content or {}), "text/markdown": text}


def _streamed(events: str) -> type[Operation]:
    """The operation of a call whose response may be a stream of these events, always with status 200."""

    @dataclass
    class StreamedOperation(Operation):
        def __post_init__(self) -> None:
            self.responses = self.responses or {}
            response = self.responses.setdefault("200", OpenAPIResponse(description="Server-sent events."))
            if isinstance(response, OpenAPIResponse):
                schema = Schema(type=OpenAPIType.STRING, description=events)
                response.content = {**(response.content or {}), EVENT_STREAM: OpenAPIMediaType(schema=schema)}

    return StreamedOperation


EventsOperation = _streamed(
    "`ingestion` (an IngestionView; its `id` is the time of the change), `document_removed` "
    '(`{"doc_id": …, "namespace_id": …}`); `error` (a Problem) when the login or the access ends.'
)
CallerEventsOperation = _streamed(
    '`namespaces` and `documents` if these lists of the caller have changed; `chats` (`{"chat_id": …}`) and '
    '`members` (`{"namespace_id": …}`) if these have, or with null, any. With `namespace_id` also '
    "`ingestion` and `document_removed` as in the events of a namespace, and `namespace_lost` "
    '(`{"namespace_id": …}`) if the caller can\'t read it. `error` (a Problem) when the login ends.'
)
AnswerOperation = _streamed(
    '`user_message` (stored), `progress` (`{"stage": …, "titles": […]}`; the stages are `searching`, '
    "`reading` and `thinking`), `citations` (the retrieved passages), many `delta` "
    '(`{"text": …}`), `llm_message` (stored, with its citations); `error` (a Problem) on failure. Before the '
    'answer, `reasoning` (`{"text": …}`) has what the model thinks; `all_reasoning` (`{}`) says that all '
    "`delta` so far were reasoning."
)
CompletionOperation = _streamed("OpenAI's chat.completion.chunk objects as `data:`, then `data: [DONE]`.")
