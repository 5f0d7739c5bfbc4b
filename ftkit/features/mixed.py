"""Rows of several members in one pass: each row is computed with the trainable weights of its own member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from ftkit.errors import FtkitError
from ftkit.features.network import Batch, Network


class CannotMix(FtkitError):
    """A trainable weight is used in another way than as a linear map of single rows."""


def can_mix(network: Network) -> bool:
    """Whether every trainable weight is that of a linear module, as the factors of LoRA are."""
    return all(isinstance(_module(network, name), nn.Linear) for name in network.trainable())


def mixed(network: Network, batch: Batch, weights: Mapping[str, torch.Tensor], member: torch.Tensor) -> torch.Tensor:
    """Last hidden states (rows, positions, width) of rows of several members.

    `weights` holds each trainable weight of all members, (members, …); `member` says whose each row is, (rows,).
    Raises CannotMix for a model in which a module with trainable weights is not given one entry for each row.
    """
    with _each_its_own(network, weights, member):
        return network(batch)


@contextmanager
def _each_its_own(network: Network, weights: Mapping[str, torch.Tensor], member: torch.Tensor) -> Iterator[None]:
    by_module: dict[str, dict[str, torch.Tensor]] = {}
    for name in network.trainable():
        place, _, kind = name.rpartition(".")
        by_module.setdefault(place, {})[kind] = weights[name]
    modules = {place: network.backbone.get_submodule(place) for place in by_module}
    for place, module in modules.items():
        own = by_module[place]
        module.forward = partial(_linear, module, own.get("weight"), own.get("bias"), member)
    try:
        yield
    finally:
        for module in modules.values():
            del module.forward  # the class has one


def _linear(
    module: nn.Module,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    member: torch.Tensor,
    input: torch.Tensor,
) -> torch.Tensor:
    """(rows, …, inputs) → (rows, …, outputs); weight (members, outputs, inputs), bias (members, outputs)."""
    if len(input) != len(member) or input.ndim < 2:
        raise CannotMix("a module with trainable weights is not given one entry for each row")
    assert isinstance(module, nn.Linear)
    flat = input.reshape(len(input), -1, input.shape[-1])
    each = module.weight.expand(len(input), -1, -1) if weight is None else weight[member]
    out = torch.bmm(flat, each.transpose(1, 2))
    if bias is not None:
        out = out + bias[member][:, None]
    elif module.bias is not None:
        out = out + module.bias
    return out.reshape(*input.shape[:-1], out.shape[-1])


def _module(network: Network, name: str) -> nn.Module:
    return network.backbone.get_submodule(name.rpartition(".")[0])
