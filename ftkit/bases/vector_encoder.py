"""An encoder of numbers: no `AutoModel` takes a plain vector, so this one is our own.

The file stands by itself, because the model card of a run carries it: torch and transformers are all that it needs.
"""

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class VectorConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]  # transformers types it so
    """Shape of a `VectorModel`, and under `table` what its columns are called and scaled by."""

    model_type = "ftkit_vector"

    def __init__(
        self,
        kind: str = "columns",
        columns: int = 1,
        buckets: int = 4096,
        hidden_size: int = 128,
        num_hidden_layers: int = 3,
        dropout: float = 0.1,
        table: dict[str, Any] | None = None,
        **other: Any,
    ) -> None:
        """`kind`: columns (always the same ones) or set (of whatever was measured); `buckets`: codes of a set."""
        self.kind, self.columns, self.buckets = kind, columns, buckets
        self.hidden_size, self.num_hidden_layers, self.dropout = hidden_size, num_hidden_layers, dropout
        self.table = table or {}
        super().__init__(**other)


class ColumnStem(nn.Module):
    """Numbers (rows, columns), 0 where missing, and which are there → (rows, width)."""

    def __init__(self, config: VectorConfig) -> None:
        super().__init__()
        self.values = nn.Linear(config.columns, config.hidden_size)
        self.there = nn.Linear(config.columns, config.hidden_size, bias=False)

    def forward(self, values: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        """Missing numbers weigh nothing but by being missing."""
        hidden: torch.Tensor = self.values(values * heard) + self.there(heard)
        return hidden


class SetStem(nn.Module):
    """Pairs of a name and a number, in any order and of any names → (rows, width).

    A sum over the pairs (Deep Sets: Zaheer et al. 2017, arXiv:1703.06114). A name is known by two codes of a table
    (hash embeddings: Svenstrup et al. 2017, arXiv:1709.03933), so that one which training never saw has a place, too.
    """

    def __init__(self, config: VectorConfig) -> None:
        super().__init__()
        self.codes = nn.Embedding(config.buckets, config.hidden_size)
        self.gate = nn.Sequential(nn.Linear(1, 32), nn.GELU(), nn.Linear(32, config.hidden_size))

    def forward(self, names: torch.Tensor, values: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        """`names` (rows, pairs, 2) numbers of codes; `values` and `heard` (rows, pairs)."""
        gates = self.gate(values[..., None]) * heard[..., None]
        total = (self.codes(names).sum(2) * gates).sum(1)
        hidden: torch.Tensor = total / (1.0 + heard.sum(1, keepdim=True)).sqrt()
        return hidden


class Block(nn.Module):
    """A residual step: norm, widen, narrow."""

    def __init__(self, config: VectorConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        self.widen = nn.Linear(config.hidden_size, 2 * config.hidden_size)
        self.narrow = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(rows, positions, width) → the same."""
        step = nn.functional.gelu(self.widen(self.norm(hidden)))
        out: torch.Tensor = hidden + self.dropout(self.narrow(step))
        return out


class VectorModel(PreTrainedModel):  # type: ignore[no-untyped-call]  # likewise
    """A stem for columns or sets, and residual blocks of width `hidden_size` on a single position."""

    config_class = VectorConfig

    def __init__(self, config: VectorConfig) -> None:
        super().__init__(config)
        self.stem = SetStem(config) if config.kind == "set" else ColumnStem(config)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.num_hidden_layers)])
        self.norm = nn.LayerNorm(config.hidden_size)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=2**-0.5)  # of two codes, the sum has unit variance

    def forward(self, values: torch.Tensor, heard: torch.Tensor, names: torch.Tensor | None = None) -> BaseModelOutput:
        """`last_hidden_state` (rows, 1, width)."""
        values, heard = (one.to(self.norm.weight.dtype) for one in (values, heard))
        given = (values, heard) if names is None else (names, values, heard)
        hidden = self.stem(*given)[:, None]
        for block in self.blocks:
            hidden = block(hidden)
        return BaseModelOutput(last_hidden_state=self.norm(hidden))


AutoConfig.register(VectorConfig.model_type, VectorConfig, exist_ok=True)
AutoModel.register(VectorConfig, VectorModel, exist_ok=True)
