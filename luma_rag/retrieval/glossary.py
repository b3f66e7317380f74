"""The second form of a question, in the words of documents: `glossary.toml` lists how they differ."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import regex

_TOKENS = regex.compile(r"[\p{L}\p{M}\d]+(?:&\p{L}+)*")
_ACRONYM = 3
"""Up to this length, an "s" at the end may belong to an acronym: EPS."""
_Term = tuple[str, ...]


def rewritten(question: str) -> str | None:
    """The question with the terms of the glossary replaced; None if it has none of them. English only."""
    tokens = list(_TOKENS.finditer(question))
    names = tuple(_singular(token[0]) for token in tokens)
    parts: list[str] = []
    copied = at = 0
    while at < len(tokens):
        term = _term_at(names[at:])
        if term:
            parts += question[copied : tokens[at].start()], _glossary()[term]
            copied = tokens[at + len(term) - 1].end()
        at += len(term) or 1
    return "".join([*parts, question[copied:]]) if parts else None


def _term_at(names: Sequence[str]) -> _Term:
    """The longest term that the names begin with; empty if there is none."""
    beginnings = (tuple(names[:length]) for length in _lengths().get(names[0], ()))
    return next((term for term in beginnings if term in _glossary()), ())


@cache
def _glossary() -> dict[_Term, str]:
    """The words of documents by term."""
    return dict(_entries())


def _entries() -> list[tuple[_Term, str]]:
    content = files(__package__).joinpath("glossary.toml").read_text("utf-8")
    return [
        (tuple(_singular(token) for token in _TOKENS.findall(term)), words)
        for section in tomllib.loads(content).values()
        for terms, words in section.items()
        for term in terms.split(",")
    ]


@cache
def _lengths() -> dict[str, list[int]]:
    """The lengths of the terms that begin with a token, the longest first."""
    found: dict[str, set[int]] = {}
    for term in _glossary():
        found.setdefault(term[0], set()).add(len(term))
    return {token: sorted(lengths, reverse=True) for token, lengths in found.items()}


def _singular(token: str) -> str:
    """The token in lower case, without the ending of a regular plural.

    Stems would go too far: "medical" and "medication" share one.
    """
    token = token.lower()
    is_plural = len(token) > _ACRONYM and token.endswith("s") and token[-2] != "s"
    return token[:-1] if is_plural else token
