"""What a server refuses, learned from its errors, and requests in the form that it takes."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from luma_rag.llm.protocol import PromptMessage, Sampling

TEMPERATURE = 0.2
"""Low, because the answer should follow the passages; not 0, because small models then repeat themselves."""
LEAST_TOKENS = 16
"""A server that allows fewer tokens for an answer is of no use."""

_REFUSALS = (400, 415, 422, 500, 501)
# Servers whose chat template raises an error answer with this, as with errors that pass.
_TEMPLATE_FAILED = 500
_SYSTEM = re.compile(
    r"system (?:role|message|prompt|instruction)|role[^.]{0,20}system|developer instruction|must alternate"
    r"|alternating|roles? must be|only user and assistant",
    re.IGNORECASE,
)
_STREAM = re.compile(r"\bstream(?:ing|ed)?\b", re.IGNORECASE)
_TOO_FEW = re.compile(r"at least|minimum|greater than", re.IGNORECASE)
_LENGTH = re.compile(
    r"max(?:imum)?[ _](?:new_|completion_|output_)?(?:number of )?(?:output )?tokens", re.IGNORECASE
)
_RENAMED = re.compile(r"unsupported|not supported|instead|unrecognized|unknown|extra", re.IGNORECASE)


class Learned(msgspec.Struct):
    """The form of requests for one model of a server; at first that of OpenAI."""

    limit_option: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    most_tokens: int | None = None
    takes_temperature: bool = True
    counts_tokens: bool = True
    takes_system: bool = True
    streams: bool = True

    def body(
        self, model: str, messages: Sequence[PromptMessage], max_tokens: int, sampling: Sampling
    ) -> dict[str, Any]:
        """The body of a request."""
        body: dict[str, Any] = {
            "model": model,
            "messages": msgspec.to_builtins(self._messages(messages)),
            "stream": self.streams,
        }
        if self.counts_tokens and self.streams:
            body["stream_options"] = {"include_usage": True}
        body[self.limit_option] = min(max_tokens, self.most_tokens or max_tokens)
        if self.takes_temperature:
            body["temperature"] = TEMPERATURE if sampling.temperature is None else sampling.temperature
        options = {"top_p": sampling.top_p, "seed": sampling.seed, "stop": list(sampling.stop) or None}
        return body | {name: value for name, value in options.items() if value is not None}

    def adapt(self, status: int, words: str, max_tokens: int) -> bool:
        """Learn from an error. Returns whether another request may succeed.

        The request must have been Luma's own: what a caller asks for says nothing about other requests.
        """
        if status not in _REFUSALS:
            return False
        if self.limit_option == "max_tokens" and "max_completion_tokens" in words and _RENAMED.search(words):
            # Reasoning models take the limit under this name.
            self.limit_option = "max_completion_tokens"
        elif "stream_options" in words and self.counts_tokens:
            self.counts_tokens = False
        elif "temperature" in words and self.takes_temperature:
            self.takes_temperature = False
        elif _LENGTH.search(words) and not _TOO_FEW.search(words) and self._shorten(words, max_tokens):
            pass
        elif _SYSTEM.search(words) and self.takes_system:
            self.takes_system = False
        elif status != _TEMPLATE_FAILED and _STREAM.search(words) and self.streams:
            self.streams = False
        else:
            return False
        return True

    def _shorten(self, words: str, max_tokens: int) -> bool:
        asked = min(max_tokens, self.most_tokens or max_tokens)
        numbers = [int(number) for number in re.findall(r"\d+", words.replace(",", ""))]
        allowed = max((number for number in numbers if LEAST_TOKENS <= number < asked), default=asked // 2)
        if allowed < LEAST_TOKENS:
            return False
        self.most_tokens = allowed
        return True

    def _messages(self, messages: Sequence[PromptMessage]) -> Sequence[PromptMessage]:
        """The messages. Without a system role, its words begin the first one, and the roles alternate."""
        if self.takes_system:
            return messages
        joined: list[PromptMessage] = []
        for message in messages:
            role: Literal["user", "assistant"] = "assistant" if message.role == "assistant" else "user"
            if joined and joined[-1].role == role:
                joined[-1] = PromptMessage(role, f"{joined[-1].content}\n\n{message.content}")
            else:
                joined.append(PromptMessage(role, message.content))
        return joined
