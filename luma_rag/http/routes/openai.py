"""OpenAI's API: namespaces as models, and chat completions answered from them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Literal, cast

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK

from luma_rag import namespaces
from luma_rag.access import Principal, oversight
from luma_rag.chat.messages import MessageView
from luma_rag.chat.running import Login, TurnEvent
from luma_rag.errors import AnswerInterruptedError, LLMError, MalformedRequestError, NotFoundError
from luma_rag.http.completion_request import Asked, CompletionRequest
from luma_rag.http.completions import PREFIX, Answering, Completion, openai_problem
from luma_rag.http.dependencies import Caller, RuntimeDependency, Session, login_of
from luma_rag.http.errors import HANDLERS, answer, problem
from luma_rag.http.events import EventStream
from luma_rag.http.markdown_images import without_images
from luma_rag.http.openapi import CompletionOperation, problems
from luma_rag.http.parameters import ModelName
from luma_rag.http.rate_limit import limited
from luma_rag.http.token_level import ASKING
from luma_rag.runtime import Runtime


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


@get("/models/{model:path}", responses=problems(404))
async def get_model(model: ModelName, session: Session, principal: Caller) -> Model:
    """Get a model by its id, or by the name of its namespace."""
    try:
        found = await namespaces.by_name(session, principal, model.lstrip("/").removeprefix(PREFIX))
    except NotFoundError:
        raise NotFoundError("Model not found. GET /v1/models lists the available models.") from None
    return Model(f"{PREFIX}{found.id}", found.name, int(found.created_at.timestamp()))


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
    """Answer the last question from the namespace in `model`. Requires level 1.

    Citations are under `luma`, and also `annotations`, whose addresses open the cited page.
    The question and the answer are stored in the caller's chat that the conversation continues, or in a new
    one; with `store: false`, nothing is stored. Images in the answer become text, so that showing it loads
    nothing. What Luma does not offer has no effect and is named in `luma.ignored`. Errors have an additional
    member `error` in OpenAI's format.
    """
    asked = data.asked()
    namespace_id = await _namespace_id(runtime, principal, data.model)
    await oversight.record_reading(runtime.sessions, principal, namespace_id=namespace_id)
    turn = _begin(runtime, login_of(request, principal), namespace_id, data, asked)
    # Until the question is stored, a failure is an ordinary error with a status of its own.
    question = cast(MessageView, (await anext(turn)).data)
    answering = Answering(
        data,
        question,
        turn,
        ignored=asked.ignored,
        base=runtime.settings.public_url or str(request.base_url),
        path=f"/n/{namespace_id}",
    )
    if data.stream:
        stream: Response[Any] = EventStream(answering.pieces())
        return stream
    return Response(await _unless_disconnected(request, answering.whole()))


def _begin(
    runtime: Runtime, login: Login, namespace_id: int, request: CompletionRequest, asked: Asked
) -> AsyncGenerator[TurnEvent]:
    if asked.is_task:
        return runtime.chats.complete_task(login, namespace_id, asked.question, asked.options)
    if request.store is False or not runtime.settings.completions_in_chats:
        return runtime.chats.ask_unstored(login, namespace_id, asked.question, asked.history, asked.options)
    return runtime.chats.ask_after(
        login, namespace_id, asked.question, asked.history, asked.options, without_images
    )


async def _namespace_id(runtime: Runtime, principal: Principal, model: str) -> int:
    """The namespace that a model is, by its id or its name.

    Raises:
        NotFoundError: there is none, or the caller can't read it.
        ConflictError: several have this name.
    """
    async with runtime.sessions.begin() as session:
        try:
            return (await namespaces.by_name(session, principal, model.removeprefix(PREFIX))).id
        except NotFoundError:
            raise NotFoundError(
                f"Model not found. GET /v1/models lists the available models, such as {PREFIX}1."
            ) from None


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
    route_handlers=[list_models, get_model, complete],
    tags=["openai"],
    exception_handlers=dict.fromkeys(HANDLERS, _answer),
)
