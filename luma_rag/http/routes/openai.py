"""For programs that speak OpenAI's API: namespaces as models, and chat completions answered from them."""

from typing import Any, Literal, cast

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import JSONBody
from litestar.response import ServerSentEvent
from litestar.status_codes import HTTP_200_OK

from luma_rag import namespaces
from luma_rag.chat.history import MessageView
from luma_rag.errors import LLMError
from luma_rag.http.completions import PREFIX, Completion, CompletionRequest, openai_problem, pieces, whole
from luma_rag.http.dependencies import Caller, RuntimeDependency, Session
from luma_rag.http.errors import HANDLERS, answer, problem
from luma_rag.http.events import HEADERS
from luma_rag.http.openapi import CompletionOperation, problems
from luma_rag.http.rate_limit import limited


class Model(msgspec.Struct, frozen=True):
    """A namespace as a model; `created` in seconds since 1970."""

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
    """One model for each namespace that the caller can read, `luma/{namespace_id}`, by id."""
    return Models(
        [
            Model(f"{PREFIX}{each.id}", each.name, int(each.created_at.timestamp()))
            for each in await namespaces.names(session, principal)
        ]
    )


@post(
    "/chat/completions",
    status_code=HTTP_200_OK,
    opt=limited("questions"),
    operation_class=CompletionOperation,
    responses=problems(404, 502),
)
async def complete(
    data: JSONBody[CompletionRequest], principal: Caller, runtime: RuntimeDependency
) -> Response[Completion]:
    """Answer the last message from the namespace that `model` names, with citations under `luma`. Level 1.

    Question and answer are stored as a new chat of the caller. Errors have a member `error` besides, as
    OpenAI's clients expect it. Images, tools and other forms of answer are refused; other options of OpenAI's
    have no effect.
    """
    namespace_id, question, history = data.asked()
    turn = runtime.chats.ask_in_new_chat(principal, namespace_id, question, history)
    # Until the question is stored, a failure is an ordinary error with a status of its own.
    asked = cast(MessageView, (await anext(turn)).data)
    if data.stream:
        stream: Response[Any] = ServerSentEvent(pieces(data, asked, turn), headers=HEADERS)
        return stream
    return Response(await whole(data, asked, turn))


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    response: Response[Any] = answer(request, error)
    response.content = openai_problem(problem(error))
    if isinstance(error, LLMError):
        # The question is stored, and the LLM was asked again already: clients would store it once more.
        response.headers["x-should-retry"] = "false"
    return response


router = Router(
    "/v1",
    route_handlers=[list_models, complete],
    tags=["openai"],
    exception_handlers=dict.fromkeys(HANDLERS, _answer),
)
