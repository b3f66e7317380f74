"""Tells text from what only looks like it, and pages from pictures of pages."""

import re
from collections import defaultdict

import numpy as np
import pypdfium2

from ingest.parsers.pdf.by_pypdf import Details
from ingest.parsers.pdf.characters import Bools, Characters, fonts_of, has_map_error

_FEW_LETTERS = 300
_PICTURE_SHARE = 0.5
_LOST_SHARE = 0.03
_SAMPLES = 40
_FEWEST_VOWELS = 0.2
# Control characters and private use: what pdfium gives for a glyph whose character it doesn't know.
_SUSPICIOUS = re.compile("[\x01\x03-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]|\x02(?=[^\\s\x02]* )")


def may_be_picture(text: str) -> bool:
    """Whether the text of a page is so short that all of it may be a stamp on a picture."""
    return sum(map(str.isalnum, text)) < _FEW_LETTERS


def is_picture(share: float) -> bool:
    """Whether a page with little text is a picture, given the share of it that pictures cover."""
    return share >= _PICTURE_SHARE


def readable_characters(
    text_page: pypdfium2.PdfTextPage, characters: Characters, details: Details, page: int
) -> tuple[Characters, bool]:
    """The characters that are known, and whether a part of the text that matters is not among them.

    A glyph whose font doesn't tell its character is known by its name, or lost.
    """
    if not _is_suspicious(text_page, characters):
        return characters, False
    lost = _without_meaning(text_page, characters.text)
    lost |= np.fromiter(map(_is_private, characters.text), np.bool_, len(characters))
    lost &= np.fromiter((not character.isspace() for character in characters.text), np.bool_, len(characters))
    if not lost.any():
        return characters, False
    names = details.glyph_texts(page)
    if names:
        characters, lost = _named(characters, lost, names)
    drawn = sum(not character.isspace() for character in characters.text)
    matters = _in_words(characters.text, lost)
    return characters.only(~lost), matters > _LOST_SHARE * drawn or matters > _SAMPLES


def _is_suspicious(text_page: pypdfium2.PdfTextPage, characters: Characters) -> bool:
    if _SUSPICIOUS.search(characters.text):
        return True
    # A font without Unicode values may still give letters, but wrong ones.
    starts = [match.start() for match in re.finditer(r"(?<![^\s])[^\W\d_]{2}", characters.text)]
    step = max(1, len(starts) // _SAMPLES)
    return bool(has_map_error(text_page, starts[::step]).any())


def _without_meaning(text_page: pypdfium2.PdfTextPage, text: str) -> Bools:
    """Which characters without Unicode values are lost: none of a font whose codes are letters nonetheless.

    pdfium then gives the codes. Figures often have fonts with ordinary codes, and no Unicode values. Numbers
    of glyphs, however, are letters only by chance: among them are control characters, and few vowels.
    """
    lost = has_map_error(text_page, range(len(text)))
    indices = np.flatnonzero(lost).tolist()
    by_font: dict[int | None, list[int]] = defaultdict(list)
    for index, font in zip(indices, fonts_of(text_page, indices), strict=True):
        by_font[font].append(index)
    for same_font in by_font.values():
        if _are_letters("".join(text[index] for index in same_font)):
            lost[same_font] = False
    return lost


def _are_letters(codes: str) -> bool:
    letters = [character for character in codes.casefold() if character.isalpha()]
    vowels = sum(letter in "aeiouyàáâãäåèéêëìíîïòóôõöùúûü" for letter in letters)
    return min(codes) >= " " and vowels >= _FEWEST_VOWELS * len(letters) - 1


def _is_private(character: str) -> bool:
    return "\ue000" <= character <= "\uf8ff" or character == "\ufffd"


def _named(characters: Characters, lost: Bools, names: dict[int, str]) -> tuple[Characters, Bools]:
    """Characters with the lost ones whose codes have names; of a ligature, all letters have its box."""
    texts = [
        names.get(ord(character), character) if is_lost else character
        for character, is_lost in zip(characters.text, lost.tolist(), strict=True)
    ]
    found = np.fromiter(
        (
            is_lost and ord(character) in names
            for character, is_lost in zip(characters.text, lost, strict=True)
        ),
        np.bool_,
        len(characters),
    )
    lengths = [len(text) for text in texts]
    repeated = Characters(
        "".join(texts),
        np.repeat(characters.boxes, lengths, axis=0),
        np.repeat(characters.quarter_turns, lengths),
    )
    return repeated, np.repeat(lost & ~found, lengths)


def _in_words(text: str, lost: Bools) -> int:
    """How many lost characters are part of words; one that stands alone is mostly a bullet."""
    marks = "".join(
        "?" if is_lost else character for character, is_lost in zip(text, lost.tolist(), strict=True)
    )
    return sum(
        match[0].count("?")
        for match in re.finditer(r"\S+", marks)
        if len(match[0]) > 1 and match[0].count("?") > (0 if match[0][0] != "?" else 1)
    )
