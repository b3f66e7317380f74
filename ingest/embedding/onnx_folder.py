"""Embeds texts with an ONNX file of a model like BERT: needs only what the packaged model needs."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ingest.embedding.base import NamedEmbedder, TextKind, kept_dimensions, prefixes
from ingest.embedding.batches import batches
from ingest.embedding.bert import session
from ingest.embedding.counting import counter, readable
from ingest.embedding.spec import DEFAULT_MAX_TOKENS, ONNX_GRAPH, ModelError, ModelSpec
from ingest.embedding.vectors import unit
from ingest.settings import Pooling
from ingest.types import EmbeddingModel, Vector

_TOKENIZER = "tokenizer.json"
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_SCALE_PER_BATCH = b"DynamicQuantizeLinear"
# An operator that quantizes with one scale for all texts of a batch.


class OnnxEmbedder(NamedEmbedder):
    """The model in a folder with `model.onnx` and `tokenizer.json`, on a GPU if ONNX Runtime can use one.

    The other files of the model, if they are there, say its length, its prefixes and how its vector is made
    from those of the tokens.
    """

    def __init__(self, spec: ModelSpec, batch_size: int = 16, threads: int | None = None) -> None:
        """Load the model; the arguments are those of `load`.

        Raises:
            ModelError: a file is missing or unexpected.
        """
        folder = Path(spec.name).expanduser()
        try:
            graph = (folder / ONNX_GRAPH).read_bytes()
            tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
            self._session = session(graph, threads, onnxruntime.get_available_providers())
        except Exception as error:
            # Both libraries raise exceptions of their own, without a common base.
            raise ModelError(
                f"LUMA_EMBEDDING_MODEL: {spec.name} can't be loaded: {error}. The folder needs the files "
                f"{ONNX_GRAPH} and {_TOKENIZER} of an embedding model."
            ) from error
        self._inputs = [each.name for each in self._session.get_inputs()]
        if not _INPUTS.issuperset(self._inputs):
            raise ModelError(f"LUMA_EMBEDDING_MODEL: {spec.name} is not a model that embeds texts.")
        # Alone, so that a vector does not depend on the other texts.
        super().__init__(spec, 1 if _SCALE_PER_BATCH in graph else batch_size, threads)
        is_pooled = len(self._session.get_outputs()[0].shape) == 2
        self._pooling = None if is_pooled else _pooling(folder, spec)
        self._prefixes = prefixes(
            spec, _json(folder / "config_sentence_transformers.json").get("prompts") or {}
        )
        self.tokens = counter(tokenizer, _max_tokens(folder, spec), self._prefixes["document"])
        options = msgspec.json.encode([self._prefixes, self._pooling, spec.dimensions])
        self.model = EmbeddingModel(
            name=folder.name,
            sha256=hashlib.sha256(graph + options).hexdigest(),
            dimensions=kept_dimensions(spec, self._run([self._ids("document", "")]).shape[1]),
            max_tokens=self.tokens.max_tokens,
            profile="onnx",
        )

    def _embed(self, kind: TextKind, texts: Sequence[str], on_batch: Callable[[int], None] | None) -> Vector:
        ids = [self._ids(kind, text) for text in texts]
        vectors = np.empty((len(ids), self.model.dimensions), np.float32)
        done = 0
        for batch in batches([len(row) for row in ids], self.batch_size):
            vectors[batch] = unit(self._run([ids[i] for i in batch]), self.spec.dimensions)
            done += len(batch)
            if on_batch:
                on_batch(done)
        return vectors

    def _ids(self, kind: TextKind, text: str) -> list[int]:
        ids: list[int] = self.tokens.tokenizer.encode(self._prefixes[kind] + readable(text)).ids
        most = self.tokens.max_tokens
        if len(ids) <= most:
            return ids
        if kind == "document":
            raise ValueError(f"A text has {len(ids)} tokens; the model reads at most {most}")
        return [*ids[: most - 1], ids[-1]]

    def _run(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        padded = np.zeros((len(ids), max(map(len, ids))), np.int64)
        mask = np.zeros_like(padded)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        values = {"input_ids": padded, "attention_mask": mask, "token_type_ids": np.zeros_like(padded)}
        found: NDArray[np.float32] = self._session.run(None, {name: values[name] for name in self._inputs})[0]
        if self._pooling is None:
            return found
        if self._pooling == "cls":
            return found[:, 0]
        weights = mask[:, :, None].astype(np.float32)
        pooled: NDArray[np.float32] = (found * weights).sum(axis=1) / weights.sum(axis=1)
        return pooled


def _pooling(folder: Path, spec: ModelSpec) -> Pooling:
    """How a text's vector is made from those of its tokens.

    Raises:
        ModelError: nothing says it.
    """
    if spec.pooling is not None:
        return spec.pooling
    said = _json(folder / "1_Pooling" / "config.json")
    choices: tuple[Pooling, ...] = get_args(Pooling)
    for pooling in choices:
        # Older versions of sentence-transformers wrote `"pooling_mode_cls_token": true`.
        if said.get("pooling_mode") == pooling or any(
            said.get(f"pooling_mode_{pooling}_{token}") for token in ("token", "tokens")
        ):
            return pooling
    raise ModelError(
        f"LUMA_EMBEDDING_MODEL: no file in {spec.name} says how the vector of a text is made from those of "
        "its tokens. Set LUMA_EMBEDDING_POOLING to `cls` or `mean`: the model's description says which."
    )


def _max_tokens(folder: Path, spec: ModelSpec) -> int:
    said = [
        spec.max_tokens,
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _json(folder / "config.json").get("max_position_embeddings"),
    ]
    return min([each for each in said if each], default=DEFAULT_MAX_TOKENS)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return content if isinstance(content, dict) else {}
