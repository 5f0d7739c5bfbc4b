"""The last block for one position: the plain model's features and gradients, for less arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES, Architecture, image, text, tokens, vision
from peft import LoraConfig, get_peft_model
from torch import nn

from ftkit.features.batch import Batch
from ftkit.features.network import ONE, Network
from ftkit.features.pooling import Pooling
from ftkit.models.architecture import blocks, last_block, linears

ROWS = 4
NARROW = {
    *("Bert", "Roberta", "DistilBert", "ModernBert", "Electra", "Llama", "Qwen3", "Gemma3", "Mixtral"),
    *("Marian", "Bart", "T5", "ViT", "DeiT", "Dinov2", "CLIPVision", "SiglipVision", "VideoMAE", "Vivit"),
    *("Wav2Vec2", "Whisper"),
}
"""whose last block attends through PyTorch, from every position of a row to every other

The others are run as they are: nets of stages and series, DeBERTa, which has an attention of its own, GPT-2, which
gives its output the shape of its input, TimeSformer, which attends twice, and AST, whose model looks at two positions.
"""


def compared(network: Network, batch: Batch, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Features as they are computed, and those of the plain model."""
    pooling = Pooling(kind)
    return network.features(batch, pooling), network.pooled(batch, network(batch), pooling)


class Widths:
    """How many positions the last block's linear modules are given, most first."""

    def __init__(self, model: nn.Module) -> None:
        block = last_block(model)
        assert block is not None
        self.seen: list[int] = []
        for module in block.modules():
            if isinstance(module, nn.Linear):
                module.register_forward_pre_hook(lambda _, args: self.seen.append(args[0].shape[1]))


@pytest.mark.parametrize("kind", ONE)
@pytest.mark.parametrize("name", ARCHITECTURES)
@torch.no_grad()
def test_features_are_those_of_the_plain_model_in_every_architecture(name: str, kind: str) -> None:
    architecture: Architecture = ARCHITECTURES[name]
    network = Network(architecture.build())
    network.training(False)
    narrow, plain = compared(network, Batch(architecture.inputs(ROWS)), kind)
    assert float((narrow - plain).abs().max() / plain.abs().max()) < 1e-5
    assert network._narrow == {(kind, False): name in NARROW}


@pytest.mark.parametrize(("make", "inputs", "kind"), [(vision, image, "first"), (text, tokens, "last")])
def test_gradients_are_those_of_the_plain_model_from_a_prefix_as_well(make, inputs, kind: str) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    model = make("ViTModel" if make is vision else "LlamaModel").double()
    names = [f"{blocks(model).name}.{number}." for number in (1, 2)]
    targets = [one for one in linears(model) if one.startswith(tuple(names))]
    network = Network(get_peft_model(model, LoraConfig(r=2, target_modules=targets, init_lora_weights=False)))
    given = {key: one.double() if one.is_floating_point() else one for key, one in inputs(ROWS).items()}
    prefix = network.entering(given)
    assert network.depth == 1 and prefix is not None
    weights = {name: nn.Parameter(p.detach().clone()) for name, p in network.trainable().items()}
    gradients = []
    for batch in (Batch(given), Batch(given, prefix)):
        for features in (
            network.features(batch, Pooling(kind), weights),
            network.pooled(batch, network(batch, weights), Pooling(kind)),
        ):
            gradients.append(torch.autograd.grad((features**2).sum(), list(weights.values()), allow_unused=True))
    for several in zip(*gradients, strict=True):
        first = several[0]
        assert first is not None
        for other in several[1:]:
            torch.testing.assert_close(other, first, rtol=1e-9, atol=1e-9)
    assert sum(float(one.abs().sum()) > 0 for one in gradients[0]) == len(weights)


def test_all_that_follows_attention_is_computed_for_one_position() -> None:
    torch.manual_seed(0)
    network = Network(vision("ViTModel"))
    network.training(False)
    batch = Batch(image(ROWS))
    network.features(batch, Pooling("first"))  # where it is seen to hold
    widths = Widths(network.backbone)
    network.features(batch, Pooling("first"))
    assert sorted(widths.seen, reverse=True) == [17, 17, 17, 1, 1, 1, 1, 1, 1]  # queries, keys, values; then all six
    widths.seen.clear()
    network.features(batch, Pooling("mean"))
    assert widths.seen == [17] * 6


def test_padding_on_the_left_and_rows_of_one_token() -> None:
    network = Network(text("LlamaModel"))
    network.training(False)
    for mask in ([[0, 0, 1, 1], [1, 1, 1, 1]], [[1], [1]], [[1, 0, 0], [1, 1, 1]]):
        seen = torch.tensor(mask)
        batch = Batch({"input_ids": torch.randint(3, 50, seen.shape), "attention_mask": seen})
        narrow, plain = compared(network, batch, "last")
        torch.testing.assert_close(narrow, plain, rtol=1e-5, atol=1e-5)
    assert network._narrow == {("last", False): True}


def test_dropout_is_as_it_was_after_the_first_look() -> None:
    network = Network(text("BertModel").requires_grad_(True))
    network.training(True)
    batch = Batch(tokens(ROWS))
    state = torch.random.get_rng_state()
    modes = [module.training for module in network.backbone.modules()]
    network._narrows(batch, Pooling("first"), None)
    assert [module.training for module in network.backbone.modules()] == modes and any(modes)
    assert torch.equal(torch.random.get_rng_state(), state), "a look costs no random numbers"


def test_plain_products_in_the_place_of_pytorchs_attention_are_left_alone() -> None:
    model = text("BertModel")
    model.set_attn_implementation("eager")
    network = Network(model)
    network.training(False)
    narrow, plain = compared(network, Batch(tokens(ROWS)), "first")
    assert torch.equal(narrow, plain) and network._narrow == {("first", False): False}


def test_a_net_without_blocks_is_run_as_it_is() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(3, 5)

        def forward(self, values: torch.Tensor) -> object:
            return type("Out", (), {"last_hidden_state": self.one(values)})

    network = Network(Plain().requires_grad_(False))
    narrow, plain = compared(network, Batch({"values": torch.ones(2, 4, 3)}), "first")
    np.testing.assert_array_equal(narrow.numpy(), plain.numpy())


def test_where_later_rows_attend_in_another_way_the_plain_model_goes_on() -> None:
    network = Network(text("BertModel"))
    network.training(False)
    batch = Batch(tokens(ROWS))
    compared(network, batch, "first")
    assert network._narrow == {("first", False): True}
    network.backbone.set_attn_implementation("eager")
    narrow, plain = compared(network, batch, "first")
    assert torch.equal(narrow, plain) and network._narrow == {("first", False): False}
