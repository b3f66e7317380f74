"""Embeds texts with a model of the library sentence-transformers."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tokenizers import Tokenizer

from ingest.embedding.base import NamedEmbedder, TextKind, kept_dimensions, prefixes
from ingest.embedding.batches import batches_of_texts
from ingest.embedding.counting import counter, readable
from ingest.embedding.spec import DEFAULT_MAX_TOKENS, ModelError, ModelSpec
from ingest.embedding.vectors import unit
from ingest.types import EmbeddingModel, Vector

_BATCH_ON_A_GPU = 128
_INSTALL = {
    "torch": "pip install 'luma-rag[reranker]'",
    "onnx": "pip install 'sentence-transformers[onnx]'",
    "openvino": "pip install 'sentence-transformers[openvino]'",
}
_SECONDS_TO_FIND_IT = 10.0


class SentenceTransformerEmbedder(NamedEmbedder):
    """The model of this name on Hugging Face, or in this folder, on a GPU if there is one.

    A named model is downloaded once, to `HF_HOME`.
    """

    def __init__(self, spec: ModelSpec, batch_size: int = 16, threads: int | None = None) -> None:
        """Load the model; the arguments are those of `load`.

        Raises:
            ModelError: the library is missing, or the model can't be found or loaded.
        """
        self._model = model = _loaded(spec)
        on_cpu = model.device.type == "cpu"
        super().__init__(spec, batch_size if on_cpu else max(batch_size, _BATCH_ON_A_GPU), threads)
        self._prefixes = prefixes(spec, model.prompts)
        tokenizer = _tokenizer(model, spec)
        max_tokens = min(filter(None, (spec.max_tokens, model.max_seq_length or DEFAULT_MAX_TOKENS)))
        self.tokens = counter(tokenizer, max_tokens, self._prefixes["document"])
        self.model = EmbeddingModel(
            name=Path(spec.name).name if Path(spec.name).is_dir() else spec.name,
            sha256=_fingerprint(model, tokenizer, spec, self._prefixes),
            dimensions=kept_dimensions(spec, int(model.get_embedding_dimension())),
            max_tokens=max_tokens,
            profile=spec.backend,
        )
        # Its tokenizer can't be used by two threads at once.
        self._one_at_a_time = threading.Lock()

    def _embed(self, kind: TextKind, texts: Sequence[str], on_batch: Callable[[int], None] | None) -> Vector:
        clean = [readable(text) for text in texts]
        vectors = np.empty((len(clean), self.model.dimensions), np.float32)
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        done = 0
        for batch in batches_of_texts(clean, self.batch_size):
            with self._one_at_a_time:
                self._limit_threads()
                rows = encode(
                    [clean[i] for i in batch],
                    prompt=self._prefixes[kind],
                    batch_size=self.batch_size,
                    show_progress_bar=False,
                )
            vectors[batch] = unit(rows, self.spec.dimensions)
            done += len(batch)
            if on_batch:
                on_batch(done)
        return vectors

    def _limit_threads(self) -> None:
        if self.threads is not None:
            import torch

            # Holds for the calling thread only.
            torch.set_num_threads(self.threads)


def _loaded(spec: ModelSpec) -> Any:
    try:
        # Imported here: it is an extra that takes seconds and hundreds of megabytes.
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError:
        raise ModelError(
            "LUMA_EMBEDDING_MODEL names a model of sentence-transformers, which is not installed. Run: "
            f"{_INSTALL['torch']}"
        ) from None
    disable_progress_bar()
    folder = Path(spec.name).expanduser()
    try:
        if folder.is_dir():
            return SentenceTransformer(str(folder), backend=spec.backend, local_files_only=True)
        try:
            # Without a look at the network, which may be slow or absent.
            return SentenceTransformer(spec.name, backend=spec.backend, local_files_only=True)
        except OSError:
            _check_it_can_be_downloaded(spec.name)
            return SentenceTransformer(spec.name, backend=spec.backend)
    except ModelError:
        raise
    except Exception as error:
        # Its many dependencies raise exceptions of all kinds.
        if spec.backend != "torch" and "requires installing" in str(error):
            raise ModelError(
                f"LUMA_EMBEDDING_BACKEND={spec.backend} needs more packages. Run: {_INSTALL[spec.backend]}"
            ) from error
        raise ModelError(
            f"LUMA_EMBEDDING_MODEL: {spec.name} can't be loaded by sentence-transformers: {_reason(error)}"
        ) from error


def _check_it_can_be_downloaded(name: str) -> None:
    """Look once: the library would try for more than a minute.

    Raises:
        ModelError: there is no such model, or no way to it.
    """
    from huggingface_hub import HfApi

    reason = ""
    for candidate in [name] if "/" in name else [f"sentence-transformers/{name}", name]:
        try:
            HfApi().model_info(candidate, timeout=_SECONDS_TO_FIND_IT)
        except Exception as error:
            reason = _reason(error)
        else:
            return
    raise ModelError(
        f"LUMA_EMBEDDING_MODEL: {name} is neither a folder nor a model downloaded before, and can't be "
        f"downloaded now: {reason} On a machine with access to Hugging Face, run `hf download {name} "
        "--local-dir FOLDER`, copy the folder here, and name it in LUMA_EMBEDDING_MODEL."
    )


def _tokenizer(model: Any, spec: ModelSpec) -> Tokenizer:
    found = model.tokenizer
    found = getattr(found, "backend_tokenizer", found)
    if not isinstance(found, Tokenizer):
        raise ModelError(
            f"LUMA_EMBEDDING_MODEL: {spec.name} has no tokenizer.json, by which Luma counts tokens. Use "
            "another model, or a server that serves it."
        )
    return found


def _fingerprint(model: Any, tokenizer: Tokenizer, spec: ModelSpec, prefixes: Mapping[TextKind, str]) -> str:
    digest = hashlib.sha256(msgspec.json.encode([prefixes, spec.dimensions]))
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().float().numpy().tobytes())
    if spec.backend != "torch":
        # Its weights are not in the library's hands.
        digest.update(f"{spec.name}\n{tokenizer.to_str()}".encode())
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first if first.endswith((".", "!", "?")) else f"{first}."
