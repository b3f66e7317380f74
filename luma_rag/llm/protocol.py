"""The LLM protocol: a list of messages in, pieces of text out."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import msgspec


class PromptMessage(msgspec.Struct, frozen=True):
    """A message of a prompt, with the roles of OpenAI's chat completions."""

    role: Literal["system", "user", "assistant"]
    content: str


class LanguageModel(Protocol):
    """A model that completes a chat."""

    @property
    def name(self) -> str:
        """A human-readable name of the model."""
        ...

    def stream(self, messages: Sequence[PromptMessage], *, max_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces; closing the generator ends the call.

        Raises:
            luma_rag.errors.LLMError: the server is unreachable, refuses, or breaks off; the message names the
            server and
                quotes its error.
        """
        ...

    async def aclose(self) -> None:
        """Release connections or server processes."""
        ...
