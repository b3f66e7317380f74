"""A local reranker from an ONNX file: its scores match PyTorch's, and other folders are refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from luma_rag.errors import ConfigurationError
from luma_rag.retrieval.onnx_reranker import OnnxReranker
from luma_rag.runtime import create_reranker
from luma_rag.settings import Settings
from tests.cross_encoder import EMBEDDING_MODEL

PASSAGES = [f"{'word ' * (n % 7)}passage {n} about {'bees' if n % 3 else 'freight'}" for n in range(30)]


@pytest.fixture(scope="module")
def exported(cross_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CrossEncoder of the other tests as an ONNX file."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("onnx")
    model = AutoModelForSequenceClassification.from_pretrained(cross_encoder_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(cross_encoder_folder)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    example = dict(tokenizer("a query", "a passage", return_tensors="pt"))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        model,
        (),
        folder / "model.onnx",
        kwargs={name: example[name] for name in names},
        input_names=names,
        output_names=["logits"],
        dynamic_axes={name: {0: "batch", 1: "sequence"} for name in names},
        dynamo=False,
    )
    return folder


@pytest.mark.filterwarnings("ignore")
async def test_scores_match_pytorch(exported: Path, cross_encoder_folder: Path) -> None:
    from sentence_transformers import CrossEncoder
    from torch import nn

    model = CrossEncoder(str(cross_encoder_folder), activation_fn=nn.Identity())
    expected = model.predict([("Who likes clover?", passage) for passage in PASSAGES])
    reranker = create_reranker(Settings(reranker=str(exported)))
    assert isinstance(reranker, OnnxReranker)
    assert reranker.name == str(exported)
    scores = await reranker.scores("Who likes clover?", PASSAGES)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    # Longer than the model's limit: truncated, not rejected.
    assert len(await reranker.scores("why " * 5000, ["because " * 5000])) == 1
    await reranker.aclose()


def test_folder_without_tokenizer_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(_graph("input_ids", (None, 1)))
    with pytest.raises(ConfigurationError, match=r"LUMA_RERANKER: .* can't be loaded.*tokenizer\.json"):
        OnnxReranker(str(tmp_path))


def test_damaged_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ConfigurationError, match=r"LUMA_RERANKER: .* can't be loaded"):
        OnnxReranker(str(tmp_path))


@pytest.mark.parametrize(("name", "shape"), [("input_ids", (None, 384)), ("pixels", (None, 1))])
def test_models_of_another_kind_are_rejected(
    tmp_path: Path, name: str, shape: tuple[int | None, ...]
) -> None:
    (tmp_path / "model.onnx").write_bytes(_graph(name, shape))
    (tmp_path / "tokenizer.json").write_bytes((EMBEDDING_MODEL / "tokenizer.json").read_bytes())
    with pytest.raises(ConfigurationError, match=r"LUMA_RERANKER: .* another kind"):
        OnnxReranker(str(tmp_path))


def _graph(name: str, shape: tuple[int | None, ...]) -> bytes:
    """A graph that gives out what comes in."""
    before = helper.make_tensor_value_info(name, TensorProto.INT64, shape)
    after = helper.make_tensor_value_info("out", TensorProto.INT64, shape)
    graph = helper.make_graph([helper.make_node("Identity", [name], ["out"])], "graph", [before], [after])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    content: bytes = onnx.ModelProto.SerializeToString(model)
    return content
