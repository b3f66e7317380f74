"""OpenAI's API: namespaces as models, and chat completions answered from them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, cast

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK

from luma_rag import namespaces
from luma_rag.access import oversight
from luma_rag.chat.messages import MessageView
from luma_rag.errors import AnswerInterruptedError, LLMError, MalformedRequestError
from luma_rag.http.completions import PREFIX, Completion, CompletionRequest, openai_problem, pieces, whole
from luma_rag.http.dependencies import Caller, RuntimeDependency, Session, login_of
from luma_rag.http.errors import HANDLERS, answer, problem
from luma_rag.http.events import EventStream
from luma_rag.http.openapi import CompletionOperation, problems
from luma_rag.http.rate_limit import limited
from luma_rag.http.token_level import ASKING


class Model(msgspec.Struct, frozen=True):
    """A namespace as a model. `created` is in seconds since 1970."""

    id: str
    name: str
    created: int
    object: Literal["model"] = "model"
    owned_by: str = "luma"


class Models(msgspec.Struct, frozen=True):
    """All models."""

    data: list[Model]
    object: Literal["list"] = "list"


@get("/models")
async def list_models(session: Session, principal: Caller) -> Models:
    """List the models: one for each namespace that the caller can read, `luma/{namespace_id}`, by id."""
    return Models(
        [
            Model(f"{PREFIX}{namespace.id}", namespace.name, int(namespace.created_at.timestamp()))
            for namespace in await namespaces.names(session, principal)
        ]
    )


@post(
    "/chat/completions",
    status_code=HTTP_200_OK,
    opt=limited("questions") | ASKING,
    operation_class=CompletionOperation,
    responses=problems(404, 502),
)
async def complete(
    data: JSONBody[CompletionRequest],
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
) -> Response[Completion]:
    """Answer the last message from the namespace in `model`, with citations under `luma`. Requires level 1.

    Images in the answer become text, so that showing it loads nothing. The question and the answer are stored
    as a new chat of the caller. Errors have an additional member
    `error` in OpenAI's format. Images, tools and other response formats are rejected. Other options have no
    effect.
    """
    namespace_id, question, history = data.parsed()
    await oversight.record_reading(runtime.sessions, principal, namespace_id=namespace_id)
    turn = runtime.chats.ask_in_new_chat(login_of(request, principal), namespace_id, question, history)
    # Until the question is stored, a failure is an ordinary error with a status of its own.
    stored_question = cast(MessageView, (await anext(turn)).data)
    if data.stream:
        stream: Response[Any] = EventStream(pieces(data, stored_question, turn))
        return stream
    return Response(await _unless_disconnected(request, whole(data, stored_question, turn)))


async def _unless_disconnected(
    request: Request[Any, Any, Any], answering: Coroutine[Any, Any, Completion]
) -> Completion:
    """The answer. If the client disconnects first, it is stopped."""
    answer_task = asyncio.ensure_future(answering)
    disconnecting = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait([answer_task, disconnecting], return_when=asyncio.FIRST_COMPLETED)
        if not answer_task.done():
            raise MalformedRequestError("The client disconnected before the answer was complete.")
        return answer_task.result()
    finally:
        for task in (answer_task, disconnecting):
            task.cancel()
        await asyncio.gather(answer_task, disconnecting, return_exceptions=True)


async def _disconnected(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    response: Response[Any] = answer(request, error)
    response.content = openai_problem(problem(error))
    if isinstance(error, LLMError | AnswerInterruptedError):
        # The question is stored and the LLM call was retried already: a retry would store the question twice.
        response.headers["x-should-retry"] = "false"
    return response


router = Router(
    "/v1",
    route_handlers=[list_models, complete],
    tags=["openai"],
    exception_handlers=dict.fromkeys(HANDLERS, _answer),
)
