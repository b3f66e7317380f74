"""Chats, questions, and answers, also while they are written."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, Literal

import httpx
from httpx_sse import EventSource

from luma_client import protocol
from luma_client._sync.connection import Connection
from luma_client.events import AnswerEvent, LLMMessageEvent, answer_event
from luma_client.types import Chat, Exchange, Feedback, Message, Page, Rating


class Chats(Connection):
    """The calls on chats."""

    def chats(
        self, namespace_id: int | None = None, *, containing: str | None = None, pinned: bool | None = None
    ) -> list[Chat]:
        """The caller's chats, latest activity first.

        With `namespace_id`, those with one namespace; with `containing`, those with this text in the title or
        in a message; with `pinned`, those that are pinned, or that are not.
        """
        params = protocol.given(namespace_id=namespace_id, q=containing, pinned=pinned)
        return self._all("/api/chats", Page[Chat], **params)

    def update_chat(self, chat_id: int, *, title: str | None = None, pinned: bool | None = None) -> Chat:
        """Rename, pin or unpin a chat."""
        body = protocol.given(title=title, pinned=pinned)
        return self._send("PATCH", f"/api/chats/{chat_id}", Chat, json=body)

    def export_chat(self, chat_id: int, file_format: Literal["markdown", "json"] = "markdown") -> str:
        """A chat as Markdown or JSON, with the messages of the branch in use."""
        path, params = f"/api/chats/{chat_id}/export", {"format": file_format}
        with self._open("GET", path, params=params, headers={"accept": "*/*"}) as response:
            response.read()
            return response.text

    def start_chat(self, namespace_id: int) -> Chat:
        """Start a chat with a namespace."""
        return self._send("POST", "/api/chats", Chat, json={"namespace_id": namespace_id})

    def delete_chat(self, chat_id: int) -> None:
        """Delete a chat with its messages."""
        self._delete(f"/api/chats/{chat_id}")

    def messages(self, chat_id: int, *, branch: int | None = None) -> list[Message]:
        """The messages of a chat in order: of the branch in use, or of the newest through a message."""
        return self._all(f"/api/chats/{chat_id}/messages", Page[Message], **protocol.given(branch=branch))

    def ask(self, namespace_id: int, question: str, *, doc_ids: Sequence[int] | None = None) -> Message:
        """The answer to a question, in a new chat; with `doc_ids`, from these documents only."""
        chat = self.start_chat(namespace_id)
        return self.ask_in_chat(chat.id, question, doc_ids=doc_ids)

    def ask_in_chat(
        self,
        chat_id: int,
        question: str,
        *,
        doc_ids: Sequence[int] | None = None,
        replaces: int | None = None,
    ) -> Message:
        """The answer to a question that continues a chat; with `doc_ids`, from these documents only.

        `replaces` is the id of an earlier question, of which this is a new version.
        The chat continues from it.
        """
        path, body = f"/api/chats/{chat_id}/messages", _question(question, doc_ids, replaces)
        return self._send("POST", path, Exchange, json=body).llm_message

    def stop_answer(self, chat_id: int) -> None:
        """Stop the answer that is being written in a chat, if any. The text so far is kept."""
        with self._open("POST", f"/api/chats/{chat_id}/stop"):
            pass

    def regenerate(self, chat_id: int) -> Message:
        """A new answer to the last question of a chat. The older ones stay, as versions."""
        return self._send("POST", f"/api/chats/{chat_id}/regenerate", Exchange).llm_message

    def ask_stream(self, namespace_id: int, question: str) -> Generator[AnswerEvent]:
        """The answer to a question, in a new chat, while it is written.

        The question comes first, then the retrieved passages, the pieces of the answer, and the whole answer.
        An answer that is no longer read is written all the same.

        Raises:
            ApiError: the service refused, or the answer failed midway. `regenerate` answers again.
            httpx.TransportError: the connection was lost.
        """
        chat = self.start_chat(namespace_id)
        with closing(self.ask_in_chat_stream(chat.id, question)) as events:
            yield from events

    def ask_in_chat_stream(
        self,
        chat_id: int,
        question: str,
        *,
        doc_ids: Sequence[int] | None = None,
        replaces: int | None = None,
    ) -> Generator[AnswerEvent]:
        """The answer to a question that continues a chat, while it is written; see `ask_stream`."""
        body = _question(question, doc_ids, replaces)
        return self._answer("POST", f"/api/chats/{chat_id}/messages", json=body)

    def join_stream(self, chat_id: int) -> Generator[AnswerEvent]:
        """The answer that is being written in a chat: the text so far, then the rest; see `ask_stream`.

        Without such an answer there are no events.
        """
        return self._answer("GET", f"/api/chats/{chat_id}/stream")

    def regenerate_stream(self, chat_id: int) -> Generator[AnswerEvent]:
        """A new answer to the last question of a chat, while it is written; see `ask_stream`."""
        return self._answer("POST", f"/api/chats/{chat_id}/regenerate", json=None)

    def give_feedback(self, message_id: int, rating: Rating, comment: str | None = None) -> Feedback:
        """Rate an answer: 1 if it helped, -1 if it didn't, 0 to take a rating back."""
        body = {"rating": rating, "comment": comment}
        return self._send("PUT", f"/api/messages/{message_id}/feedback", Feedback, json=body)

    def _answer(self, method: str, path: str, **content: Any) -> Generator[AnswerEvent]:
        with self._open(method, path, headers=protocol.EVENT_STREAM, **content) as response:
            if response.status_code == protocol.NOTHING:
                return
            for sent in EventSource(response).iter_sse():
                if (event := answer_event(sent)) is not None:
                    yield event
                if isinstance(event, LLMMessageEvent):
                    return
        raise httpx.RemoteProtocolError("The stream ended before the answer was complete.")


def _question(content: str, doc_ids: Sequence[int] | None, replaces: int | None) -> dict[str, Any]:
    more = protocol.given(doc_ids=None if doc_ids is None else list(doc_ids), replaces=replaces)
    return {"content": content, **more}
