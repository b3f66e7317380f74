"""Counts tokens with the tokenizer of any model."""

from tokenizers import Tokenizer

from ingest.chunker import TokenCounter

_LINE_BREAKS = 2
# A chunk is counted in parts, which are joined by up to two of them.
_SPARE = 0.2
_UNKNOWN = "[UNK]"


class WholeTextCounter(TokenCounter):
    """Counts by tokenizing the text as a whole: unlike BERT's, most tokenizers look across white space."""

    def __call__(self, text: str) -> int:
        """The number of tokens of `text`."""
        return self._remembered(text) if text else 0


class EstimatingCounter(TokenCounter):
    """Estimates the tokens of a model whose tokenizer is elsewhere, rather too many than too few.

    Counts with BERT's English tokenizer, which needs more tokens than others for most languages. A word that
    it does not know counts a token a character. `_SPARE` of the model's length make up for the rest.
    """

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """See `TokenCounter`."""
        encoded = self.tokenizer.encode(text, add_special_tokens=False)
        found = []
        for token, (start, end) in zip(encoded.tokens, encoded.offsets, strict=True):
            is_known = token != _UNKNOWN
            found += [(start, end)] if is_known else [(at, at + 1) for at in range(start, end)]
        return found

    def _count(self, word: str) -> int:
        return len(self.offsets(word))


def estimating_counter(max_tokens: int, prefix: str = "") -> TokenCounter:
    """Estimates the tokens of a model that reads at most `max_tokens` and puts `prefix` before every text."""
    from ingest.embedding.packaged import load_tokenizer

    tokenizer = load_tokenizer()
    return EstimatingCounter(tokenizer, int(max_tokens * (1 - _SPARE)), len(tokenizer.encode(prefix)))


def counter(tokenizer: Tokenizer, max_tokens: int, prefix: str = "") -> TokenCounter:
    """Counts the tokens of a model that reads at most `max_tokens` and puts `prefix` before every text."""
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    added = len(tokenizer.encode(prefix))
    if _splits_into_words(tokenizer):
        return TokenCounter(tokenizer, max_tokens, added)
    return WholeTextCounter(tokenizer, max_tokens, added + _LINE_BREAKS)


def _splits_into_words(tokenizer: Tokenizer) -> bool:
    """Whether it is BERT's, which never looks across white space."""
    parts = (tokenizer.model, tokenizer.normalizer, tokenizer.pre_tokenizer)
    return [type(part).__name__ for part in parts] == ["WordPiece", "BertNormalizer", "BertPreTokenizer"]


def readable(text: str) -> str:
    """`text` without lone surrogates, which JSON may contain and tokenizers reject."""
    return text.encode(errors="replace").decode()
