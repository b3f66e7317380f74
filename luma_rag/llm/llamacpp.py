"""A GGUF model, served by llama.cpp in a child process.

A separate process, because loading holds the interpreter lock for seconds, because running out of memory then
kills only the child, and because the client is the same as for any other server.
"""

import asyncio
import importlib.util
import json
import os
import re
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import cast

import httpx

from ingest import isolated
from luma_rag.errors import ConfigurationError, LLMError
from luma_rag.llm.openai import OpenAIModel
from luma_rag.llm.protocol import PromptMessage, Sampling, Written

START_SECONDS = 600.0
"""Long enough for tens of gigabytes from a slow disk."""

STOP_SECONDS = 5.0
_PROGRAM = Path(__file__).with_name("llama_process.py")
_LAST_LINES = 8
_DEFAULT = Sampling()
_LOG_PREFIX = re.compile(r"^[\d.]+ [A-Z] +")


class LlamaServer:
    """Runs a GGUF model and streams answers from it.

    The server is started by `start` or by the first question, and restarted by the next question after it
    died. It listens on 127.0.0.1 only, requires a random key, and exits with this process, even if that is
    killed. `context_tokens` is the size of its context window; times are in seconds.

    Raises:
        ConfigurationError: llama.cpp is not installed, or the file does not exist.
    """

    def __init__(
        self,
        gguf: Path,
        *,
        context_tokens: int,
        token_timeout: float = 120.0,
        start_timeout: float = START_SECONDS,
    ) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise ConfigurationError(
                "LUMA_LLM_GGUF needs llama.cpp, which is not installed. Run: pip install 'luma-rag[llama]'"
            )
        if not gguf.is_file():
            raise ConfigurationError(f"LUMA_LLM_GGUF: there is no file {gguf.name} where it should be.")
        self._gguf = gguf
        self._context_tokens = context_tokens
        self._token_timeout = token_timeout
        self._start_timeout = start_timeout
        self._starting = asyncio.Lock()
        self._process: Process | None = None
        self._model: OpenAIModel | None = None
        self._client: httpx.AsyncClient | None = None
        self._log: asyncio.Task[None] | None = None
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self._gguf.stem

    async def start(self) -> None:
        """Start the server and wait until the model is loaded; does nothing if it is running.

        Raises:
            LLMError: it did not start; the message holds its last output.
        """
        await self._running()

    async def stream(
        self, messages: Sequence[PromptMessage], *, max_tokens: int, sampling: Sampling = _DEFAULT
    ) -> AsyncGenerator[Written, None]:
        """Yield the answer in pieces; see `LanguageModel.stream`.

        Raises:
            LLMError: the server can't be started, or failed.
        """
        model = await self._running()
        try:
            async with aclosing(model.stream(messages, max_tokens=max_tokens, sampling=sampling)) as pieces:
                async for piece in pieces:
                    yield piece
        except LLMError as error:
            if await self._is_dead():
                raise self._failed("stopped while it answered. The next question starts it again") from error
            raise

    async def aclose(self) -> None:
        """Stop the server."""
        async with self._starting:
            await self._stop()

    async def _running(self) -> OpenAIModel:
        async with self._starting:
            if self._model is None or self._process is None or self._process.returncode is not None:
                await self._stop()
                try:
                    self._model = await self._start()
                except BaseException:  # also on cancellation: no child may stay behind
                    await self._stop()
                    raise
            return self._model

    async def _start(self) -> OpenAIModel:
        key = secrets.token_urlsafe(32)
        orders = {
            "parent": os.getpid(),
            "path": str(self._gguf),
            "alias": self.name,
            "api_key": key,
            "context_tokens": self._context_tokens,
        }
        self._last_lines.clear()
        # -P keeps the script's folder off the path, where Luma's modules would shadow others.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_PROGRAM)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=isolated.environment(),
        )
        stdin = cast("asyncio.StreamWriter", self._process.stdin)
        stdout = cast("asyncio.StreamReader", self._process.stdout)
        stderr = cast("asyncio.StreamReader", self._process.stderr)
        self._log = asyncio.create_task(self._keep_last_lines(stderr))
        try:
            async with asyncio.timeout(self._start_timeout):
                # The key goes through the pipe, because any user can read the arguments of a process.
                stdin.write(json.dumps(orders).encode() + b"\n")
                await stdin.drain()
                address = (await stdout.readline()).decode().strip()
        except TimeoutError:
            raise self._failed(f"did not start within {self._start_timeout:g} s") from None
        except (ConnectionError, ValueError):
            address = ""
        if not address:
            await self._is_dead()
            raise self._failed("did not start. Check LUMA_LLM_GGUF, and whether the memory is large enough")
        # A loopback connection: ignore the environment's proxies.
        self._client = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=None))
        return OpenAIModel(
            f"{address}/v1",
            model=self.name,
            api_key=key,
            token_timeout=self._token_timeout,
            client=self._client,
        )

    async def _stop(self) -> None:
        loaded, self._model = self._model is not None, None
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        if self._process is not None:
            if self._process.returncode is None:
                cast("asyncio.StreamWriter", self._process.stdin).close()
                # It can't watch stdin while loading.
                if not (loaded and await self._is_dead(STOP_SECONDS)):
                    self._process.kill()
            await self._process.wait()
            self._process = None
        if self._log is not None:
            await self._log
            self._log = None

    async def _is_dead(self, seconds: float = 1.0) -> bool:
        """Whether the process has exited. Waits briefly, because the connection breaks first."""
        if self._process is None:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    async def _keep_last_lines(self, stderr: asyncio.StreamReader) -> None:
        """Drain the output, so that the pipe never fills up, and keep the last lines for error messages."""
        rest = b""
        while chunk := await stderr.read(4096):
            *lines, rest = (rest + chunk)[-64 * 1024 :].split(b"\n")
            for line in lines:
                self._keep(line)
        self._keep(rest)

    def _keep(self, line: bytes) -> None:
        text = _LOG_PREFIX.sub("", line.decode("utf-8", "replace")).strip()[:300]
        if text and text not in self._last_lines:
            self._last_lines.append(text)

    def _failed(self, what: str) -> LLMError:
        words = " / ".join(self._last_lines).replace(str(self._gguf), self._gguf.name)
        return LLMError(
            f"The llama.cpp server that Luma runs for {self._gguf.name} {what}."
            + (f" It said last: {words}" if words else "")
        )
