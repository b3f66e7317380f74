"""A local reranker from an ONNX file: needs only what Luma's embedding model needs."""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from luma_rag.errors import ConfigurationError
from luma_rag.retrieval.threaded_reranker import ThreadedReranker, reranker_threads

_GRAPH, _TOKENIZER = "model.onnx", "tokenizer.json"
_MOST_TOKENS = 512
"""The number of positions of a BERT; the longer of query and passage is truncated."""
_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_ERRORS_ONLY = 3


def is_onnx_reranker(name: str) -> bool:
    """Whether this is a folder with an ONNX file."""
    return (Path(name).expanduser() / _GRAPH).is_file()


class OnnxReranker(ThreadedReranker):
    """Score with the cross-encoder in this folder: `model.onnx` and `tokenizer.json`. Blocks while it loads.

    Raises:
        ConfigurationError: a file is missing or unreadable, or the graph is not that of a cross-encoder.
    """

    def __init__(self, name: str) -> None:
        # Imported here because it loads ONNX Runtime, which most commands do not need.
        import onnxruntime

        folder = Path(name).expanduser()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = reranker_threads()
        options.log_severity_level = _ERRORS_ONLY
        # Spinning threads would take CPU time from other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                folder / _GRAPH, options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        except Exception as error:
            # Both libraries raise exceptions of their own, without a common base.
            raise ConfigurationError(
                f"LUMA_RERANKER: {name} can't be loaded: {error}. The folder needs the files {_GRAPH} and "
                f"{_TOKENIZER} of a cross-encoder."
            ) from error
        self._inputs = [each.name for each in self._session.get_inputs()]
        shapes = [each.shape for each in self._session.get_outputs()]
        if not _INPUTS.issuperset(self._inputs) or len(shapes) != 1 or shapes[0][1:] not in ([], [1]):
            raise ConfigurationError(
                f"LUMA_RERANKER: {name} is a model of another kind: it does not give one score for a query "
                "and a passage."
            )
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.enable_padding()
        super().__init__(name)

    def _score(self, pairs: list[tuple[str, str]]) -> list[float]:
        encoded = self._tokenizer.encode_batch(pairs)
        inputs = {
            "input_ids": [each.ids for each in encoded],
            "attention_mask": [each.attention_mask for each in encoded],
            "token_type_ids": [each.type_ids for each in encoded],
        }
        feed = {name: np.array(inputs[name], np.int64) for name in self._inputs}
        scores: list[float] = self._session.run(None, feed)[0].reshape(-1).astype(float).tolist()
        return scores
