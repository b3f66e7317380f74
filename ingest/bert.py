"""BERT inference with ONNX Runtime, directly from the published weights.

Needs neither torch nor `transformers`, which take seconds and hundreds of megabytes to import. A test
compares the results with `sentence-transformers`.
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
    """BERT with mean pooling, as in sentence-transformers. Thread-safe."""

    def __init__(self, weights: mmap.mmap, profile: EmbeddingProfile, threads: int | None = None) -> None:
        """Create the model from `weights`, a memory-mapped safetensors file, which stays mapped.

        `threads` is the number of threads per batch; None means all cores.
        """
        tensors = read_tensors(weights)
        # The largest tensor stays in the file, where all processes share it, and is read row by row.
        self._words = tensors["embeddings.word_embeddings.weight"]
        options = onnxruntime.SessionOptions()
        # Set explicitly: by default the library would pin each thread to a core.
        options.intra_op_num_threads = threads or _cores()
        # Spinning threads would take CPU time from other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(
            BertGraph(tensors, profile).serialize(), options, providers=["CPUExecutionProvider"]
        )
        if hasattr(mmap, "MADV_DONTNEED"):
            # Checking and converting it has loaded the whole file into this process's memory.
            weights.madvise(mmap.MADV_DONTNEED)
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            # Building the graph leaves about 20 MB that glibc would keep for later use.
            trim(0)

    def __call__(self, ids: Sequence[Sequence[int]]) -> Vector:
        """Embed token ids, including special tokens: shape (len(ids), width), rows of length 1."""
        longest = max(map(len, ids))
        padded = np.zeros((len(ids), longest), np.intp)
        mask = np.zeros((len(ids), longest), np.int32)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        vectors: Vector = self._session.run(None, {"words": self._words[padded], "mask": mask})[0]
        return vectors


def _cores() -> int:
    """The number of CPUs available to this process, which a container can limit; macOS does not report it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_tensors(file: mmap.mmap) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file, as views of it.

    The file consists of an eight-byte header length, a JSON header, and the tensors.
    """
    start = 8 + int.from_bytes(file[:8], "little")
    tensors = {}
    for name, about in json.loads(file[8:start]).items():
        if about.get("dtype") == "F32":
            first, end = about["data_offsets"]
            array = np.frombuffer(file, np.float32, (end - first) // 4, start + first)
            tensors[name] = array.reshape(about["shape"])
    return tensors
