"""Embeds texts with all-MiniLM-L6-v2 on the CPU, from the files of the package luma-rag-minilm."""

import hashlib
import importlib.util
import mmap
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from tokenizers import Tokenizer

from ingest.chunker import TokenCounter
from ingest.embedding.batches import batches
from ingest.embedding.counting import readable
from ingest.embedding.ranking import MINILM
from ingest.embedding.spec import ModelError, packaged
from ingest.types import EmbeddingModel, EmbeddingProfile, Vector

MODEL = EmbeddingModel(
    name="all-MiniLM-L6-v2",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    dimensions=384,
    max_tokens=256,
    profile="int8-v1",
)
"""The model of this module, with its default profile.

BERT has positions for 512 tokens, but this model was trained on up to 256. The digest is that of the
published weights, from which `packages/luma-rag-minilm/build_model.py` builds the files.
"""


class _File(NamedTuple):
    """A file of the model, and the package that contains it."""

    package: str
    name: str
    sha256: str


_VERSION = "0.1.0"
"""The version of both packages."""
_TOKENIZER = _File(
    "luma_rag_minilm", "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
)
_WORDS = _File(
    "luma_rag_minilm", "words.f32", "352d34a4ad725bb742f36fc3f2a2dcfa7f07317926128d47c362198125003892"
)
_GRAPHS: dict[EmbeddingProfile, _File] = {
    "int8-v1": _File(
        "luma_rag_minilm", "int8-v1.onnx", "1aaf989367e254c11f7654b8b2ea88fc1877cfe5b902e84f40fcea470ade2e88"
    ),
    "float32": _File(
        "luma_rag_minilm_float32",
        "float32.onnx",
        "c434dfd7ed2328029428b17a45de703dd14005caecfc319b7551baf619539174",
    ),
}


def load_tokenizer() -> Tokenizer:
    """The model's tokenizer, without truncation and padding.

    Raises:
        ModelError: its file is missing or unexpected.
    """
    # Tokenizer threads gain nothing beside the model's, and cause warnings in forked processes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with _verified(_TOKENIZER)[1] as content:
        tokenizer = Tokenizer.from_buffer(content[:])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class PackagedEmbedder:
    """Embeds documents and queries. Blocks while it computes; thread-safe."""

    def __init__(
        self, batch_size: int = 16, threads: int | None = None, profile: EmbeddingProfile = "int8-v1"
    ) -> None:
        """Load the model. `batch_size` is the maximum number of texts per batch.

        `threads` is the number of threads per batch; None means all cores, which is best for documents. For
        queries 1 is best, because threads that share an input of a dozen tokens mostly wait for each other.

        Raises:
            ModelError: the model's files are missing or unexpected.
        """
        graph, graph_content = _verified(_GRAPHS[profile])
        graph_content.close()
        words = _words()
        # Imported here because it loads ONNX Runtime, which processes that only chunk or print help do not
        # need.
        from ingest.embedding.bert import BertEncoder

        self._profile = profile
        self.spec = packaged(profile)
        self.model = msgspec.structs.replace(MODEL, profile=profile)
        self.ranking = MINILM
        self.tokenizer = load_tokenizer()
        self.tokens = TokenCounter(self.tokenizer)
        self.batch_size = batch_size
        self.threads = threads
        self._encode = BertEncoder(graph, words, threads)

    def loader(self, threads: int | None) -> "Callable[[], PackagedEmbedder]":
        """See `Embedder`."""
        return partial(PackagedEmbedder, self.batch_size, threads, self._profile)

    def embed_documents(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Vector:
        """Embed `texts`; shape (len(texts), 384).

        `on_batch` is called with the number of texts done so far; an exception it raises stops the work.

        Raises:
            ValueError: a text exceeds the model's token limit, so that part of it would not be embedded.
        """
        ids = [self._ids(text) for text in texts]
        if (longest := max(map(len, ids), default=0)) > self.model.max_tokens:
            raise ValueError(f"A text has {longest} tokens; the model reads at most {self.model.max_tokens}")
        return self._embed(ids, on_batch)

    def embed_queries(self, texts: Sequence[str]) -> Vector:
        """Embed queries; shape (len(texts), 384).

        Text beyond the model's limit is ignored. A vector does not depend on the other texts.
        """
        most = self.model.max_tokens
        ids = [self._ids(text) for text in texts]
        return self._embed([row if len(row) <= most else [*row[: most - 1], row[-1]] for row in ids])

    def embed_query(self, text: str) -> Vector:
        """Embed one query; shape (384,)."""
        vector: Vector = self.embed_queries([text])[0]
        return vector

    def close(self) -> None:
        """Nothing to release."""

    def _embed(self, ids: Sequence[Sequence[int]], on_batch: Callable[[int], None] | None = None) -> Vector:
        vectors = np.empty((len(ids), self.model.dimensions), np.float32)
        done = 0
        for batch in batches([len(row) for row in ids], self.batch_size):
            vectors[batch] = self._encode([ids[i] for i in batch])
            done += len(batch)
            if on_batch:
                on_batch(done)
        return vectors

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(readable(text)).ids
        return ids


def _words() -> Vector:
    """The embeddings of all tokens, of shape (tokens, 384), memory-mapped and shared by all processes."""
    _, content = _verified(_WORDS)
    if hasattr(mmap, "MADV_DONTNEED"):
        # Verifying it has loaded the whole file into this process's memory.
        content.madvise(mmap.MADV_DONTNEED)
    return np.frombuffer(content, "<f4").reshape(-1, MODEL.dimensions)


def _verified(file: _File) -> tuple[Path, mmap.mmap]:
    """The path of a file of the model, and its content.

    Raises:
        ModelError: the file is missing or unexpected.
    """
    # Located but not imported: only the package's files are needed.
    found = importlib.util.find_spec(file.package)
    if found is None or found.origin is None:
        raise ModelError(_fix(f"The model {MODEL.name} is not installed.", file))
    path = Path(found.origin).with_name(file.name)
    try:
        with path.open("rb") as opened:
            content = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # an empty file can't be mapped
        raise ModelError(
            _fix(f"{file.name} of the model {MODEL.name} can't be read ({error}).", file)
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise ModelError(
            _fix(f"{file.name} of the model {MODEL.name} is not the expected file (SHA-256 {digest}).", file)
        )
    return path, content


def _fix(problem: str, file: _File) -> str:
    distribution = file.package.replace("_", "-")
    return f"{problem} Install it: pip install --force-reinstall --no-deps {distribution}=={_VERSION}"
