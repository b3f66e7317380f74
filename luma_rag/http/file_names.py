"""Names of uploaded files, however a client encodes them."""

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import unquote_to_bytes

# RFC 5987: filename*=UTF-8''R%C3%A9sum%C3%A9.pdf
_EXTENDED = re.compile(r"""filename\*\s*=\s*"?([\w-]+)'[\w-]*'([^;"\s]+)""", re.IGNORECASE)
_NAMED = re.compile(r";\s*filename\*?\s*=", re.IGNORECASE)
# RFC 2047, which is for mail, but some clients use it here: =?UTF-8?B?…?=
_ENCODED_WORD = re.compile(r"=\?[\w-]+\?[bq]\?[^?\s]*\?=", re.IGNORECASE)


def decoded(text: str) -> str:
    """A header's text, which arrives as Latin-1: UTF-8 if it can be that, Windows-1252 otherwise."""
    content = text.encode("latin-1")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def is_file(disposition: str) -> bool:
    """Whether the header Content-Disposition names a file, in either form."""
    return bool(_NAMED.search(disposition))


def file_name(disposition: str, plain: str) -> str:
    """The name of a file by the header Content-Disposition; `plain` is what its option `filename` says."""
    if extended := _EXTENDED.search(disposition):
        charset, value = extended.groups()
        try:
            return unquote_to_bytes(value).decode(charset)
        except (LookupError, UnicodeError):
            pass
    name = decoded(plain)
    if not _ENCODED_WORD.search(name):
        return name
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, ValueError):
        return name
