"""The LLM protocol: a list of messages in, pieces of what the model writes out."""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Literal, Protocol

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


class Usage(msgspec.Struct, frozen=True):
    """Token counts of the prompt and of the answer, by the server's own tokenizer."""

    prompt_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0
    completion_tokens: Annotated[int, msgspec.Meta(ge=0)] = 0


Written = str | Reasoning | AllReasoning | CutOff | Usage
"""What a model writes: text of the answer as `str`, and what is not text of the answer."""


class Sampling(msgspec.Struct, frozen=True):
    """How a model chooses its words; None and () leave it to Luma or the server."""

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


_DEFAULT = Sampling()


class LanguageModel(Protocol):
    """A model that completes a chat."""

    @property
    def name(self) -> str:
        """A human-readable name of the model."""
        ...

    def stream(
        self, messages: Sequence[PromptMessage], *, max_tokens: int, sampling: Sampling = _DEFAULT
    ) -> AsyncGenerator[Written, None]:
        """Yield the answer in pieces; closing the generator ends the call. `CutOff` and `Usage` come last.

        Raises:
            luma_rag.errors.LLMError: the server is unreachable, refuses, or breaks off; the message names the
                server and quotes its error. `luma_rag.llm.server_errors.ContextOverflowError`, raised before
                the first piece, means that the messages are too long for the model.
        """
        ...

    async def aclose(self) -> None:
        """Release connections or server processes."""
        ...
