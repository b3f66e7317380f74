"""BERT inference with ONNX Runtime, from a graph in the model's package.

Needs neither torch nor `transformers`, which take seconds and hundreds of megabytes to import. A test
compares the results with `sentence-transformers`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ingest.types import Vector

_ERRORS_ONLY = 3


class BertEncoder:
    """BERT with mean pooling, as in sentence-transformers. Thread-safe."""

    def __init__(self, graph: Path, words: Vector, threads: int | None = None) -> None:
        """Load `graph`, an ONNX file.

        `words` are the embeddings of all tokens, of shape (tokens, width), read row by row; they may be
        memory-mapped. `threads` is the number of threads per batch; None means all cores.
        """
        self._words = words
        self._session = session(graph, threads)

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


def session(
    graph: Path | bytes, threads: int | None, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> Any:
    """A session of ONNX Runtime that leaves other processes alone.

    `threads` is the number of threads per batch; None means all cores.
    """
    options = onnxruntime.SessionOptions()
    # Set explicitly: by default the library would pin each thread to a core.
    options.intra_op_num_threads = threads or _cores()
    # Spinning threads would take CPU time from other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(graph, options, providers=list(providers))


def _cores() -> int:
    """The number of CPUs available to this process, which a container can limit; macOS does not report it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
