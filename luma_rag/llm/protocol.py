"""The LLM protocol: a list of messages in, pieces of what the model writes out."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import msgspec


class PromptMessage(msgspec.Struct, frozen=True):
    """A message of a prompt, with the roles of OpenAI's chat completions."""

    role: Literal["system", "user", "assistant"]
    content: str


class Reasoning(msgspec.Struct, frozen=True):
    """A piece of what the model thinks before it answers. It is no part of the answer."""

    text: str


class AllReasoning(msgspec.Struct, frozen=True):
    """All text so far was reasoning: the model has just marked the end of it, and never its beginning."""


class CutOff(msgspec.Struct, frozen=True):
    """The answer ends early: at the `length` that it may have, or by the server's `content_filter`."""

    reason: Literal["length", "content_filter"]


Written = str | Reasoning | AllReasoning | CutOff
"""What a model writes: text of the answer as `str`, and what is not text of the answer."""


class LanguageModel(Protocol):
    """A model that completes a chat."""

    @property
    def name(self) -> str:
        """A human-readable name of the model."""
        ...

    def stream(self, messages: Sequence[PromptMessage], *, max_tokens: int) -> AsyncGenerator[Written, None]:
        """Yield the answer in pieces; closing the generator ends the call. `CutOff` can only be the last one.

        Raises:
            luma_rag.errors.LLMError: the server is unreachable, refuses, or breaks off; the message names the
                server and quotes its error. `luma_rag.llm.server_errors.ContextOverflowError`, raised before
                the first piece, means that the messages are too long for the model.
        """
        ...

    async def aclose(self) -> None:
        """Release connections or server processes."""
        ...
