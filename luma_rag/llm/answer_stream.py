"""Reads an answer while it arrives."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import suppress

import httpx

from luma_rag.llm.completions import Part
from luma_rag.llm.protocol import AllReasoning, CutOff, Reasoning, Usage, Written
from luma_rag.llm.reasoning import ReasoningFilter

# The end of the body usually comes with that of the answer. Some servers keep the response open.
_END_SECONDS = 0.1
# Token counts may follow the reason of the end.
_COUNTS_SECONDS = 2.0
# Of OpenAI, and of servers that pass on the names of others.
_CUT_OFF = {
    "length": CutOff("length"),
    "max_tokens": CutOff("length"),
    "model_length": CutOff("length"),
    "content_filter": CutOff("content_filter"),
    "safety": CutOff("content_filter"),
}


class Reading:
    """An answer while it is read."""

    def __init__(self) -> None:
        self._filter = ReasoningFilter()
        self.usage = Usage()
        self.reason: str | None = None
        self.is_whole = False
        self.is_empty = True
        self.has_reasoned = False

    @property
    def cut_off(self) -> CutOff | None:
        """Why the answer ended early, if it did."""
        return _CUT_OFF.get((self.reason or "").lower())

    @property
    def has_ended(self) -> bool:
        """Whether the model has ended its turn, although the server goes on."""
        return self._filter.has_ended

    def read(self, part: Part) -> Iterator[Written]:
        """What a part says."""
        self.reason = part.finish_reason or self.reason
        # Some servers send it with every part; the last one counts.
        self.usage = part.usage or self.usage
        self.is_whole = self.is_whole or part.whole
        if part.reasoning:
            self.has_reasoned = True
            yield Reasoning(part.reasoning)
        yield from self._text(self._filter.feed(part.text))

    def close(self) -> Iterator[Written]:
        """What was held back."""
        yield from self._text(self._filter.close())

    def _text(self, pieces: Iterator[Written]) -> Iterator[Written]:
        for piece in pieces:
            match piece:
                case str() if self.is_empty:
                    # White space between reasoning and answer belongs to neither.
                    if piece := piece.lstrip():
                        self.is_empty = False
                        yield piece
                case AllReasoning():
                    self.is_empty = self.has_reasoned = True
                    yield piece
                case Reasoning():
                    self.has_reasoned = True
                    yield piece
                case _:
                    yield piece


async def until_end(answer: AsyncGenerator[Part, None]) -> AsyncGenerator[Part, None]:
    """The parts of an answer. After the reason of its end only the token counts may follow, for which an open
    connection is not waited long, and which a broken one may lack.
    """
    has_reason = False
    while True:
        try:
            async with asyncio.timeout(_COUNTS_SECONDS if has_reason else None):
                part = await anext(answer)
        except StopAsyncIteration:
            return
        except (TimeoutError, httpx.HTTPError):
            if has_reason:
                return
            raise
        has_reason = has_reason or part.finish_reason is not None
        yield part


async def read_ahead(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Chunks, all that have arrived since the last one as one: httpx yields each token by itself."""
    arrived: list[bytes] = []
    news = asyncio.Event()

    async def read() -> None:
        async for chunk in chunks:
            arrived.append(chunk)
            news.set()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: news.set())
    try:
        while not reading.done() or arrived:
            await news.wait()
            news.clear()
            if arrived:
                joined = b"".join(arrived)
                arrived.clear()
                yield joined
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def read_to_end(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the end of an answer: the connection then serves the next question.

    A new connection takes several round trips, which the first token would wait for.
    """
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_END_SECONDS):
            async for _ in chunks:
                pass
