"""Answers by a language model that reads the retrieved passages."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from luma_rag import tracing
from luma_rag.chat import prompt
from luma_rag.chat.answerer import HistoryMessage, RetrievedPassage
from luma_rag.chat.citations import CitationFilter
from luma_rag.errors import LLMError
from luma_rag.llm.protocol import LanguageModel
from luma_rag.metrics import FAILURES, FIRST_TOKEN
from luma_rag.settings import LLMSettings


class ModelAnswerer:
    """Answers with `model`. Citations of unknown passages are removed."""

    def __init__(self, model: LanguageModel, settings: LLMSettings) -> None:
        self._model = model
        self._context_tokens = settings.context_tokens
        self._answer_limit = prompt.answer_limit(settings.context_tokens, settings.max_answer_tokens)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def model(self) -> LanguageModel:
        """The model that writes the answers."""
        return self._model

    async def answer(
        self, question: str, passages: Sequence[RetrievedPassage], history: Sequence[HistoryMessage]
    ) -> AsyncGenerator[str, None]:
        """Yield the answer in pieces. Every citation is `[n]` of one of `passages`.

        Raises:
            LLMError: the LLM server failed.
        """
        messages = prompt.build(
            question,
            passages,
            history,
            context_tokens=self._context_tokens,
            max_answer_tokens=self._answer_limit,
        )
        citations = CitationFilter({passage.n for passage in passages})
        began = time.perf_counter()
        first: float | None = None
        stream = self._model.stream(messages, max_tokens=self._answer_limit)
        try:
            async with aclosing(stream) as pieces:
                with FAILURES.count_exceptions(LLMError):
                    async for piece in pieces:
                        if first is None:
                            first = time.perf_counter()
                            FIRST_TOKEN.observe(first - began)
                        if text := citations.feed(piece):
                            yield text
        finally:
            ended = time.perf_counter()
            stages = {"first_token": (began, first or ended), "stream": (first or ended, ended)}
            tracing.record("llm", (began, ended), stages, model=self.name)
        if text := citations.close():
            yield text

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()
