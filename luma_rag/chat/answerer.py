"""Who answers: a language model reading the retrieved passages, or Luma quoting them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import msgspec


class RetrievedPassage(msgspec.Struct, frozen=True):
    """A passage the retriever found, numbered from 1 in the order of the prompt.

    `similarity` is the cosine of the question's and the passage's embeddings (the latter with title and
    heading, as it was ingested); None where the retriever does not know it. `before` and `after` stand right
    before and after the passage, at the same place of the document.
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


class Answerer(Protocol):
    """Answers a question from passages, citing them as `[n]`."""

    @property
    def name(self) -> str:
        """Who answers, for people."""
        ...

    def answer(
        self, question: str, passages: Sequence[RetrievedPassage], history: Sequence[HistoryMessage]
    ) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces; closing the generator ends the work.

        Raises:
            luma_rag.errors.LLMError: the model's server failed.
        """
        ...

    async def aclose(self) -> None:
        """Give back what the answerer holds."""
        ...
