"""Text from bytes in whatever encoding they are."""

import codecs
import re
from typing import BinaryIO, NamedTuple

import chardetng_py

from ingest.errors import LimitError, PermanentError
from ingest.parsers.detect_text import CONTROLS, encoding_of_unicode
from ingest.settings import ParserLimits
from ingest.types import ReadingWarning

# UTF-32 has four bytes a character.
_MOST_BYTES = 4
_LARGEST_SHARE_OF_CONTROLS = 0.01
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_OTHER_LATIN = frozenset({"cp1250", "cp1254", "cp1257", "cp1258"})
_FEW = 6
_SIGN_IN_WORD = re.compile("[A-Za-z][\xa1-\xac\xae-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\ufffd][A-Za-z]")
# The encodings that are named and those that are meant, as browsers have it (https://encoding.spec.whatwg.org).
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}


class Decoded(NamedTuple):
    """`lost` is the number of characters that could not be told."""

    text: str
    lost: int

    def warnings(self) -> list[ReadingWarning]:
        """What to say about it."""
        if not self.lost:
            return []
        characters = "1 character" if self.lost == 1 else f"{self.lost} characters"
        text = f"{characters} could not be read: they are damaged, or in another encoding than the rest."
        return [ReadingWarning("characters_unread", text)]


def read_text(file: BinaryIO, limits: ParserLimits) -> Decoded:
    """The text of a file.

    Raises:
        LimitError: it is longer than allowed.
        PermanentError: it is no text.
    """
    decoded = decode(read_bytes(file, limits))
    if len(decoded.text) > limits.output_mb * 2**20:
        raise LimitError(too_much_text(limits))
    if len(CONTROLS.findall(decoded.text)) > len(decoded.text) * _LARGEST_SHARE_OF_CONTROLS:
        raise PermanentError("The file is no text: most of it can't be read as characters.")
    return decoded


def read_bytes(file: BinaryIO, limits: ParserLimits) -> bytes:
    """The bytes of a file of text.

    Raises:
        LimitError: there are more than the allowed text can take.
    """
    most = limits.output_mb * 2**20 * _MOST_BYTES
    data = file.read(most + 1)
    if len(data) > most:
        raise LimitError(too_much_text(limits))
    return data


def too_much_text(limits: ParserLimits) -> str:
    """The message for a document with more text than allowed."""
    return (
        f"The document holds more than {limits.output_mb} MB of text, which is the limit. Split it into "
        "smaller files."
    )


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The text of `data`: by a byte order mark, as UTF-8, as `declared`, or as its bytes look."""
    encoding = encoding_of_unicode(data)
    if encoding is None:
        encoding = _encoding(data, declared)
    text = data.decode(encoding, "replace")
    return Decoded(text, text.count("\ufffd"))


def _encoding(data: bytes, declared: str | None) -> str:
    known = _known(declared)
    if data.isascii() and b"\x1b" not in data:
        return known or "utf-8"
    if not data.isascii():
        text = data.decode("utf-8", "replace")
        mistakes = text.count("\ufffd")
        # A few damaged bytes don't make it another encoding.
        if mistakes * 10 <= len(_BEYOND_ASCII.findall(data)) - mistakes * 2:
            return "utf-8"
    if known is not None and "\ufffd" not in data.decode(known, "replace"):
        return known
    detected = _known(chardetng_py.detect(data)) or "cp1252"
    return "cp1252" if detected in _OTHER_LATIN and _may_be_western(data) else detected


def _may_be_western(data: bytes) -> bool:
    """Whether there is too little to tell Latin alphabets apart, and Western letters make sense."""
    if len(_BEYOND_ASCII.findall(data)) > _FEW:
        return False
    return not _SIGN_IN_WORD.search(data.decode("cp1252", "replace"))


def _known(name: str | None) -> str | None:
    """Python's name of an encoding of text, None if it knows none."""
    try:
        found = codecs.lookup(name or "").name
        b"".decode(found)
    except (LookupError, ValueError, UnicodeError):
        return None
    return _MEANT.get(found, found)
