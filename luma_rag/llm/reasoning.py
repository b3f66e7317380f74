"""Separates the answer of a model from its reasoning and from the marks of its chat template. Pure.

Servers that know the model do this themselves. Others pass on what the model writes: reasoning between tags
(DeepSeek-R1, Qwen, and many more), of which the first may stand in the prompt; the channels of harmony
(https://cookbook.openai.com/articles/openai-harmony), with their marks or without; and marks of the end of a
turn, after which a model that is not stopped talks to itself.
"""
# ruff: noqa: RUF001 - the marks of DeepSeek have full-width bars

import re
from collections.abc import Iterator

from luma_rag.llm.protocol import AllReasoning, Reasoning, Written

_TAG = r"(?:think|thinking|thought|thoughts|reasoning|reflection)"
_SPACE = r"\s{0,64}"
_MARKS = rf"""
    (?P<open><{_TAG}>) | (?P<close></{_TAG}>)
    # harmony: a channel with its name, and what may come between it and the text
    | (?P<channel><\|channel\|>{_SPACE}(?P<name>[a-z]+)[^<]{{0,80}}
        (?:<\|constrain\|>[^<]{{0,40}})?<\|message\|>)
    # the beginning of a turn, which some models repeat, with the role
    | (?P<begin>(?:<\|start\|>|<\|im_start\|>){_SPACE}assistant
        | <\|start_header_id\|>{_SPACE}assistant{_SPACE}<\|end_header_id\|>
        | <start_of_turn>model)
    # the end of a message of harmony, of which others may follow
    | (?P<message><\|end\|>(?={_SPACE}(?:<\|start\|>|$))|<\|message\|>)
    | (?P<end><\|(?:im_end|im_start|eot_id|eom_id|end|end_of_text|endoftext|end_of_turn|return|call|user
        |assistant|system|start_header_id|start)\|> | <end_of_turn> | <start_of_turn>
        | <｜end▁of▁sentence｜> | <｜User｜> | \[/INST\] | </s>(?={_SPACE}$) )
"""
_MARK = re.compile(_MARKS, re.VERBOSE | re.IGNORECASE)
# In an answer, code is left as it is: a block until its closing fence, or a span within a line.
_CODE = r"(?P<fence>`{3,}) | (?P<span>`[^`\n]{1,200}`)"
_MARK_OR_CODE = re.compile(rf"{_CODE} | {_MARKS}", re.VERBOSE | re.IGNORECASE)
_FENCE = re.compile(r"(?P<fence>`{3,})")
# The names of the channels of harmony, where a server has dropped only the marks.
_BARE = re.compile(r"\s{0,64}analysis(?=[A-Z\"'*])")
_BARE_FINAL = re.compile(r"assistantfinal")
# What may become a mark, or another one, once more of it has come.
_BEGUN = (
    r"<\|channel\|>(?:(?!<\|message\|>).){0,200}"
    r"|(?:<\|start\|>|<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)\s{0,64}[a-z]{0,9}\s{0,64}(?:<[^<>\n]{0,20})?"
    r"|<\|end\|>\s{0,64}(?:<[^<>\n]{0,12})?|</s>\s{0,64}|<[^<>\n]{0,30}|\[(?:/I?N?S?T?)?"
)
_MARK_BEGUN = re.compile(rf"(?:{_BEGUN})$", re.DOTALL)
_FENCE_BEGUN = re.compile(r"`{1,64}$")
_MARK_OR_CODE_BEGUN = re.compile(rf"(?:`{{1,64}}|`[^`\n]{{1,200}}|{_BEGUN})$", re.DOTALL)
_BARE_BEGUN = re.compile(r"\s{0,64}(?:a|an|ana|anal|analy|analys|analysi|analysis)?$")
_FINAL_LENGTH = len("assistantfinal")


class ReasoningFilter:
    """Separates the answer from the rest as it arrives in pieces.

    A few characters are held back while they may be the start of a mark. Code in the answer is left as it is.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._is_reasoning = False
        self._is_bare = False
        self._is_code = False
        self._has_ended = False
        self._has_begun = False
        self.has_reasoned = False
        """Whether there was reasoning, or its end."""

    @property
    def has_ended(self) -> bool:
        """Whether the model has ended its turn: nothing that follows belongs to the answer."""
        return self._has_ended

    def feed(self, text: str, *, final: bool = False) -> Iterator[Written]:
        """What is certain after `text` has arrived."""
        if self._has_ended:
            return
        text, self._rest = self._rest + text, ""
        if not self._has_begun:
            if not final and _BARE_BEGUN.fullmatch(text):
                self._rest = text
                return
            self._has_begun = True
            if bare := _BARE.match(text):
                self._is_reasoning = self._is_bare = self.has_reasoned = True
                text = text[bare.end() :]
        if self._is_bare:
            yield from self._feed_bare(text, final=final)
        else:
            yield from self._split(text, final=final)

    def close(self) -> Iterator[Written]:
        """The remaining text at the end."""
        yield from self.feed("", final=True)

    def _feed_bare(self, text: str, *, final: bool) -> Iterator[Written]:
        if found := _BARE_FINAL.search(text):
            yield from self._text(text[: found.start()])
            self._is_reasoning = self._is_bare = False
            yield from self.feed(text[found.end() :], final=final)
            return
        kept = 0 if final else _FINAL_LENGTH - 1
        end = max(0, len(text) - kept)
        self._rest = text[end:]
        yield from self._text(text[:end])

    def _split(self, text: str, *, final: bool) -> Iterator[Written]:
        position = 0
        while True:
            marks, begun = self._patterns()
            held = None if final else begun.search(text, position)
            end = len(text) if held is None else held.start()
            match = marks.search(text, position)
            if match is None or match.start() >= end:
                break
            if match.lastgroup in ("fence", "span"):
                self._is_code ^= match.lastgroup == "fence"
                yield from self._text(text[position : match.end()])
                position = match.end()
                continue
            yield from self._text(text[position : match.start()])
            position = match.end()
            if match["close"] and not self.has_reasoned:
                self.has_reasoned = True
                yield AllReasoning()
            if match["end"]:
                self._has_ended = True
                return
            self._pass(match)
        self._rest = text[max(position, end) :]
        yield from self._text(text[position:end])

    def _patterns(self) -> tuple[re.Pattern[str], re.Pattern[str]]:
        """What to look for, and what may become that."""
        if self._is_code:
            return _FENCE, _FENCE_BEGUN
        if self._is_reasoning:
            return _MARK, _MARK_BEGUN
        return _MARK_OR_CODE, _MARK_OR_CODE_BEGUN

    def _pass(self, match: re.Match[str]) -> None:
        if match["open"]:
            self._is_reasoning = self.has_reasoned = True
        elif match["close"]:
            self._is_reasoning = False
        elif match["channel"]:
            self._is_reasoning = match["name"].lower() != "final"
            self.has_reasoned = self.has_reasoned or self._is_reasoning

    def _text(self, text: str) -> Iterator[Written]:
        if text:
            yield Reasoning(text) if self._is_reasoning else text


def without_reasoning(text: str) -> str:
    """The answer in a text that may hold reasoning too."""
    answer = ""
    reasoning = ReasoningFilter()
    for written in (*reasoning.feed(text), *reasoning.close()):
        match written:
            case str():
                answer += written
            case AllReasoning():
                answer = ""
    return answer.lstrip() if reasoning.has_reasoned else answer
