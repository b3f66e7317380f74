"""What the OpenAPI document says beyond what Litestar reads from the handlers' signatures."""

from dataclasses import dataclass
from typing import cast

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from luma_rag.http.errors import MEDIA_TYPE, Problem
from luma_rag.http.events import EVENT_STREAM
from luma_rag.http.upload import UploadForm

_MEANINGS = {
    400: "The body can't be parsed.",
    401: "Not signed in, or the login has ended.",
    403: "The caller may see it, but not do this; or the CSRF token is missing.",
    404: "It does not exist, or the caller may not see it.",
    409: "It clashes with what exists.",
    413: "The body is too large.",
    415: "The body, or the file in it, is of a type that is not taken here.",
    422: "A value does not fit; `errors` names the fields.",
    429: "Too often; `Retry-After` says after how many seconds it is free again.",
    502: "The LLM failed.",
    503: "Something that this call needs is not there right now.",
}

_GIVEN_BY_LUMA = {"session", "principal", "runtime", "request"}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """How a call may fail, for the `responses` of its handler; what all share `ProblemResponses` adds."""
    return {
        status: ResponseSpec(
            Problem, description=_MEANINGS[status], media_type=MEDIA_TYPE, generate_examples=False
        )
        for status in statuses
    }


class ProblemResponses(ReceiveRoutePlugin):
    """Documents the ways in which any call may fail, and which calls need no login."""

    def receive_route(self, route: BaseRoute) -> None:
        """Add to the handlers of a route, before the document is made of them."""
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
                # Litestar would describe a JSON null.
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
    if parameters - _GIVEN_BY_LUMA:
        # Where there are parameters, Litestar describes a 400 of a form that Luma does not answer with.
        statuses |= {400, 422}
    if "data" in parameters or handler.operation_class is UploadOperation:
        statuses |= {400, 413, 415, 422}
    return statuses


@dataclass
class UploadOperation(Operation):
    """Describes the multipart body, which the handler parses itself."""

    def __post_init__(self) -> None:
        """Add the body to the description."""
        _, schemas = msgspec.json.schema_components([UploadForm])
        # Litestar's Schema takes no JSON schema, but the document may hold one.
        schema = cast(Schema, schemas["UploadForm"])
        self.request_body = RequestBody(
            required=True, content={"multipart/form-data": OpenAPIMediaType(schema=schema)}
        )


@dataclass
class EventsOperation(Operation):
    """Describes the stream of what happens in a namespace."""

    def __post_init__(self) -> None:
        """Say what the events are."""
        description = (
            "`ingestion` (an IngestionView; its `id` is the time of the change), `document_removed` "
            '(`{"doc_id": …, "namespace_id": …}`); `error` (a problem) where it ends because the login or '
            "the access has."
        )
        schema = Schema(type=OpenAPIType.STRING, description=description)
        self.responses = self.responses or {}
        self.responses["200"] = OpenAPIResponse(
            description="The changes as server-sent events.",
            content={EVENT_STREAM: OpenAPIMediaType(schema=schema)},
        )


@dataclass
class CompletionOperation(Operation):
    """Describes the stream that `"stream": true` asks for."""

    def __post_init__(self) -> None:
        """Add the stream to the responses."""
        answer = (self.responses or {})["200"]
        if isinstance(answer, OpenAPIResponse):
            events = OpenAPIMediaType(
                schema=Schema(
                    type=OpenAPIType.STRING,
                    description="OpenAI's chat.completion.chunk objects as `data:`, then `data: [DONE]`.",
                )
            )
            answer.content = {**(answer.content or {}), EVENT_STREAM: events}


@dataclass
class AnswerOperation(Operation):
    """Describes the stream that `Accept: text/event-stream` gets instead of JSON, always with status 200."""

    def __post_init__(self) -> None:
        """Add the stream to the responses."""
        self.responses = self.responses or {}
        streamed = self.responses.setdefault(
            "200", OpenAPIResponse(description="The answer as server-sent events.")
        )
        if isinstance(streamed, OpenAPIResponse):
            events = OpenAPIMediaType(
                schema=Schema(
                    type=OpenAPIType.STRING,
                    description=(
                        "`user_message` (stored), `citations` (what was retrieved), many `delta` "
                        '(`{"text": …}`), `llm_message` (stored, with what it cites); `error` (a problem) '
                        "where it breaks."
                    ),
                )
            )
            streamed.content = {**(streamed.content or {}), EVENT_STREAM: events}
