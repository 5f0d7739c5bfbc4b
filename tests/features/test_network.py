"""A cached prefix stands for the plain model, whatever the architecture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from ftkit.features.examples import Examples, extract
from ftkit.features.network import Batch, Network
from ftkit.features.pooling import Pooling
from ftkit.models.architecture import blocks, frozen_depth, linears

SMALL: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
MODELS: dict[str, dict[str, Any]] = {
    "Bert": SMALL,
    "Roberta": SMALL,
    "Electra": {**SMALL, "embedding_size": 16},
    "ModernBert": {**SMALL, "pad_token_id": 0, "global_attn_every_n_layers": 2, "cls_token_id": 1, "sep_token_id": 2},
    "DebertaV2": SMALL,
    "DistilBert": {"vocab_size": 50, "dim": 32, "n_layers": 4, "n_heads": 2, "hidden_dim": 48},
    "GPT2": {"vocab_size": 50, "n_embd": 32, "n_layer": 4, "n_head": 2, "n_positions": 64},
    "Llama": {**SMALL, "num_key_value_heads": 2},
    "Qwen3": {**SMALL, "num_key_value_heads": 2, "head_dim": 16},
}


class Padded:
    """Stands in for a task: rows of token ids, padded on the right."""

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)
        padded = {key: [np.pad(row[key], (0, longest - len(row[key]))) for row in rows] for key in rows[0]}
        return {key: torch.from_numpy(np.stack(value)) for key, value in padded.items()}


def tiny(name: str) -> nn.Module:
    """A random backbone of four blocks."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**MODELS[name])
    model: nn.Module = getattr(transformers, f"{name}Model")(config)
    return model.eval()


def examples(count: int = 12) -> Examples:
    """Rows of 2 to 13 tokens."""
    random = np.random.default_rng(0)
    rows = [{"input_ids": random.integers(3, 50, size=size)} for size in range(2, 2 + count)]
    for row in rows:
        row["attention_mask"] = np.ones_like(row["input_ids"])
    return Examples(Padded(), None, rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_resuming_from_the_prefix_equals_the_plain_model(name: str) -> None:
    model = tiny(name)
    model.requires_grad_(False)
    blocks(model).modules[2].requires_grad_(True)
    network, rows = Network(model), examples()
    assert network.depth == 2
    network.training(False)
    found = extract(network, rows, (Pooling("mean"),), size=5)
    assert found.prefix is not None, found.why_not
    rows.prefix = found.prefix
    batch = rows.batch(np.arange(12))
    with torch.no_grad():
        cached, plain = network(batch), network(Batch(batch.inputs))
    assert batch.mask is not None
    real = batch.mask.bool()
    assert (cached[real] - plain[real]).abs().max() < 1e-5
    assert batch.prefix is not None and batch.prefix.shape[:2] == batch.inputs["input_ids"].shape


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_of_the_plain_model(name: str) -> None:
    model = tiny(name).double()
    model.requires_grad_(False)
    blocks(model).modules[3].requires_grad_(True)
    network, rows = Network(model), examples()
    entering, _ = network.capture(rows.batch(np.arange(12)).inputs)
    inputs = rows.batch(np.arange(12)).inputs
    gradients = []
    for prefix in (None, entering):
        model.zero_grad()
        batch = Batch(inputs, prefix)
        Pooling("mean")(network(batch), batch.mask).square().sum().backward()
        gradients.append({key: p.grad.clone() for key, p in network.trainable().items() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    for key, value in gradients[0].items():
        torch.testing.assert_close(value, gradients[1][key], rtol=1e-9, atol=1e-10)


class _Drifting(Network):
    """A network whose resumed pass is off by a little."""

    def __call__(self, batch: Batch, weights: Any = None) -> torch.Tensor:
        return super().__call__(batch, weights) + (0.0 if batch.prefix is None else 0.01)


def test_an_architecture_that_does_not_resume_exactly_falls_back_and_says_so() -> None:
    model = tiny("Bert").requires_grad_(False)
    blocks(model).modules[3].requires_grad_(True)
    found = extract(_Drifting(model), examples(), (Pooling("mean"),))
    assert found.prefix is None
    assert "does not resume" in found.why_not
    assert found.pooled[Pooling("mean")].shape == (12, 32)


def test_frozen_depth_is_found_by_structure() -> None:
    model = tiny("Bert")
    assert frozen_depth(model.requires_grad_(False)) == 4
    blocks(model).modules[1].requires_grad_(True)
    assert frozen_depth(model) == 1
    model.get_submodule("embeddings").requires_grad_(True)
    assert frozen_depth(model) == 0
    assert len(linears(tiny("GPT2"))) == 4 * 4


def test_frozen_blocks_keep_dropout_off_while_training() -> None:
    model = tiny("Bert").requires_grad_(False)
    blocks(model).modules[2].requires_grad_(True)
    network = Network(model)
    network.training(True)
    assert [block.training for block in network.blocks] == [False, False, True, True]
    assert not model.get_submodule("embeddings").training
    network.training(False)
    assert not any(module.training for module in model.modules())


def test_rows_of_one_length_order_are_processed_longest_first() -> None:
    rows = examples()
    chunks = list(rows.by_length(np.arange(12), 5))
    assert np.concatenate(chunks).tolist() == list(range(11, -1, -1))
    assert [len(chunk) for chunk in chunks] == [5, 5, 2]
