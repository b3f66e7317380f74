# ruff: noqa: RUF001 - the marks of DeepSeek have full-width bars

import random
import time

import pytest

from luma_rag.llm.protocol import AllReasoning, Reasoning
from luma_rag.llm.reasoning import ReasoningFilter, without_reasoning


def separated(text: str, size: int) -> tuple[str, str]:
    """Reasoning and answer of a text that arrives in pieces of `size` characters."""
    reasoning = ReasoningFilter()
    thought = answer = ""
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    for written in (
        *(each for piece in pieces for each in reasoning.feed(piece)),
        *reasoning.close(),
    ):
        match written:
            case str():
                answer += written
            case Reasoning(piece):
                thought += piece
            case AllReasoning():
                thought, answer = thought + answer, ""
    return thought.strip(), answer.strip()


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>Let me see.</think>\n\n30 days [1].", "Let me see.", "30 days [1]."),
        ("<thinking>\nHm [2].\n</thinking>30 days [1].", "Hm [2].", "30 days [1]."),
        ("<THINK>Hm.</THINK>30 days.", "Hm.", "30 days."),
        ("Let me see [3].\n</think>\n\n30 days [1].", "Let me see [3].", "30 days [1]."),
        ("<think>One.</think>First.\n<think>Two.</think>Second.", "One.Two.", "First.\nSecond."),
        (
            "<|channel|>analysis<|message|>We look.<|end|>"
            "<|start|>assistant<|channel|>final<|message|>30 days [1].<|return|>",
            "We look.",
            "30 days [1].",
        ),
        (
            "<|channel|>commentary to=functions.search <|constrain|>json<|message|>{}<|end|>"
            "<|start|>assistant<|channel|>final<|message|>30 days.",
            "{}",
            "30 days.",
        ),
        ("analysisWe look it up.assistantfinal30 days [1].", "We look it up.", "30 days [1]."),
        ("30 days [1].<|im_end|>", "", "30 days [1]."),
        ("30 days [1].<|im_end|>\n<|im_start|>user\nAnd then?", "", "30 days [1]."),
        ("30 days.<|eot_id|><|start_header_id|>user<|end_header_id|>", "", "30 days."),
        ("30 days.</s>", "", "30 days."),
        ("30 days.<end_of_turn>\n", "", "30 days."),
        ("30 days.<｜end▁of▁sentence｜>", "", "30 days."),
        ("<|im_start|>assistant\n30 days.", "", "30 days."),
        ("30 days.<|endoftext|>Human: what?", "", "30 days."),
        # What only looks like it.
        ("If a < b, then <b>30</b> days.", "", "If a < b, then <b>30</b> days."),
        ("analysis of the contract", "", "analysis of the contract"),
        ("<s>old</s> new", "", "<s>old</s> new"),
        (
            "Use\n```\n<think>x</think>\n```\nin the prompt.",
            "",
            "Use\n```\n<think>x</think>\n```\nin the prompt.",
        ),
        ("An [1] and [/I guess]", "", "An [1] and [/I guess]"),
        ("The tag `</think>` ends it.", "", "The tag `</think>` ends it."),
        ("See `[/INST]` and `<|end|>` there.", "", "See `[/INST]` and `<|end|>` there."),
        ("<think>I'll use ``` fences.</think>Yes [1].", "I'll use ``` fences.", "Yes [1]."),
        ("It is <s>30</s> <b>28</b> days.", "", "It is <s>30</s> <b>28</b> days."),
        ("", "", ""),
    ],
)
def test_reasoning_and_marks_are_separated_from_the_answer(
    text: str, thought: str, answer: str, size: int
) -> None:
    assert separated(text, size) == (thought, answer)


def test_the_split_into_pieces_changes_nothing() -> None:
    parts = [
        "<think>",
        "</think>",
        "`",
        "```",
        "</s>",
        "<|end|>",
        "<|start|>assistant",
        "<",
        " ",
        "\n",
        "x",
        "y [1]",
    ]
    rng = random.Random(7)
    for _ in range(3000):
        text = "x" + "".join(rng.choices(parts, k=rng.randint(1, 9)))
        assert len({separated(text, size) for size in (1, 2, 5, 1000)}) == 1, text


@pytest.mark.parametrize("text", [" ", "x</s> ", "<|end|> ", "<|start|> ", "<", "`", "[", "<|channel|>"])
def test_hostile_text_takes_linear_time(text: str) -> None:
    began = time.process_time()
    separated(text[0] + text[1:] + text[-1] * 40_000, 1)
    assert time.process_time() - began < 2


def test_reasoning_that_is_stored_with_an_answer_is_removed() -> None:
    assert without_reasoning("<think>Hm [2].</think>\n30 days [1].") == "30 days [1]."
    assert without_reasoning("Hm.</think>Yes.") == "Yes."
    assert without_reasoning("  30 days.") == "  30 days."
