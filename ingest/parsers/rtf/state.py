"""What holds within a group of RTF, and what its control words mean."""

import codecs
from typing import NamedTuple

from ingest.parsers.line import Mark

# Numbers of character sets in font tables, and their code pages.
_CHARSETS = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "\u2014",
    "endash": "\u2013",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "bullet": "\u2022",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
    "~": " ",
    "_": "-",
    "nestcell": " | ",
    "nestrow": "; ",
}
"""Control words that stand for characters."""

LEFT_OUT = frozenset(
    {"colortbl", "pict", "objdata", "themedata", "colorschememapping", "listtable", "listoverridetable"}
    | {"rsidtbl", "generator", "xmlnstbl", "annotation", "atnid", "atnauthor", "nonshppict", "mmathPr"}
    | {"latentstyles", "datastore", "pgptbl", "revtbl", "filetbl", "sp", "fldtype", "ftnsep", "ftnsepc"}
    | {"aftnsep", "aftnsepc", "ftncn", "aftncn", "xe", "tc", "txe", "rxe", "bkmkstart", "bkmkend", "template"}
    | {"operator", "author", "company", "category", "keywords", "comment", "doccomm", "hlinkbase", "subject"}
    | {"creatim", "revtim", "printim", "buptim", "manager", "userprops", "falt", "panose", "datafield"}
)
"""Control words that begin a group without text of the document."""

RUNNING = frozenset({"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"})
"""Control words that begin a group of a page's head or foot."""

KNOWN_OPTIONAL = frozenset({"fldinst", "shpinst", "shppict", "shptxt", "footnote", "ud"})
"""Groups that older programs skip and that hold text nonetheless."""


class State(NamedTuple):
    """The state of a group, which groups in it inherit. `target` is where its text goes."""

    target: str = "text"
    encoding: str = "cp1252"
    fallback: int = 1
    """The number of characters after a Unicode character that stand for it in older programs."""
    hidden: bool = False
    mark: Mark = ""


def encoding_of_charset(number: int) -> str | None:
    """The encoding of a font's character set."""
    return _CHARSETS.get(number)


def encoding_of_codepage(number: int) -> str | None:
    """The encoding of a Windows code page."""
    name = {65001: "utf-8", 10000: "mac_roman", 936: "gb18030"}.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None
