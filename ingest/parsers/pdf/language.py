"""Tells words from what fonts with a wrong map of characters give: letters that are all moved."""

import re
import string
import unicodedata
from collections.abc import Iterable

import numpy as np

# In languages of Latin script, these are 50 to 65 % of the letters; moved by any distance, 18 to 42 %.
_COMMON = "eaintrso"
_COMMON_SHARE, _UNCOMMON_SHARE, _DIFFERENCE = 0.54, 0.5, 0.1
# Of letters chosen at random, they are 31 %. Sequences of amino acids have 37 %.
_RANDOM_SHARE = 0.25
_FEWEST_LETTERS, _FEWEST_WORDS = 150, 10
_STRETCH = 400
_IS_LETTER = np.array([chr(code) in string.ascii_lowercase for code in range(128)], np.int32)
_IS_COMMON = np.array([chr(code) in _COMMON for code in range(128)], np.int32)
# Codes and addresses have other letters than words.
_WORDS = re.compile(r"(?<![\w@/.-])[^\W\d_]{2,}(?![\w@/])")


def has_moved_letters(text: str) -> bool:
    """Whether a part of the text, of some lines, has letters that make no words in any language."""
    lower = text.lower()
    return _has_uncommon_letters(lower) and any(map(_are_moved, _parts(lower)))


def agree(text: str, recognized: Iterable[str]) -> bool:
    """Whether most of the longer words that were recognized are in the text, which is right then."""
    own = set(_WORDS.findall(text.lower()))
    words = [word for line in recognized for word in _WORDS.findall(line.lower()) if len(word) > 3]
    return sum(word in own for word in words) > 0.5 * len(words)


def _has_uncommon_letters(text: str) -> bool:
    """Whether a stretch of the text has few common letters, words or not. Fast, and seldom true."""
    codes = np.frombuffer(text.encode("ascii", "ignore"), np.uint8)
    if not len(codes):
        return False
    starts = np.arange(0, len(codes), _STRETCH)
    letters = np.add.reduceat(_IS_LETTER[codes], starts)
    common = np.add.reduceat(_IS_COMMON[codes], starts)
    return bool(((letters >= _STRETCH // 4) & (common < _UNCOMMON_SHARE * letters)).any())


def _parts(text: str) -> Iterable[list[int]]:
    """How often each letter stands in the words of successive parts of a text."""
    part: list[str] = []
    letters = 0
    for word in _WORDS.findall(unicodedata.normalize("NFD", text)):
        part.append(word)
        letters += len(word)
        if letters >= _FEWEST_LETTERS:
            # A few words over and over have any letters.
            if len(set(part)) >= _FEWEST_WORDS:
                yield _counts("".join(part))
            part, letters = [], 0


def _counts(text: str) -> list[int]:
    return [text.count(letter) for letter in string.ascii_lowercase]


def _share(counts: list[int], distance: int = 0) -> float:
    """The share of the common letters, once all are moved back by a distance; 1 for few letters."""
    total = sum(counts)
    if total < 0.8 * _FEWEST_LETTERS:
        return 1.0
    return sum(counts[(ord(letter) - ord("a") + distance) % 26] for letter in _COMMON) / total


def _are_moved(counts: list[int]) -> bool:
    share = _share(counts)
    if share >= _UNCOMMON_SHARE:
        return False
    best = max(_share(counts, distance) for distance in range(1, 26))
    return share < _RANDOM_SHARE or best >= max(_COMMON_SHARE, share + _DIFFERENCE)
