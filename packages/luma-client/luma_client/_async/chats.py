"""Chats, questions, and answers, also while they are written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
from httpx_sse import EventSource

from luma_client import protocol
from luma_client._async.connection import Connection
from luma_client.events import AnswerEvent, LLMMessageEvent, answer_event
from luma_client.types import Chat, Exchange, Feedback, Message, Page, Rating


class Chats(Connection):
    """The calls on chats."""

    async def chats(self, namespace_id: int | None = None) -> list[Chat]:
        """The caller's chats, latest activity first; those with one namespace if it is given."""
        return await self._all("/api/chats", Page[Chat], **protocol.given(namespace_id=namespace_id))

    async def start_chat(self, namespace_id: int) -> Chat:
        """Start a chat with a namespace."""
        return await self._send("POST", "/api/chats", Chat, json={"namespace_id": namespace_id})

    async def delete_chat(self, chat_id: int) -> None:
        """Delete a chat with its messages."""
        await self._delete(f"/api/chats/{chat_id}")

    async def messages(self, chat_id: int) -> list[Message]:
        """The messages of a chat in order."""
        return await self._all(f"/api/chats/{chat_id}/messages", Page[Message])

    async def ask(self, namespace_id: int, question: str) -> Message:
        """The answer to a question, in a new chat."""
        chat = await self.start_chat(namespace_id)
        return await self.ask_in_chat(chat.id, question)

    async def ask_in_chat(self, chat_id: int, question: str) -> Message:
        """The answer to a question that continues a chat."""
        path = f"/api/chats/{chat_id}/messages"
        return (await self._send("POST", path, Exchange, json={"content": question})).llm_message

    async def regenerate(self, chat_id: int) -> Message:
        """A new answer to the last question of a chat; it replaces the old one."""
        return (await self._send("POST", f"/api/chats/{chat_id}/regenerate", Exchange)).llm_message

    async def ask_stream(self, namespace_id: int, question: str) -> AsyncGenerator[AnswerEvent]:
        """The answer to a question, in a new chat, while it is written.

        The question comes first, then the retrieved passages, the pieces of the answer, and the whole answer.

        Raises:
            ApiError: the service refused, or the answer failed midway. `regenerate` answers again.
            httpx.TransportError: the connection was lost.
        """
        chat = await self.start_chat(namespace_id)
        async with aclosing(self.ask_in_chat_stream(chat.id, question)) as events:
            async for event in events:
                yield event

    def ask_in_chat_stream(self, chat_id: int, question: str) -> AsyncGenerator[AnswerEvent]:
        """The answer to a question that continues a chat, while it is written; see `ask_stream`."""
        return self._answer(f"/api/chats/{chat_id}/messages", {"content": question})

    def regenerate_stream(self, chat_id: int) -> AsyncGenerator[AnswerEvent]:
        """A new answer to the last question of a chat, while it is written; see `ask_stream`."""
        return self._answer(f"/api/chats/{chat_id}/regenerate", None)

    async def give_feedback(self, message_id: int, rating: Rating, comment: str | None = None) -> Feedback:
        """Rate an answer: 1 if it helped, -1 if it didn't, 0 to take a rating back."""
        body = {"rating": rating, "comment": comment}
        return await self._send("PUT", f"/api/messages/{message_id}/feedback", Feedback, json=body)

    async def _answer(self, path: str, body: Any) -> AsyncGenerator[AnswerEvent]:
        async with self._open("POST", path, json=body, headers=protocol.EVENT_STREAM) as response:
            async for sent in EventSource(response).aiter_sse():
                if (event := answer_event(sent)) is not None:
                    yield event
                if isinstance(event, LLMMessageEvent):
                    return
        raise httpx.RemoteProtocolError("The stream ended before the answer was complete.")
