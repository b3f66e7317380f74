"""The forward pass of BERT in inference, in plain torch, straight from the file of the weights.

`transformers` computes the same but takes five seconds and 150 MB more to import, and is slower by a tenth.
A test holds this module against `sentence-transformers`. The architecture is that of section 3 of Devlin et
al., "BERT" (2019), in the names of the published weights.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

_HEADS = 12
_EPSILON = 1e-12

Parameters = tuple[Tensor, Tensor]


class _Layer:
    """One transformer layer; the projections to query, key and value are one matrix, which is faster."""

    def __init__(self, weights: dict[str, Tensor], prefix: str) -> None:
        def of(name: str) -> Parameters:
            return weights[f"{prefix}.{name}.weight"], weights[f"{prefix}.{name}.bias"]

        projections = [of(f"attention.self.{name}") for name in ("query", "key", "value")]
        self.project = torch.cat([w for w, _ in projections]), torch.cat([b for _, b in projections])
        self.attended = of("attention.output.dense")
        self.attended_norm = of("attention.output.LayerNorm")
        self.widen = of("intermediate.dense")
        self.narrow = of("output.dense")
        self.norm = of("output.LayerNorm")

    def __call__(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = hidden.shape
        projected = functional.linear(hidden, *self.project).view(batch, length, 3, _HEADS, width // _HEADS)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, mask)
        attended = attended.transpose(1, 2).reshape(batch, length, width)
        hidden = _norm(hidden + functional.linear(attended, *self.attended), self.attended_norm)
        wide = functional.gelu(functional.linear(hidden, *self.widen))
        return _norm(hidden + functional.linear(wide, *self.narrow), self.norm)


class BertEncoder:
    """BERT with mean pooling, as sentence-transformers uses it for all-MiniLM-L6-v2."""

    def __init__(self, weights: Path, dtype: torch.dtype) -> None:
        """Load `weights` (safetensors) and compute in `dtype`."""
        tensors = {name: t.to(dtype) for name, t in load_file(weights).items() if t.is_floating_point()}
        self._words = tensors["embeddings.word_embeddings.weight"]
        # There is one segment only, so its embedding can be added once and for all.
        self._positions = (
            tensors["embeddings.position_embeddings.weight"]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]
        count = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
        self._layers = [_Layer(tensors, f"encoder.layer.{number}") for number in range(count)]

    @torch.inference_mode()
    def __call__(self, ids: list[list[int]]) -> Tensor:
        """Embed token ids, special tokens included: (len(ids), width) in float32, rows of length 1."""
        lengths = torch.tensor([len(row) for row in ids])
        longest = int(lengths.max())
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
        real = torch.arange(longest) < lengths[:, None]
        hidden = _norm(functional.embedding(padded, self._words) + self._positions[:longest], self._norm)
        mask = None if bool(real.all()) else real[:, None, None, :]
        for layer in self._layers:
            hidden = layer(hidden, mask)
        total = (hidden.float() * real.unsqueeze(-1)).sum(1)
        return functional.normalize(total / lengths.unsqueeze(-1), dim=1)


def _norm(hidden: Tensor, parameters: Parameters) -> Tensor:
    return functional.layer_norm(hidden, (hidden.shape[-1],), *parameters, eps=_EPSILON)


def best_dtype() -> torch.dtype:
    """bfloat16 where the processor computes in it natively (three times as fast as float32), else float32."""
    has = torch.cpu.get_capabilities()
    return torch.bfloat16 if has.get("avx512_bf16") or has.get("amx_bf16") else torch.float32
