"""Splits RTF into groups, control words and bytes of text."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)


class Token(NamedTuple):
    """A control word or symbol with its number, "{", "}", or bytes of text (`word` is empty)."""

    word: str
    number: int | None = None
    data: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    """The tokens of a file, without the binary data in it."""
    at = 0
    while (match := _TOKEN.match(data, at)) is not None:
        at = match.end()
        word, number, code, symbol, brace, text = match.groups()
        if word is not None:
            if word == b"bin":
                at += max(int(number or 0), 0)
                continue
            yield Token(word.decode(), None if number is None else int(number))
        elif code is not None:
            yield Token("", data=bytes.fromhex(code.decode()))
        elif symbol is not None:
            yield _symbol(symbol)
        elif brace is not None:
            yield Token(brace.decode())
        elif text is not None:
            yield Token("", data=text)


def _symbol(symbol: bytes) -> Token:
    if symbol in b"\\{}":
        return Token("", data=symbol)
    return Token("par") if symbol in b"\r\n" else Token(symbol.decode("latin-1"))
