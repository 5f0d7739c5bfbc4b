"""Rows of several members in one pass: each row is computed with the trainable weights of its own member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import nn

from ftkit.errors import FtkitError
from ftkit.features.batch import Batch
from ftkit.features.network import Network
from ftkit.features.pooling import Pooling


class CannotMix(FtkitError):
    """A trainable weight is used in another way than as a linear map of single rows."""


def can_mix(network: Network) -> bool:
    """Whether every trainable weight is that of a linear module, as the factors of LoRA are."""
    return all(isinstance(_module(network, name), nn.Linear) for name in network.trainable())


def mixed(
    network: Network, batch: Batch, weights: Mapping[str, torch.Tensor], member: torch.Tensor, pooling: Pooling
) -> torch.Tensor:
    """Features of rows of several members, (rows, width) or as the pooling gives them.

    `weights` holds each trainable weight of all members, (members, …); `member` says whose each row is, (rows,).
    Raises CannotMix for a model in which a module with trainable weights is not given one entry for each row.
    """
    if batch.frames is not None:
        member = member.repeat_interleave(batch.frames.to(member.device))
    with _each_its_own(network, weights, member):
        return network.features(batch, pooling)


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
    if not len(input) or len(input) % len(member) or input.ndim < 2:
        raise CannotMix("a module with trainable weights is not given as many entries for one row as for another")
    assert isinstance(module, nn.Linear)
    if len(input) > len(member):  # channels of a series, or windows of a picture, in the place of rows
        member = member.repeat_interleave(len(input) // len(member))
    flat = input.reshape(len(input), -1, input.shape[-1])
    # index_select, because its gradient is added row by row at once
    out = flat @ module.weight.T if weight is None else torch.bmm(flat, weight.index_select(0, member).transpose(1, 2))
    if bias is not None:
        out = out + bias.index_select(0, member)[:, None]
    elif module.bias is not None:
        out = out + module.bias
    return out.reshape(*input.shape[:-1], out.shape[-1])


def mixed_head(features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, member: np.ndarray) -> torch.Tensor:
    """(rows, width) → (rows, labels); weight (members, labels, width), bias (members, labels), `member` (rows,).

    A member's rows are put side by side, so that its weights are read once. Of rows of tokens, each token is one.
    """
    if not len(member):  # rows of tokens none of which the base is shown
        return features @ weight[0].T
    here, place, counts = np.unique(member, return_inverse=True, return_counts=True)
    whole = len(here) == len(weight)
    chosen = torch.from_numpy(here).to(features.device)
    if not whole:
        weight, bias = weight.index_select(0, chosen), bias.index_select(0, chosen)
    most = int(counts.max())
    order = np.argsort(place, kind="stable")
    rank = np.empty(len(member), dtype=np.int64)
    rank[order] = np.arange(len(member)) - np.repeat(np.cumsum(counts) - counts, counts)
    slot = torch.from_numpy(place * most + rank).to(features.device)
    spread = features.new_zeros(len(here) * most, features.shape[1]).index_copy(0, slot, features)
    logits = torch.baddbmm(bias[:, None], spread.view(len(here), most, -1), weight.transpose(1, 2))
    return logits.flatten(0, 1).index_select(0, slot)


def _module(network: Network, name: str) -> nn.Module:
    return network.backbone.get_submodule(name.rpartition(".")[0])
