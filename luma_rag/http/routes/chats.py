"""Chats and their messages."""

from collections.abc import AsyncGenerator
from typing import Any, cast

from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT
from msgspec import structs

from luma_rag.access import oversight
from luma_rag.chat import history, messages
from luma_rag.chat.history import ChatExport, ChatView
from luma_rag.chat.messages import Exchange, FeedbackView, MessageView
from luma_rag.chat.running import TurnEvent
from luma_rag.http.dependencies import (
    Caller,
    PaginationDependency,
    RuntimeDependency,
    Session,
    login_of,
)
from luma_rag.http.events import EVENT_STREAM, EventStream, event_stream
from luma_rag.http.input import ChatChange, NewChat, NewMessage, Verdict
from luma_rag.http.markdown_images import without_images
from luma_rag.http.openapi import AnswerOperation, ExportOperation, problems
from luma_rag.http.parameters import ExportFormat, Id, IsPinned, OfBranch, OfChatText, OfNamespace, OfQuestion
from luma_rag.http.rate_limit import limited
from luma_rag.http.token_level import ASKING
from luma_rag.pagination import Page


@post("/chats", opt=ASKING, responses=problems(404))
async def start_chat(
    data: JSONBody[NewChat], session: Session, principal: Caller, runtime: RuntimeDependency
) -> ChatView:
    """Start a chat in a namespace. Level 1."""
    await oversight.record_reading(runtime.sessions, principal, namespace_id=data.namespace_id)
    return await history.start(session, principal, data.namespace_id)


@get("/chats")
async def list_chats(
    session: Session,
    principal: Caller,
    pagination: PaginationDependency,
    namespace_id: OfNamespace = None,
    containing: OfChatText = None,
    pinned: IsPinned = None,
) -> Page[ChatView]:
    """List the caller's chats, most recent activity first."""
    return await history.list_own(
        session, principal, pagination, namespace_id=namespace_id, containing=containing, pinned=pinned
    )


@get("/chats/{chat_id:int}")
async def get_chat(chat_id: Id, session: Session, principal: Caller) -> ChatView:
    """Get one of the caller's chats."""
    return await history.get(session, principal, chat_id)


@patch("/chats/{chat_id:int}")
async def change_chat(
    chat_id: Id, data: JSONBody[ChatChange], session: Session, principal: Caller
) -> ChatView:
    """Rename, pin or unpin a chat."""
    return await history.change(session, principal, chat_id, title=data.title, pinned=data.pinned)


@delete("/chats/{chat_id:int}")
async def remove_chat(chat_id: Id, session: Session, principal: Caller) -> None:
    """Delete a chat with its messages."""
    await history.remove(session, principal, chat_id)


@get("/chats/{chat_id:int}/export", operation_class=ExportOperation)
async def export_chat(
    chat_id: Id, session: Session, principal: Caller, file_format: ExportFormat = "markdown"
) -> Response[ChatExport]:
    """Download a chat with the messages of the branch in use.

    In Markdown, images become text, so that showing the file loads nothing.
    """
    exported = await history.export(session, principal, chat_id)
    extension = {"markdown": "md", "json": "json"}[file_format]
    headers = {"Content-Disposition": f'attachment; filename="chat-{chat_id}.{extension}"'}
    if file_format == "json":
        return Response(exported, headers=headers)
    markdown = without_images(history.as_markdown(exported))
    text: Response[Any] = Response(markdown, media_type="text/markdown; charset=utf-8", headers=headers)
    return text


@get("/chats/{chat_id:int}/messages")
async def list_messages(
    chat_id: Id,
    session: Session,
    principal: Caller,
    pagination: PaginationDependency,
    branch: OfBranch = None,
) -> Page[MessageView]:
    """List the messages of a branch in order."""
    return await messages.list_messages(session, principal, chat_id, branch, pagination)


@post(
    "/chats/{chat_id:int}/messages",
    operation_class=AnswerOperation,
    opt=limited("questions") | ASKING,
    responses=problems(409, 502),
)
async def ask(
    chat_id: Id,
    data: JSONBody[NewMessage],
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
) -> Response[Exchange]:
    """Ask a question. Returns JSON, or server-sent events with `Accept: text/event-stream`.

    The answer is written even if the client disconnects.
    """
    turn = runtime.chats.ask(
        login_of(request, principal),
        chat_id,
        data.content,
        doc_ids=data.doc_ids,
        replaces=data.replaces,
        follows=data.follows,
    )
    return await _respond(request, turn, HTTP_201_CREATED)


@post(
    "/chats/{chat_id:int}/regenerate",
    status_code=HTTP_200_OK,
    operation_class=AnswerOperation,
    opt=limited("questions"),
    responses=problems(409, 502),
)
async def regenerate(
    chat_id: Id,
    request: Request[Any, Any, Any],
    principal: Caller,
    runtime: RuntimeDependency,
    question: OfQuestion = None,
) -> Response[Exchange]:
    """Answer the last question again, or another one. The older answers stay, as versions.

    After an earlier question, the chat continues from the new answer; the older branch is kept.
    """
    turn = runtime.chats.regenerate(login_of(request, principal), chat_id, question)
    return await _respond(request, turn, HTTP_200_OK)


@get(
    "/chats/{chat_id:int}/stream",
    operation_class=AnswerOperation,
    responses={HTTP_204_NO_CONTENT: ResponseSpec(None, description="No answer is being written.")},
)
async def join(
    chat_id: Id, request: Request[Any, Any, Any], principal: Caller, runtime: RuntimeDependency
) -> Response[str]:
    """Join the answer that is being written: the text so far, then the rest, as server-sent events."""
    turn = runtime.chats.join(login_of(request, principal), chat_id)
    first = await anext(turn, None)
    if first is None:
        nothing: Response[Any] = Response(None, status_code=HTTP_204_NO_CONTENT)
        return nothing
    events: Response[Any] = EventStream(event_stream(first, turn))
    return events


@post("/chats/{chat_id:int}/stop", status_code=HTTP_202_ACCEPTED)
async def stop(chat_id: Id, principal: Caller, runtime: RuntimeDependency) -> None:
    """Stop the answer that is being written, if any. The text so far is kept."""
    await runtime.chats.stop(principal, chat_id)


@put("/messages/{message_id:int}/feedback")
async def rate(message_id: Id, data: JSONBody[Verdict], session: Session, principal: Caller) -> FeedbackView:
    """Rate an answer."""
    return await messages.rate(session, principal, message_id, data.rating, data.comment)


async def _respond(
    request: Request[Any, Any, Any], turn: AsyncGenerator[TurnEvent], status_code: int
) -> Response[Any]:
    # Until the question is stored, a failure is an ordinary error with a status of its own.
    first = await anext(turn)
    if EVENT_STREAM in request.headers.get("accept", ""):
        return EventStream(event_stream(first, turn))
    question = answer = cast(MessageView, first.data)
    async for event in turn:
        if event.event == "llm_message":
            answer = cast(MessageView, event.data)
    question = structs.replace(question, state=answer.state)
    return Response(Exchange(question, answer), status_code=status_code)


router = Router(
    "/api",
    route_handlers=[
        start_chat,
        list_chats,
        get_chat,
        change_chat,
        remove_chat,
        export_chat,
        list_messages,
        ask,
        regenerate,
        join,
        stop,
        rate,
    ],
    tags=["chats"],
)
