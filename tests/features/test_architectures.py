"""The contract of the frozen prefix, over every architecture: what is cached stands for the plain model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from architectures import ARCHITECTURES, Architecture, Inputs, image, tokens
from peft import LoraConfig, get_peft_model
from torch import nn

from ftkit import bases
from ftkit.features.batch import Batch
from ftkit.features.network import Network
from ftkit.features.pooling import Pooling
from ftkit.models.architecture import blocks, linears

ROWS = 4
DEEP = 6  # cuts
EVERY = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)


def cuts(model: nn.Module) -> Iterator[Network]:
    """The model cut below each of its blocks but the first, in eval mode."""
    stack = blocks(model).modules
    for block in reversed(stack[1:]):
        block.requires_grad_(True)
        network = Network(model)
        network.training(False)
        yield network


def adapted(model: nn.Module, depth: int) -> Network:
    """LoRA, through plain peft, on the linear modules and convolutions of the blocks from `depth` on."""
    stack = blocks(model)
    inside = tuple(f"{stack.name}.{number}." for number in range(depth, len(stack.modules)))
    known = {*linears(model), *(name for name, module in model.named_modules() if _plain_convolution(module))}
    config = LoraConfig(r=2, target_modules=sorted(name for name in known if name.startswith(inside)))
    config.init_lora_weights = False  # random, so that both factors have a gradient
    return Network(get_peft_model(model, config))


def _plain_convolution(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups == 1


def kept(network: Network, inputs: Inputs) -> list[torch.Tensor]:
    """What enters the cut, row by row and without padding: what a cache stores."""
    entering = network.entering(inputs)
    assert entering is not None
    lengths = network.lengths(Batch(inputs), entering)
    return [row if lengths is None else row[: lengths[i]].clone() for i, row in enumerate(entering)]


def padded(rows: list[torch.Tensor]) -> torch.Tensor:
    """One batch of them again, zeros where a row is shorter than the longest."""
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def shorter(inputs: Inputs, rows: list[int]) -> Inputs:
    """Other batches of the same rows: padding that all of them share is gone."""
    taken = {key: value[rows] for key, value in inputs.items()}
    if (mask := taken.get("attention_mask")) is None:
        return taken
    return {key: value[:, : int(mask.sum(1).max())] for key, value in taken.items()}


def off(network: Network, inputs: Inputs, prefix: torch.Tensor) -> float:
    """Largest error at a real position, relative to the largest hidden state."""
    plain, again = network(Batch(inputs)), network(Batch(inputs, prefix))
    mask = network.mask(inputs, plain)
    real = torch.ones(plain.shape[:2], dtype=torch.bool) if mask is None else mask.bool()
    return float((again - plain)[real].abs().max() / plain[real].abs().max())


@EVERY
@torch.no_grad()
def test_what_is_cached_stands_for_the_plain_model_at_every_cut(architecture: Architecture) -> None:
    model = architecture.build()
    inputs = architecture.inputs(ROWS)
    few = [2, 0]
    seen = 0
    for network in cuts(model):
        assert network.doubt(inputs) == ""
        entering, _ = network.capture(inputs)
        assert entering is not None and not entering.requires_grad
        assert off(network, inputs, entering) < 1e-5
        assert off(network, inputs, entering.flip(0)) > 1e-2  # other rows would be noticed
        rows = kept(network, inputs)
        assert off(network, inputs, padded(rows)) < 1e-5
        assert off(network, shorter(inputs, few), padded([rows[i] for i in few])) < 1e-5
        seen += 1
    assert seen == architecture.blocks - 1


@EVERY
@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning")  # GPT-2; peft sets it right
def test_adapters_get_the_gradients_of_the_plain_model_at_every_cut(architecture: Architecture) -> None:
    """Of a deep one at the first, the middle and the last; the slow tests look at all of its cuts."""
    every = range(1, architecture.blocks)
    gradients_are_equal(architecture, every if len(every) < DEEP else (every[0], every[len(every) // 2], every[-1]))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [one for one in ARCHITECTURES.values() if one.blocks > DEEP])
def test_adapters_of_deep_models_get_the_gradients_at_every_cut(architecture: Architecture) -> None:
    gradients_are_equal(architecture, range(1, architecture.blocks))


def gradients_are_equal(architecture: Architecture, depths: Iterable[int]) -> None:
    """With what enters a cut taken from the cache, and with the plain model."""
    for depth in depths:
        network = adapted(architecture.build(), depth)
        assert network.depth == depth
        inputs = architecture.inputs(ROWS)
        prefix = padded(kept(network, inputs))
        weights = {name: nn.Parameter(p.detach().clone()) for name, p in network.trainable().items()}
        network.training(True)
        gradients = []
        for given in (None, prefix):
            torch.manual_seed(1)  # the same dropout
            hidden = network(Batch(inputs, given), weights)
            loss = Pooling("mean")(hidden, network.mask(inputs, hidden)).square().sum()
            gradients.append(torch.autograd.grad(loss, list(weights.values())))
        largest = max(float(one.abs().max()) for one in gradients[0])
        assert largest > 0
        for plain, again in zip(*gradients, strict=True):
            assert float((plain - again).abs().max()) < 1e-5 * largest


@EVERY
@torch.no_grad()
def test_a_head_alone_has_features_of_every_architecture(architecture: Architecture) -> None:
    network = Network(architecture.build())
    assert network.depth == len(network.blocks) == architecture.blocks
    inputs = architecture.inputs(ROWS)
    entering, hidden = network.capture(inputs)
    assert entering is None
    features = Pooling("mean")(hidden, network.mask(inputs, hidden))
    assert features.ndim == 2 and len(features) == ROWS
    assert np.linalg.matrix_rank(features.numpy()) == ROWS


def test_the_table_holds_every_architecture() -> None:
    assert len(ARCHITECTURES) == 32
    assert sum(one.blocks - 1 for one in ARCHITECTURES.values()) == 79  # cuts


# ---- real checkpoints, the slow tier ----


def _ids(rows: int) -> Inputs:
    inputs = tokens(rows)
    return inputs | {"input_ids": inputs["input_ids"] * 7}


REAL: dict[str, Callable[[int], Inputs]] = {
    "vit-tiny-patch16-224": lambda rows: image(rows, 224),
    "mobilenet-v2-1.0-224": lambda rows: image(rows, 224),
    "mobilenet-v2-0.35-224-backbone": lambda rows: image(rows, 224),
    "whisper-tiny.en-encoder": lambda rows: {"input_features": torch.randn(rows // 2, 80, 3000)},  # half a minute each
    "patchtst-ettm1-pretrain": lambda rows: {"past_values": torch.randn(rows, 720, 7)},
    "stories260k-llama": _ids,
    "minilm": _ids,
    "ttm-r2-512-96": lambda rows: {},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@torch.no_grad()
def test_real_checkpoints_resume_at_every_cut(name: str, shared: Path) -> None:
    if name.startswith("ttm"):
        pytest.skip("TinyTimeMixer is no class of transformers; granite-tsfm pins transformers<5")
    folder = bases.resolve("minilm").folder if name == "minilm" else shared / "models" / name
    kind = transformers.AutoModelForAudioClassification if "encoder" in name else transformers.AutoModel
    options = {"do_mask_input": False} if "patchtst" in name else {}  # see the next test
    model: Any = kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True, **options)
    model = (model.encoder if "whisper" in name else model).eval().requires_grad_(False)
    inputs = REAL[name](2)
    for network in cuts(model):
        assert network.doubt(inputs) == ""
        rows = kept(network, inputs)
        assert off(network, inputs, padded(rows)) < 1e-5
        assert off(network, shorter(inputs, [0]), padded(rows[:1])) < 1e-5


@pytest.mark.slow
@torch.no_grad()
def test_a_checkpoint_that_hides_patches_at_random_is_not_cached(shared: Path) -> None:
    model = transformers.AutoModel.from_pretrained(shared / "models" / "patchtst-ettm1-pretrain", local_files_only=True)
    network = next(cuts(model.eval().requires_grad_(False)))
    assert "differs from pass to pass" in network.doubt(REAL["patchtst-ettm1-pretrain"](2))
