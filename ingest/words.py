"""Texts to terms, as lexical search compares them: what language a text is in, and the stems of its words.

Where a script puts no spaces between words, every two neighbouring characters are a term. A word's script
decides that and not the language of the text, so that a Chinese name in an English report is found too.
"""

import functools
import hashlib
import threading
import unicodedata
from collections.abc import Collection, Sequence

import regex
import snowballstemmer
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ingest.stopwords import STOP_WORDS

DEFAULT_LANGUAGE = "en"
STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""By ISO 639-1 code, the Snowball algorithm of each language that has one."""

_WITHOUT_STEMS = ("bg", "bn", "he", "hr", "ja", "ko", "sk", "sl", "th", "uk", "ur", "vi", "zh")
LANGUAGES = (*STEMMERS, *_WITHOUT_STEMS)
"""What `detect_language` answers with. Fewer than the library knows: rarer ones are mostly its mistakes."""

TERM_ID_SPACE = 1_000_000_000
"""Terms are numbers from 1 to this, the most that pgvector's `sparsevec` has room for. Two of the 300,000
different words of a large namespace get the same number with a probability of 1 in 3,000 each."""

_MOST_LETTERS = 64
# Longer "words" are data: what comes after would make a new term of each of them.
_SAMPLES, _SAMPLE_LETTERS = 40, 500
_SCRIPTS_WITHOUT_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORDS = regex.compile(
    rf"[{_SCRIPTS_WITHOUT_SPACES}]+"
    # 1,234.5 is one term_id, written differently in another document.
    r"|\d+(?:[.,]\d+)*"
    rf"|[[\w\p{{M}}]--[_{_SCRIPTS_WITHOUT_SPACES}]]+",
    regex.VERSION1,
)
_IS_WITHOUT_SPACES = regex.compile(rf"[{_SCRIPTS_WITHOUT_SPACES}]")
_loading = threading.Lock()


def detect_language(texts: Sequence[str]) -> str:
    """The language of most of `texts`, one of `LANGUAGES`; English where there is nothing to go by."""
    # From all over the document: its beginning may be a form, and its end a list of names.
    some = texts[:: -(-len(texts) // _SAMPLES) or 1]
    sample = " ".join(text[:_SAMPLE_LETTERS] for text in some)
    if sum(map(str.isalpha, sample)) < 3:
        return DEFAULT_LANGUAGE
    with _loading:
        return str(_identifier().classify(sample)[0])


def likeliest_language(text: str, among: Collection[str]) -> str:
    """Which of these languages a text is in, of which there is at least one. A few words are enough.

    Of two languages all questions of the xquad sets were told right, in a quarter of a millisecond each.
    """
    if len(among) == 1:
        return next(iter(among))
    with _loading:
        ranked = _identifier().rank(text)
    return next((str(language) for language, _ in ranked if language in among), DEFAULT_LANGUAGE)


def words(text: str, language: str) -> list[str]:
    """The terms of a text in order, stemmed as `language`, repeated as often as they occur."""
    return _words(text, language, frozenset())


def query_words(text: str, language: str) -> list[str]:
    """As `words`, without the function words of the language, unless there is nothing else."""
    return _words(text, language, STOP_WORDS.get(language, frozenset())) or words(text, language)


def _words(text: str, language: str, skipped: frozenset[str]) -> list[str]:
    # JSON may bring lone surrogates, which can't be normalised into anything that is stored.
    text = unicodedata.normalize("NFKC", text.encode(errors="replace").decode()).lower()
    found: list[str] = []
    for word in _WORDS.findall(text):
        if _IS_WITHOUT_SPACES.match(word):
            found += (word[i : i + 2] for i in range(max(1, len(word) - 1)))
        elif word in skipped:
            continue
        elif word[0].isdigit():
            found.append(word.replace(",", "")[:_MOST_LETTERS])
        else:
            found.append(_stem(word[:_MOST_LETTERS], language))
    return found


@functools.lru_cache(1 << 16)
def _stem(word: str, language: str) -> str:
    algorithm = STEMMERS.get(language)
    return _stemmer(algorithm, threading.get_ident()).stemWord(word) if algorithm else word


@functools.lru_cache(1 << 16)
def term_id(word: str) -> int:
    """The number that stands for a term in the index, from 1 to `TERM_ID_SPACE`."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest()) % TERM_ID_SPACE + 1


@functools.lru_cache(256)
def _stemmer(algorithm: str, _thread: int) -> "snowballstemmer.stemmer":
    # One for each thread: a stemmer keeps the word in itself.
    return snowballstemmer.stemmer(algorithm)


@functools.cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    return identifier
