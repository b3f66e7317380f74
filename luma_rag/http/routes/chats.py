"""Chats and their messages."""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.params import JSONBody
from litestar.response import ServerSentEvent
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED

from luma_rag.access import oversight
from luma_rag.chat import history
from luma_rag.chat.history import ChatView, Exchange, FeedbackView, MessageView
from luma_rag.chat.service import TurnEvent
from luma_rag.http.dependencies import Caller, PaginationDependency, RuntimeDependency, Session
from luma_rag.http.events import EVENT_STREAM, HEADERS, event_stream
from luma_rag.http.input import ChatChange, NewChat, NewMessage, Verdict
from luma_rag.http.openapi import AnswerOperation, problems
from luma_rag.http.parameters import Id, OfNamespace
from luma_rag.http.rate_limit import limited
from luma_rag.pagination import Page


@post("/chats", responses=problems(404))
async def start_chat(
    data: JSONBody[NewChat], session: Session, principal: Caller, runtime: RuntimeDependency
) -> ChatView:
    """Start a chat in a namespace. Level 1."""
    await oversight.record_reading(runtime.sessions, principal, namespace_id=data.namespace_id)
    return await history.start(session, principal, data.namespace_id)


@get("/chats")
async def list_chats(
    session: Session, principal: Caller, pagination: PaginationDependency, namespace_id: OfNamespace = None
) -> Page[ChatView]:
    """List the caller's chats, most recent activity first."""
    return await history.list_own(session, principal, namespace_id, pagination)


@get("/chats/{chat_id:int}")
async def get_chat(chat_id: Id, session: Session, principal: Caller) -> ChatView:
    """Get one of the caller's chats."""
    return await history.get(session, principal, chat_id)


@patch("/chats/{chat_id:int}")
async def rename_chat(
    chat_id: Id, data: JSONBody[ChatChange], session: Session, principal: Caller
) -> ChatView:
    """Rename a chat."""
    return await history.rename(session, principal, chat_id, data.title)


@delete("/chats/{chat_id:int}")
async def remove_chat(chat_id: Id, session: Session, principal: Caller) -> None:
    """Delete a chat with its messages."""
    await history.remove(session, principal, chat_id)


@get("/chats/{chat_id:int}/messages")
async def list_messages(
    chat_id: Id, session: Session, principal: Caller, pagination: PaginationDependency
) -> Page[MessageView]:
    """List the messages in order."""
    return await history.messages(session, principal, chat_id, pagination)


@post(
    "/chats/{chat_id:int}/messages",
    operation_class=AnswerOperation,
    opt=limited("questions"),
    responses=problems(502),
)
async def ask(
    chat_id: Id,
    data: JSONBody[NewMessage],
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
) -> Response[Exchange]:
    """Ask a question. Returns JSON, or server-sent events with `Accept: text/event-stream`."""
    return await _respond(request, runtime.chats.ask(principal, chat_id, data.content), HTTP_201_CREATED)


@post(
    "/chats/{chat_id:int}/regenerate",
    status_code=HTTP_200_OK,
    operation_class=AnswerOperation,
    opt=limited("questions"),
    responses=problems(409, 502),
)
async def regenerate(
    chat_id: Id, request: Request[Any, Any, Any], principal: Caller, runtime: RuntimeDependency
) -> Response[Exchange]:
    """Answer the last question again. The new answer replaces the old one."""
    return await _respond(request, runtime.chats.regenerate(principal, chat_id), HTTP_200_OK)


@put("/messages/{message_id:int}/feedback")
async def rate(message_id: Id, data: JSONBody[Verdict], session: Session, principal: Caller) -> FeedbackView:
    """Rate an answer."""
    return await history.rate(session, principal, message_id, data.rating, data.comment)


async def _respond(
    request: Request[Any, Any, Any], turn: AsyncGenerator[TurnEvent], status_code: int
) -> Response[Any]:
    # Until the question is stored, a failure is an ordinary error with a status of its own.
    first = await anext(turn)
    if EVENT_STREAM in request.headers.get("accept", ""):
        return ServerSentEvent(event_stream(first, turn), status_code=HTTP_200_OK, headers=HEADERS)
    last = first
    async for event in turn:
        last = event
    return Response(Exchange(first.data, last.data), status_code=status_code)  # type: ignore[arg-type]


router = Router(
    "/api",
    route_handlers=[
        start_chat,
        list_chats,
        get_chat,
        rename_chat,
        remove_chat,
        list_messages,
        ask,
        regenerate,
        rate,
    ],
    tags=["chats"],
)
