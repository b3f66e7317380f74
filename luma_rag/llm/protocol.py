"""What Luma needs from an LLM: a list of messages in, pieces of text out."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import msgspec


class PromptMessage(msgspec.Struct, frozen=True):
    """One message of a prompt, in the roles of OpenAI's chat completions."""

    role: Literal["system", "user", "assistant"]
    content: str


class LanguageModel(Protocol):
    """A model that completes a chat."""

    @property
    def name(self) -> str:
        """What the model is called, for people."""
        ...

    def stream(self, messages: Sequence[PromptMessage], *, max_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces as they are made; closing the generator ends the call.

        Raises:
            luma_rag.errors.LLMError: the server can't be reached, refuses, or breaks off; the message says
                which server and what it said.
        """
        ...

    async def aclose(self) -> None:
        """Give back what the model holds: connections, or a server process of its own."""
        ...
