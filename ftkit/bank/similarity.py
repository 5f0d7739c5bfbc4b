"""How alike the adapters of a bank are: a map of two dimensions, by principal components of what each one changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ftkit.bank import shards
from ftkit.bank.folder import BankFolder
from ftkit.bank.records import PROMOTED, Outcome

MOST, LEAST = 200, 3
"""groups on a map, at most and at least"""
SEED = 0
"""draws them where there are more"""
INWARD, OUTWARD = "lora_A", "lora_B"
"""factors of a low-rank product, by a part of their names"""


@dataclass(frozen=True, eq=False)
class Map:
    """Where groups stand."""

    groups: tuple[Outcome, ...]
    of: int
    """groups that use an adapter of their own"""
    places: np.ndarray
    """(groups, 2)"""
    shares: tuple[float, float]
    """of the variance among the adapters that each axis shows"""


def map_of(folder: BankFolder, outcomes: Sequence[Outcome], scale: float) -> Map | None:
    """The map of the groups that use their own adapters; None where they are too few, or all the same.

    An adapter counts as the change that it makes: its head, and for low-rank factors their product times `scale`, so
    that factors which differ but come to the same stand at one place. What is relative to the general adapter differs
    from what is not by one vector, the same for all, which principal components take away.
    """
    used = sorted((one for one in outcomes if one.outcome == PROMOTED), key=lambda one: one.record.key)
    some = [used[i] for i in sorted(np.random.default_rng(SEED).permutation(len(used))[:MOST])]
    if len(some) < LEAST:
        return None
    adapters = [_adapter(folder, one) for one in some]
    found = components(products(adapters, scale))
    return None if found is None else Map(tuple(some), len(used), *found)


def _adapter(folder: BankFolder, one: Outcome) -> dict[str, torch.Tensor]:
    assert one.record.place is not None
    return shards.Shard(shards.path_of(folder.shards, one.shard), one.shard, "", ()).adapter(one.record.place)


def products(adapters: Sequence[Mapping[str, torch.Tensor]], scale: float) -> np.ndarray:
    """(groups, groups) float64 inner products of the adapters' changes.

    Those of two low-rank products follow from the factors, <BA, DC> = sum of (BᵀD) ∘ (ACᵀ), without either product.
    """
    total = torch.zeros(len(adapters), len(adapters), dtype=torch.float64)
    for name in adapters[0]:
        each = torch.stack([one[name].flatten(1) if one[name].ndim > 1 else one[name][None] for one in adapters])
        other = name.replace(INWARD, OUTWARD)
        if other != name and other in adapters[0]:
            outward = torch.stack([one[other].flatten(1) for one in adapters]).double()
            inward = each.double()
            for i in range(len(adapters)):
                met = torch.einsum("or,nos->nrs", outward[i], outward) * torch.einsum("ri,nsi->nrs", inward[i], inward)
                total[i] += scale**2 * met.sum((1, 2))
        elif OUTWARD not in name or name.replace(OUTWARD, INWARD) not in adapters[0]:
            flat = each.flatten(1).double()
            total += flat @ flat.T
    found: np.ndarray = total.numpy()
    return found


def components(inner: np.ndarray) -> tuple[np.ndarray, tuple[float, float]] | None:
    """(groups, 2) places on the first two principal axes and the shares of the variance on them; None without any.

    Of each axis, the group that is farthest out stands on its positive side.
    """
    centred = inner - inner.mean(0) - inner.mean(1)[:, None] + inner.mean()
    values, vectors = np.linalg.eigh(centred)
    values, vectors = np.clip(values[::-1], 0.0, None), vectors[:, ::-1]
    if values[0] <= 1e-12 * max(1.0, float(np.abs(inner).max())):
        return None
    places = vectors[:, :2] * np.sqrt(values[:2])
    places *= np.where(places[np.abs(places).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return places, (float(values[0] / values.sum()), float(values[1] / values.sum()))
