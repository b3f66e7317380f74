"""What pypdf knows about a file and pdfium does not tell. pypdf is slow, so it is opened only when needed."""

import re
from typing import Any, BinaryIO

import pypdf
from pypdf.generic import ArrayObject, DictionaryObject, NumberObject

from ingest.errors import EncryptedError
from ingest.parsers.text import clean

ENCRYPTED = "The PDF is protected with a password. Save a copy without the password and use that."
_CODE_POINT = re.compile(r"/?(?:uni|u)([0-9A-F]{4,6})$")
_LIGATURES = {"ff", "fi", "fl", "ffi", "ffl", "st", "ft"}


def opened(file: BinaryIO) -> pypdf.PdfReader:
    """A reader for the file.

    Raises:
        EncryptedError: it needs a password.
    """
    file.seek(0)
    reader = pypdf.PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise EncryptedError(ENCRYPTED)
    return reader


def page_text(reader: pypdf.PdfReader, index: int) -> str | None:
    """The clean text of a page; None if pypdf can't read it."""
    try:
        return clean(reader.pages[index].extract_text())
    except MemoryError:
        raise
    except Exception:
        # pypdf raises many kinds of errors on damaged pages (KeyError, TypeError, RecursionError ...).
        return None


class Details:
    """Details of a file, which is opened at the first question. A damaged file has none."""

    def __init__(self, file: BinaryIO) -> None:
        """`file` is open for reading."""
        self._file = file
        self._reader: pypdf.PdfReader | None = None
        self._opened = False
        self._hidden: frozenset[str] | None = None

    def hidden_layers(self) -> frozenset[str]:
        """The names of the layers that viewers don't show. A name that is also that of a shown one is not."""
        if self._hidden is None:
            self._hidden = self._asked(_hidden_layers, frozenset())
        return self._hidden

    def glyph_texts(self, page: int) -> dict[int, str]:
        """What the codes of the page's fonts stand for, as far as their glyph names tell."""
        texts: dict[int, str] = self._asked(lambda reader: _glyph_texts(reader, page), {})
        return texts

    def _asked(self, question: Any, otherwise: Any) -> Any:
        try:
            if not self._opened:
                self._opened = True
                self._reader = opened(self._file)
            return otherwise if self._reader is None else question(self._reader)
        except MemoryError:
            raise
        except Exception:
            return otherwise


def _hidden_layers(reader: pypdf.PdfReader) -> frozenset[str]:
    properties = reader.root_object.get("/OCProperties")
    if not isinstance(resolved := _resolved(properties), DictionaryObject):
        return frozenset()
    default = _resolved(resolved.get("/D")) or DictionaryObject()
    groups = {_key(group): str(_resolved(group).get("/Name", "")) for group in _array(resolved, "/OCGs")}
    hidden = {_key(group) for group in _array(default, "/OFF")}
    if default.get("/BaseState") == "/OFF":
        hidden |= set(groups) - {_key(group) for group in _array(default, "/ON")}
    shown = {name for key, name in groups.items() if key not in hidden}
    return frozenset(name for key, name in groups.items() if key in hidden and name not in shown)


def _glyph_texts(reader: pypdf.PdfReader, page: int) -> dict[int, str]:
    texts: dict[int, str] = {}
    doubtful: set[int] = set()
    fonts = _resolved(_resolved(reader.pages[page].get("/Resources")).get("/Font")) or {}
    for font in fonts.values():
        encoding = _resolved(_resolved(font).get("/Encoding"))
        if not isinstance(encoding, DictionaryObject):
            continue
        code = 0
        for entry in _array(encoding, "/Differences"):
            if isinstance(entry, NumberObject):
                code = int(entry)
                continue
            text = _text_of_glyph(str(entry))
            if text and texts.setdefault(code, text) != text:
                doubtful.add(code)
            code += 1
    return {code: text for code, text in texts.items() if code not in doubtful}


def _text_of_glyph(name: str) -> str:
    """The letters of a ligature ("/f_f_i"), or "" for other names, which pdfium knows."""
    parts = name.removeprefix("/").split(".")[0].split("_")
    texts = []
    for part in parts:
        match = _CODE_POINT.match(part)
        if match:
            texts.append(chr(min(int(match[1], 16), 0x10FFFF)))
        elif len(part) == 1 or part in _LIGATURES:
            texts.append(part)
        else:
            return ""
    return "".join(texts)


def _resolved(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


def _array(dictionary: Any, key: str) -> ArrayObject:
    value = _resolved(dictionary.get(key))
    return value if isinstance(value, ArrayObject) else ArrayObject()


def _key(reference: Any) -> Any:
    return (getattr(reference, "idnum", None), id(reference) if not hasattr(reference, "idnum") else 0)
