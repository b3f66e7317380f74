"""Normalizes extracted text for storage, search and quotation."""

import re
import unicodedata

# Ligatures, Hebrew and Arabic presentation forms, Kangxi radicals: code points for the look of a letter.
# Users type the ordinary letter in a search. Only these are mapped by compatibility (NFKC), which elsewhere
# would turn "m²" into "m2".
_PRINTED_SHAPES = re.compile("[\u2f00-\u2fd5\ufb00-\ufdff\ufe70-\ufefc]+")
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
_LINE_BREAKS = re.compile("\r\n|[\r\v\f\u0085\u2028\u2029]")
# pdfium emits U+FFFE or U+0002 for a hyphen at a line end, and U+00AD is the soft hyphen itself. Before a
# capital or a digit the hyphen belongs to the word ("non-GAAP"), before a lowercase letter to the line break.
_HYPHEN_OF_WORD = re.compile("(?<=\\w)[\ufffe\x02]\n?(?=[A-Z0-9])")
_HYPHEN_OF_LINE = re.compile("[\ufffe\x02\u00ad][ \t]*\n(?=\\w)")
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\ufeff\ufffe\uffff\ud800-\udfff]")
_BLANK_LINES = re.compile("\n{3,}")

_TITLE_OF_PROGRAM = re.compile(
    r"^(microsoft (word|excel|powerpoint)\s*-|untitled|unknown|\(?anonymous\)?$|powerpoint presentation$"
    r"|(word )?document ?\d*$|title$|no title$|template$)",
    re.IGNORECASE,
)
_FILE_NAME = re.compile(
    r"^\S+_\S*$|\.(docx?|dotx?|docm|pdf|rtf|odt|tex|dvi|e?ps|indd|qxd|pptx?|xlsx?|html?|txt)$", re.I
)
_LONGEST_TITLE = 300


def clean(text: str) -> str:
    """Drop what can't be stored or searched, and keep the lines.

    Removes NUL, other control characters and lone surrogates (Postgres can't store the first, UTF-8 can't
    encode the last); joins words hyphenated at line ends; maps presentation forms to letters. The result is
    in Unicode NFC, without trailing white space and with at most one blank line in a row.
    """
    text = _LINE_BREAKS.sub("\n", text)
    text = _HYPHEN_OF_WORD.sub("-", text)
    text = _HYPHEN_OF_LINE.sub("", text)
    text = _UNPRINTABLE.sub("", text)
    text = _SPACES.sub(" ", text)
    text = _PRINTED_SHAPES.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = unicodedata.normalize("NFC", text)
    # Not a regular expression: `[ ]+\n` takes quadratic time on a long line of spaces.
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def readable(text: str) -> bool:
    """Whether `text` has a letter or a digit: without one there is nothing to find or to quote."""
    return any(character.isalnum() for character in text)


def usable_title(title: str | None) -> str | None:
    """`title` on one clean line, or None if it is a placeholder rather than the title.

    Programs leave file names ("report_v3.doc"), their own name ("Microsoft Word - x") and numbers there.
    """
    line = " ".join(clean(title or "").split())
    letters = sum(character.isalpha() for character in line)
    if letters < 2 or len(line) > _LONGEST_TITLE or _TITLE_OF_PROGRAM.search(line) or _FILE_NAME.search(line):
        return None
    return line
