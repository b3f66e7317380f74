"""Counts tokens with the tokenizer of any model."""

from tokenizers import Tokenizer

from ingest.chunker import TokenCounter

_LINE_BREAKS = 2
# A chunk is counted in parts, which are joined by up to two of them.


class WholeTextCounter(TokenCounter):
    """Counts by tokenizing the text as a whole: unlike BERT's, most tokenizers look across white space."""

    def __call__(self, text: str) -> int:
        """The number of tokens of `text`."""
        return self._remembered(text) if text else 0


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
