"""BERT in inference, by ONNX Runtime, straight from the bytes of the published weights.

Needs neither torch nor `transformers`: these take seconds and hundreds of megabytes to import. A test holds
this module against `sentence-transformers`.
"""

import ctypes
import json
import mmap
import os
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ingest.bert_graph import BertGraph
from ingest.types import EmbeddingProfile, Vector

_ERRORS_ONLY = 3


class BertEncoder:
    """BERT with mean pooling, as sentence-transformers uses it. Any number of threads may call it."""

    def __init__(self, weights: mmap.mmap, profile: EmbeddingProfile, threads: int | None = None) -> None:
        """Make it from `weights`, a mapped file in the format safetensors, which stays mapped.

        `threads` compute one batch; all cores where it is None.
        """
        tensors = read_tensors(weights)
        # The largest tensor stays in the file, where all processes share it, and is read row by row.
        self._words = tensors["embeddings.word_embeddings.weight"]
        options = onnxruntime.SessionOptions()
        # Named and not left to the library, which would tie each thread to a core.
        options.intra_op_num_threads = threads or _cores()
        # Threads that wait must not take the processor from the other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            BertGraph(tensors, profile).serialize(), options, providers=["CPUExecutionProvider"]
        )
        if hasattr(mmap, "MADV_DONTNEED"):
            # Checking and converting it brought the whole file into this process's memory.
            weights.madvise(mmap.MADV_DONTNEED)
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            # Some 20 MB of the graph in its making, which glibc would keep for later use.
            trim(0)

    def __call__(self, ids: Sequence[Sequence[int]]) -> Vector:
        """Embed token ids, special tokens included: shape (len(ids), width), rows of length 1."""
        longest = max(map(len, ids))
        padded = np.zeros((len(ids), longest), np.intp)
        mask = np.zeros((len(ids), longest), np.int32)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        vectors: Vector = self._session.run(None, {"words": self._words[padded], "mask": mask})[0]
        return vectors


def _cores() -> int:
    """How many this process may use, which a container can limit; macOS does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_tensors(file: mmap.mmap) -> dict[str, NDArray[np.float32]]:
    """The tensors of float32 in a file of the format safetensors, as views of it.

    The file begins with the length of a header in eight bytes, and the header in JSON; then come the tensors.
    """
    start = 8 + int.from_bytes(file[:8], "little")
    tensors = {}
    for name, about in json.loads(file[8:start]).items():
        if about.get("dtype") == "F32":
            first, end = about["data_offsets"]
            array = np.frombuffer(file, np.float32, (end - first) // 4, start + first)
            tensors[name] = array.reshape(about["shape"])
    return tensors
