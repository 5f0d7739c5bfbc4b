"""Methods on nets of convolutions: what they reach, and that adapters come back as they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES
from torch import nn
from toy import method_named

from ftkit.errors import InputError
from ftkit.features.batch import Batch
from ftkit.features.network import Network
from ftkit.methods import _peft
from ftkit.models.architecture import blocks, convolutions

NETS = ["ConvNext", "ResNet", "MobileViT", "MobileNetV2", "Swin"]


@pytest.mark.parametrize("name", NETS)
def test_every_block_is_adapted_and_no_depthwise_convolution_is(name: str) -> None:
    model = ARCHITECTURES[name].build()
    stack = blocks(model)
    found = _peft.targets(model, "all", [])
    assert {name.removeprefix(f"{stack.name}.").partition(".")[0] for name in found} == {
        str(number) for number in range(len(stack.modules))
    }
    for target in found:
        module = model.get_submodule(target)
        assert isinstance(module, nn.Linear | nn.Conv2d) and getattr(module, "groups", 1) == 1


def test_linear_modules_go_before_convolutions() -> None:
    convnext = ARCHITECTURES["ConvNext"].build()
    assert all(isinstance(convnext.get_submodule(name), nn.Linear) for name in _peft.targets(convnext, "all", []))
    net = ARCHITECTURES["MobileNetV2"].build()
    assert all(isinstance(net.get_submodule(name), nn.Conv2d) for name in _peft.targets(net, "last 3", []))
    assert any(one.groups > 1 for one in net.modules() if isinstance(one, nn.Conv2d)), "there is something to leave out"
    assert not [name for name in convolutions(net) if net.get_submodule(name).groups > 1]


def test_longer_names_tell_equal_ends_apart() -> None:
    net = ARCHITECTURES["MobileNetV2"].build()
    found = _peft.targets(net, "last 2", ["expand_1x1.convolution"])
    assert len(found) == 2 and all(name.endswith("expand_1x1.convolution") for name in found)
    with pytest.raises(InputError, match="no 'convolutoin' in the chosen blocks"):
        _peft.targets(net, "last 2", ["convolutoin"])


PADDED = replace(ARCHITECTURES["MobileNetV2"], fields={**ARCHITECTURES["MobileNetV2"].fields, "tf_padding": True})
"""as checkpoints of MobileNet are: its layers ask their convolutions for stride and size"""


@pytest.mark.parametrize("name", [*NETS, "padded"])
@pytest.mark.parametrize("method", ["lora", "ia3", "freeze", "full"])
def test_what_is_saved_comes_back(name: str, method: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = PADDED if name == "padded" else ARCHITECTURES[name]
    inputs = architecture.inputs(3)
    one = method_named(method, **({"layers": "last 2"} if method in ("lora", "ia3") else {}))
    network = Network(one.apply(architecture.build()))
    network.training(True)
    buffers = {key: value.clone() for key, value in network.backbone.named_buffers()}
    for parameter in network.trainable().values():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    with torch.no_grad():
        network(Batch(inputs))
        network.training(False)
        expected = network(Batch(inputs))
        plain = Network(architecture.build())
        plain.training(False)
        assert not torch.allclose(plain(Batch(inputs)), expected, atol=1e-3)
    assert all(torch.equal(value, buffers[key]) for key, value in network.backbone.named_buffers()), "BatchNorm moved"
    one.save(network.backbone, tmp_path)
    restored = Network(one.restore(architecture.build(), tmp_path).eval())
    with torch.no_grad():
        np.testing.assert_allclose(restored(Batch(inputs)), expected, atol=1e-5)
