"""Where a model is cut, what falls back and why, and what a resumed pass leaves out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from architectures import ARCHITECTURES, SEQ2SEQ, TEXT, Inputs, tokens
from torch import nn

from ftkit import registry
from ftkit.bases import Base
from ftkit.features.batch import Batch
from ftkit.features.blank import Blank
from ftkit.features.cut import CannotResume
from ftkit.features.network import Network
from ftkit.models.architecture import blocks, frozen_depth, linears


def cut_at(depth: int, name: str = "Bert") -> Network:
    """A model of three blocks that train from `depth` on."""
    model = ARCHITECTURES[name].build()
    for block in blocks(model).modules[depth:]:
        block.requires_grad_(True)
    return Network(model)


# ---- where the cut is ----


@pytest.mark.parametrize(
    ("method", "fields", "depth"),
    [
        ("head", {}, 3),
        ("full", {}, 0),
        ("freeze", {"last": 1}, 2),
        ("freeze", {"last": 3}, 0),
        ("lora", {"layers": "last 1"}, 2),
        ("lora", {"layers": [1]}, 1),
        ("lora", {"layers": "all"}, 0),
        ("ia3", {"layers": "last 2"}, 1),
    ],
)
def test_the_depth_of_every_method(method: str, fields: dict[str, Any], depth: int) -> None:
    made = registry.load("methods", method)(name=method, **fields)
    assert frozen_depth(made.apply(ARCHITECTURES["Bert"].build())) == depth


def test_what_trains_outside_the_blocks_counts_where_it_stands() -> None:
    model: Any = ARCHITECTURES["Llama"].build()
    assert frozen_depth(model) == 3
    model.norm.requires_grad_(True)
    assert frozen_depth(model) == 3
    model.layers[1].requires_grad_(True)
    assert frozen_depth(model) == 1
    model.embed_tokens.requires_grad_(True)
    assert frozen_depth(model) == 0
    assert frozen_depth(nn.Linear(2, 2)) == 0


def test_a_final_norm_alone_trains_from_the_last_block_on() -> None:
    model: Any = ARCHITECTURES["Llama"].build()
    model.norm.requires_grad_(True)
    network, inputs = Network(model), tokens(3)
    assert network.depth == 2 and network.doubt(inputs) == ""
    network.training(True)
    assert not any(module.training for module in model.modules())  # no block trains
    network(Batch(inputs, network.entering(inputs))).sum().backward()
    assert model.norm.weight.grad.abs().sum() > 0


def test_the_stack_holds_most_weights_and_is_no_list_inside_a_block() -> None:
    assert blocks(ARCHITECTURES["Swin"].build()).name == "encoder.layers"  # its stages have longer lists
    assert blocks(ARCHITECTURES["Wav2Vec2"].build()).name == "encoder.layers"  # convolutions are a list, too
    assert len(blocks(ARCHITECTURES["MobileViT"].build()).modules) == 5  # of two classes
    assert len(linears(ARCHITECTURES["GPT2"].build())) == 3 * 4


@pytest.mark.parametrize("kind", ["Marian", "T5", "Bart"])
def test_an_encoder_decoder_gives_its_encoder(kind: str, tmp_path: Path) -> None:
    fields = {**SEQ2SEQ, "num_layers": 3, "num_heads": 2, "d_kv": 8, "d_ff": 24}
    getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**fields)).save_pretrained(tmp_path)
    model = registry.load("tasks", "text_classification")(name="text_classification").load(
        Base("toy", tmp_path, "local", "", "folder")
    )
    model.requires_grad_(False)
    blocks(model).modules[2].requires_grad_(True)
    network = Network(model)
    assert network.depth == 2 and network.doubt(tokens(3)) == ""


# ---- where no cut holds ----


class Odd(nn.Module):
    """Three blocks of a linear module each, and one thing about them that is odd."""

    def __init__(self, odd: str) -> None:
        super().__init__()
        self.odd = odd
        self.layers = nn.ModuleList(_Step() for _ in range(3))
        self.scale = nn.ParameterList([nn.Parameter(torch.ones(1), requires_grad=odd == "trains below")])
        self.layers[2].requires_grad_(True)

    def forward(self, values: torch.Tensor) -> SimpleNamespace:
        state = values + torch.rand_like(values) if self.odd == "random" else values * self.scale[0]
        state = state.transpose(0, 1) if self.odd == "positions first" else state
        first = state = self.layers[0](state)
        state = self.layers[1](state)
        if self.odd == "looks" and state.sum() > 1e9:
            state = state * 2
        if self.odd != "left out":
            state = self.layers[2]({"state": state} if self.odd == "no tensor" else state)
        for extra in {"skips over": [first], "looks down": [values]}.get(self.odd, []):
            state = state + extra
        state = self.layers[2](state) if self.odd == "repeats" else state
        return SimpleNamespace(last_hidden_state=state.transpose(0, 1) if self.odd == "positions first" else state)


class _Step(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4).requires_grad_(False)

    def forward(self, state: Any) -> torch.Tensor:
        return torch.tanh(self.linear(state["state"] if isinstance(state, dict) else state))


ODD = {
    "repeats": "2 times",
    "left out": "0 times",
    "no tensor": "0 times",
    "trains below": "trains as well",
    "positions first": "not one entry for each row",
    "random": "differs from pass to pass",
    "skips over": "by another way",
    "looks down": "by another way",
    "looks": "cannot go on from there",
}


@pytest.mark.parametrize("odd", ODD)
def test_what_does_not_hold_is_found_and_said(odd: str) -> None:
    network = Network(Odd(odd))
    inputs = {"values": torch.randn(5, 3, 4)}
    assert network.depth == 2
    assert ODD[odd] in network.doubt(inputs)
    entering, hidden = network.capture(inputs)
    assert hidden.shape == (5, 3, 4)
    assert (entering is None) == (odd not in ("random", "skips over", "looks down", "looks"))


def test_the_same_model_without_anything_odd_is_not_doubted() -> None:
    assert Network(Odd("")).doubt({"values": torch.randn(5, 3, 4)}) == ""


def test_blocks_that_run_again_and_again() -> None:
    fields = {**TEXT, "embedding_size": 8, "num_hidden_layers": 4, "num_hidden_groups": 2}
    model = transformers.AlbertModel(transformers.AlbertConfig(**fields)).requires_grad_(False)
    blocks(model).modules[1].requires_grad_(True)
    network = Network(model)
    assert network.depth == 1 and "2 times" in network.doubt(tokens(3))


def test_weights_below_that_are_registered_above() -> None:
    model: Any = ARCHITECTURES["DebertaV2"].build()
    model.encoder.layer[2].requires_grad_(True)
    model.encoder.rel_embeddings.requires_grad_(True)  # registered after the blocks, which all hear it
    assert "trains as well" in Network(model).doubt(tokens(3))


def test_padding_on_the_left_is_not_taken_for_rows() -> None:
    network, inputs = cut_at(2), tokens(3)
    flipped = {key: value.flip(1) for key, value in inputs.items()}
    assert "error of" in network.doubt(flipped)


def test_nothing_is_cut_where_nothing_could_be_saved() -> None:
    for network in (cut_at(0), cut_at(3)):
        assert network.entering(tokens(3)) is None and network.capture(tokens(3))[0] is None
        assert network.doubt(tokens(3)) == "nothing is cut"
        with pytest.raises(CannotResume):
            network(Batch(tokens(3), torch.zeros(3, 4, 16)))


def test_a_prefix_of_other_rows_is_refused() -> None:
    network, inputs = cut_at(2), tokens(3)
    entering = network.entering(inputs)
    assert entering is not None
    with pytest.raises(CannotResume, match="is due"):
        network(Batch(inputs, entering[:, :-1]))
    assert network.doubt(inputs) == ""  # nothing of a failed pass stays behind


# ---- what a resumed pass leaves out ----


def test_inputs_need_no_numbers_once_the_prefix_is_there() -> None:
    architecture = ARCHITECTURES["Wav2Vec2"]
    network, inputs = cut_at(1, "Wav2Vec2"), architecture.inputs(3)
    network.training(False)
    entering, hidden = network.capture(inputs)
    silent: Inputs = {**inputs, "input_values": Blank.like(inputs["input_values"])}
    torch.testing.assert_close(network(Batch(silent, entering)), hidden)


@pytest.mark.parametrize("name", ["Bert", "T5", "ViT", "MobileNetV2"])
def test_frozen_blocks_compute_nothing_and_leave_nothing_to_autograd(name: str) -> None:
    depth = ARCHITECTURES[name].blocks - 1
    network, inputs = cut_at(depth, name), ARCHITECTURES[name].inputs(3)
    entering, _ = network.capture(inputs)
    ran: list[str] = []
    for module in [one for block in network.blocks[:depth] for one in block.modules() if not list(one.children())]:
        module.register_forward_hook(
            lambda *call: ran.append(str(call[0])) if type(call[2]) is torch.Tensor and call[2].ndim > 2 else None
        )
    below = {p.data_ptr() for block in network.blocks[:depth] for p in block.parameters()}
    saved: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):  # type: ignore[func-returns-value]
        network(Batch(inputs, entering))
    resumed = sum(one.numel() for one in saved)
    assert saved and not any(isinstance(one, Blank) or one.data_ptr() in below for one in saved)
    assert [one for one in ran if "Embedding" not in one] == []  # T5's first block makes the position bias of all
    ran.clear()
    saved.clear()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):  # type: ignore[func-returns-value]
        network(Batch(inputs))
    assert ran and resumed <= sum(one.numel() for one in saved)


@pytest.mark.parametrize("name", ["Bert", "Mixtral", "Swin"])
def test_a_network_goes_on_from_what_another_has_captured(name: str) -> None:
    inputs = ARCHITECTURES[name].inputs(3)
    entering, hidden = cut_at(2, name).capture(inputs)
    torch.testing.assert_close(cut_at(2, name)(Batch(inputs, entering)), hidden)


def test_what_enters_is_had_without_running_what_is_above() -> None:
    network, inputs = cut_at(1), tokens(3)
    ran: list[int] = []
    for number, block in enumerate(network.blocks):
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
    entering, _ = network.capture(inputs)
    assert ran == [0, 1, 2]
    first = network.entering(inputs)
    assert ran == [0, 1, 2, 0]
    assert entering is not None and first is not None and torch.equal(entering, first)


# ---- weights and modes ----


def test_weights_stand_in_for_the_models_own_in_every_place() -> None:
    model: Any = Odd("")
    model.layers[2].linear.weight = model.layers[1].linear.weight  # tied
    model.layers[1].linear.weight.requires_grad_(True)
    network, inputs = Network(model), {"values": torch.randn(5, 3, 4)}
    before = network(Batch(inputs))
    other = {name: torch.randn_like(p) for name, p in network.trainable().items()}
    swapped = network(Batch(inputs), other)
    assert torch.equal(network(Batch(inputs)), before)
    with torch.no_grad():
        for name, p in network.trainable().items():
            p.copy_(other[name])
    assert torch.equal(network(Batch(inputs)), swapped) and not torch.equal(swapped, before)


def test_frozen_blocks_keep_dropout_off_while_training() -> None:
    network = cut_at(2)
    network.training(True)
    assert [block.training for block in network.blocks] == [False, False, True]
    assert not network.backbone.get_submodule("embeddings").training
    network.training(False)
    assert not any(module.training for module in network.backbone.modules())


def test_batch_norm_never_trains() -> None:
    network = Network(ARCHITECTURES["ResNet"].build().requires_grad_(True))
    network.training(True)
    kinds = {module.training for module in network.backbone.modules() if isinstance(module, nn.BatchNorm2d)}
    assert kinds == {False} and network.backbone.training


def test_positions_of_sound_are_counted_in_frames() -> None:
    network, inputs = cut_at(1, "Wav2Vec2"), ARCHITECTURES["Wav2Vec2"].inputs(3)
    entering, hidden = network.capture(inputs)
    assert entering is not None
    lengths, mask = network.lengths(Batch(inputs), entering), network.mask(inputs, hidden)
    assert lengths is not None and mask is not None
    assert lengths.tolist() == mask.sum(1).tolist() == [6, 9, 11]  # of 60, 80, 100 samples
    pictures = ARCHITECTURES["ViT"].inputs(2)
    seen, _ = cut_at(1, "ViT").capture(pictures)
    assert seen is not None and network.lengths(Batch(pictures), seen) is None
