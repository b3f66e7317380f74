"""Answers by a language model that reads the retrieved passages."""

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from luma_rag import tracing
from luma_rag.chat import prompt
from luma_rag.chat.answerer import NO_OPTIONS, AnswerOptions, HistoryMessage, RetrievedPassage
from luma_rag.chat.citations import CitationFilter
from luma_rag.errors import LLMError
from luma_rag.llm.protocol import AllReasoning, LanguageModel, PromptMessage, Written
from luma_rag.llm.server_errors import ContextOverflowError
from luma_rag.metrics import FAILURES, FIRST_TOKEN
from luma_rag.settings import LLMSettings

logger = logging.getLogger(__name__)

# A context with less room holds no passage.
_LEAST_CONTEXT = 256
# What is left of a context that was too small, by how much is unknown.
_SHRINKING = 0.6


class ModelAnswerer:
    """Answers with `model`. Citations of unknown passages are removed.

    If the model's context turns out to be smaller than the settings say, prompts are made to fit into it:
    with fewer earlier messages, then with fewer passages.
    """

    def __init__(self, model: LanguageModel, settings: LLMSettings) -> None:
        self._model = model
        self._context_tokens = settings.context_tokens
        self._most_answer_tokens = settings.max_answer_tokens

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def model(self) -> LanguageModel:
        """The model that writes the answers."""
        return self._model

    async def answer(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions = NO_OPTIONS,
    ) -> AsyncGenerator[Written, None]:
        """Yield the answer in pieces. Every citation in its text is `[n]` of one of `passages`.

        Raises:
            LLMError: the LLM server failed.
        """
        sources = {passage.n: (passage.title, passage.page) for passage in passages}
        citations = CitationFilter(sources.keys(), sources)
        began = time.perf_counter()
        first: float | None = None
        try:
            async with aclosing(self._write(question, passages, history, options)) as pieces:
                with FAILURES.count_exceptions(LLMError):
                    async for piece in pieces:
                        if first is None:
                            first = time.perf_counter()
                            FIRST_TOKEN.observe(first - began)
                        if isinstance(piece, str):
                            if text := citations.feed(piece):
                                yield text
                            continue
                        if isinstance(piece, AllReasoning):
                            citations = CitationFilter(sources.keys(), sources)
                        elif text := citations.close():
                            yield text
                        yield piece
        finally:
            ended = time.perf_counter()
            stages = {"first_token": (began, first or ended), "stream": (first or ended, ended)}
            tracing.record("llm", (began, ended), stages, model=self.name)
        if text := citations.close():
            yield text

    async def _write(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        history: Sequence[HistoryMessage],
        options: AnswerOptions,
    ) -> AsyncGenerator[Written, None]:
        """What the model writes, from a prompt that fits into its context."""
        while True:
            context = self._context_tokens
            limit = prompt.answer_limit(context, options.max_tokens or self._most_answer_tokens)
            limit = min(limit, prompt.answer_limit(context, self._most_answer_tokens))
            messages = prompt.build(
                question,
                passages,
                history,
                context_tokens=context,
                max_answer_tokens=limit,
                instructions=options.instructions,
            )
            stream = self._model.stream(messages, max_tokens=limit, sampling=options.sampling)
            try:
                async with aclosing(stream) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except ContextOverflowError as error:
                stated = error.tokens or context
                smaller = stated if stated < context else int(context * _SHRINKING)
                if smaller < _LEAST_CONTEXT:
                    raise
                # Another answer may have found out more meanwhile.
                self._context_tokens = min(self._context_tokens, smaller)
                logger.warning(
                    "The context of %s holds less than LUMA_LLM_CONTEXT_TOKENS says: trying %s tokens",
                    self.name,
                    self._context_tokens,
                )

    def complete(self, content: str, options: AnswerOptions) -> AsyncGenerator[Written, None]:
        """What the model writes to a message alone.

        Raises:
            LLMError: the LLM server failed.
        """
        limit = prompt.answer_limit(self._context_tokens, self._most_answer_tokens)
        messages = [PromptMessage("user", content)]
        if options.instructions:
            messages.insert(0, PromptMessage("system", options.instructions))
        return self._model.stream(
            messages, max_tokens=min(limit, options.max_tokens or limit), sampling=options.sampling
        )

    async def aclose(self) -> None:
        """Close the model."""
        await self._model.aclose()
