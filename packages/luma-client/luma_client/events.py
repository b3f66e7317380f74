"""Server-sent events: an answer while it is written, and the changes of a namespace."""

import httpx
import msgspec
from httpx_sse import ServerSentEvent, SSEError

from luma_client.errors import ApiError, Problem
from luma_client.types import Citation, Ingestion, Message


class UserMessageEvent(msgspec.Struct, frozen=True):
    """The question was stored."""

    message: Message


class ProgressEvent(msgspec.Struct, frozen=True):
    """What happens before the answer begins: `searching`, `reading` (with the titles), or `thinking`."""

    stage: str
    titles: list[str] = []


class CitationsEvent(msgspec.Struct, frozen=True):
    """The passages that were retrieved, before any of the answer is written."""

    citations: list[Citation]


class DeltaEvent(msgspec.Struct, frozen=True):
    """The next piece of the answer."""

    text: str


class ReasoningEvent(msgspec.Struct, frozen=True):
    """The next piece of what the model thinks before it answers. It is no part of the answer."""

    text: str


class AllReasoningEvent(msgspec.Struct, frozen=True):
    """All pieces so far were reasoning: the answer begins now."""


class LLMMessageEvent(msgspec.Struct, frozen=True):
    """The answer is complete and stored, with the citations that it uses. Always the last event."""

    message: Message


AnswerEvent = (
    UserMessageEvent
    | ProgressEvent
    | CitationsEvent
    | DeltaEvent
    | ReasoningEvent
    | AllReasoningEvent
    | LLMMessageEvent
)


class IngestionEvent(msgspec.Struct, frozen=True):
    """An ingestion was queued, or has changed. `id` is for `last_event_id`."""

    id: str
    ingestion: Ingestion


class DocumentRemovedEvent(msgspec.Struct, frozen=True):
    """A document left the namespace."""

    doc_id: int
    namespace_id: int


class ReconnectedEvent(msgspec.Struct, frozen=True):
    """The connection was lost and is back. Removals in between aren't reported: list the documents again."""


NamespaceEvent = IngestionEvent | DocumentRemovedEvent | ReconnectedEvent


_KINDS: dict[str, type[ProgressEvent | DeltaEvent | ReasoningEvent | AllReasoningEvent]] = {
    "progress": ProgressEvent,
    "delta": DeltaEvent,
    "reasoning": ReasoningEvent,
    "all_reasoning": AllReasoningEvent,
}


def answer_event(sent: ServerSentEvent) -> AnswerEvent | None:
    """An event of an answer; None for one that this version doesn't know.

    Raises:
        ApiError: it says that the answer failed.
    """
    match sent.event:
        case "user_message":
            return UserMessageEvent(msgspec.json.decode(sent.data, type=Message))
        case "citations":
            return CitationsEvent(msgspec.json.decode(sent.data, type=list[Citation]))
        case "llm_message":
            return LLMMessageEvent(msgspec.json.decode(sent.data, type=Message))
    if kind := _KINDS.get(sent.event):
        return msgspec.json.decode(sent.data, type=kind)
    _raise_error(sent)
    return None


def namespace_event(sent: ServerSentEvent) -> NamespaceEvent | None:
    """An event of a namespace; None for one that this version doesn't know.

    Raises:
        ApiError: it says why the stream ends.
    """
    match sent.event:
        case "ingestion":
            return IngestionEvent(sent.id, msgspec.json.decode(sent.data, type=Ingestion))
        case "document_removed":
            return msgspec.json.decode(sent.data, type=DocumentRemovedEvent)
    _raise_error(sent)
    return None


def is_temporary(error: ApiError | httpx.TransportError) -> bool:
    """Whether a stream of events that broke may come back."""
    if isinstance(error, ApiError):
        return error.status == 429 or error.status >= 500
    return not isinstance(error, SSEError)


def _raise_error(sent: ServerSentEvent) -> None:
    if sent.event == "error":
        raise ApiError.of(msgspec.json.decode(sent.data, type=Problem))
