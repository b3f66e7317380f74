"""The answerer protocol: a language model that reads the passages, or Luma quoting them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import msgspec

from luma_rag.llm.protocol import Sampling, Written


class RetrievedPassage(msgspec.Struct, frozen=True):
    """A retrieved passage, numbered from 1 in the order of the prompt.

    `similarity` is the cosine between the embeddings of the question and the passage (with title and heading,
    as ingested); None if unknown. `before` and `after` are the adjacent text in the document.
    """

    n: int
    title: str
    text: str
    page: int | None = None
    heading: str | None = None
    similarity: float | None = None
    before: str = ""
    after: str = ""


class HistoryMessage(msgspec.Struct, frozen=True):
    """An earlier message of the same chat, oldest first."""

    sender: Literal["user", "LLM"]
    content: str


class AnswerOptions(msgspec.Struct, frozen=True):
    """How a program wants an answer. Only language models heed them.

    `instructions` are those of the program's own system messages; they follow Luma's. `max_tokens` can only
    shorten answers.
    """

    instructions: str = ""
    max_tokens: int | None = None
    sampling: Sampling = Sampling()


NO_OPTIONS = AnswerOptions()


class Answerer(Protocol):
    """Answers a question from passages, citing them as `[n]`."""

    @property
    def name(self) -> str:
        """The name to display."""
        ...

    def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[Written, None]:
        """Yield the answer in pieces, and what the model writes beside it. Closing the generator stops it.

        Raises:
            luma_rag.errors.LLMError: the LLM server failed.
        """
        ...

    async def aclose(self) -> None:
        """Release the resources."""
        ...
