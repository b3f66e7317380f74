"""BERT in inference, by ONNX Runtime, from a graph that the package of the model brings.

Needs neither torch nor `transformers`: these take seconds and hundreds of megabytes to import. A test holds
this module against `sentence-transformers`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from ingest.types import Vector

_ERRORS_ONLY = 3


class BertEncoder:
    """BERT with mean pooling, as sentence-transformers uses it. Any number of threads may call it."""

    def __init__(self, graph: Path, words: Vector, threads: int | None = None) -> None:
        """Load `graph`, an ONNX file.

        `words` are the embeddings of all tokens, of shape (tokens, width), read row by row; they may be in a
        mapped file. `threads` compute one batch; all cores where it is None.
        """
        self._words = words
        options = onnxruntime.SessionOptions()
        # Named and not left to the library, which would tie each thread to a core.
        options.intra_op_num_threads = threads or _cores()
        # Threads that wait must not take the processor from the other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

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
