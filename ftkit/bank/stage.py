"""What all groups of a bank share: the base, read once, and the general adapters that they start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ftkit import bank, runs
from ftkit.bank.measuring import Measure
from ftkit.errors import InputError
from ftkit.features.examples import Examples, Features
from ftkit.features.network import Network
from ftkit.features.pooling import Pooling
from ftkit.models.assembly import Finished, Loaded, causal, device, finished, loaded
from ftkit.models.delivery import read_head

if TYPE_CHECKING:
    from ftkit.features.cache import Cache
    from ftkit.features.scale import Scale
    from ftkit.recipe import Recipe

FINAL = -1
"""stands for the general adapter that was trained on every fold"""
WEIGHT, BIAS = "head.weight", "head.bias"


@dataclass(frozen=True)
class Start:
    """A general adapter with its head."""

    pooling: Pooling
    weights: Mapping[str, torch.Tensor]
    """by name as `Member.named` has them, head included"""
    labels: tuple[str, ...]
    scale: Scale | None = None
    """of the numbers that are predicted; None for labels"""


@dataclass(frozen=True)
class Stage:
    """A base with a method's weights attached, and the general adapters to put into them."""

    recipe: Recipe
    """of the general run, everything decided"""
    one: Finished
    network: Network
    processor: Any
    starts: Mapping[int, Start]
    """by the fold that it has not seen; `FINAL`: has seen all"""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of scores."""
        return self.starts[FINAL].labels

    @property
    def measure(self) -> Measure:
        """What groups are judged by."""
        return Measure.of(self.recipe, self.labels)

    def read(
        self, examples: Examples, positions: np.ndarray, cache: Cache | None, seen: Callable[[int], None]
    ) -> dict[Pooling, np.ndarray]:
        """Put rows through what no group changes, once; returns features where a head alone is trained."""
        poolings = () if self.network.trainable() else tuple(dict.fromkeys(one.pooling for one in self.starts.values()))
        features = Features(self.network, examples, poolings, cache)
        features.read(positions, seen)
        examples.prefix = features.prefix
        return features.pooled


def open_stage(general: Path, folds: bool = True, unseen: Iterable[int] = ()) -> Stage:
    """Load the base of a finished general run, its adapter, and with `folds` those of its folds.

    A run that has seen none of the rows needs no such adapters: its own stands for the folds `unseen`.
    Raises InputError where the run lacks them.
    """
    one = finished(general)
    base = loaded(one)
    method = one.recipe.method
    backbone = method.apply(_beside(base, method.peft).backbone).to(device())
    network = Network(backbone, causal(backbone))
    network.origin = base.origin
    places = {FINAL: general / runs.ADAPTER}
    if folds:
        found = sorted((general / runs.FOLDS).glob("*"), key=lambda path: int(path.name))
        places |= {fold: general / runs.ADAPTER for fold in unseen if not found}
        if not found and len(places) == 1:
            raise InputError(f"{general}: holds no adapters of its folds", "ftkit adapt makes a run that does")
        places |= {int(path.name): path for path in found}
    starts = {fold: _start(one, base, network, folder) for fold, folder in places.items()}
    starts[FINAL] = at_scale(starts[FINAL], scale_of(general))
    return Stage(one.recipe, one, network, base.processor, starts)


def _beside(base: Loaded, adds: bool) -> Loaded:
    """The base for one more adapter: around the same weights where it only adds to them."""
    return base.twin() if adds else base.copy()


def scale_of(general: Path) -> Scale | None:
    """Mean and sd of the numbers that a bank predicts: those of its first general adapter; None for labels.

    Adapters of several generations are in service side by side, so that all of them count from the same mean.
    """
    first = general.with_name(bank.GENERAL) / runs.ADAPTER
    return read_head(first if first.is_dir() else general / runs.ADAPTER).scale


def at_scale(start: Start, scale: Scale | None) -> Start:
    """The same adapter with a head that gives its numbers at another scale."""
    if scale is None or start.scale is None or scale.same(start.scale):
        return start
    like = start.weights[WEIGHT]
    weight, bias = (start.weights[name].cpu().numpy() for name in (WEIGHT, BIAS))
    moved = start.scale.moved(weight, bias, scale)
    weights = {name: torch.from_numpy(one).to(like) for name, one in zip((WEIGHT, BIAS), moved, strict=True)}
    return replace(start, weights={**start.weights, **weights}, scale=scale)


def _start(one: Finished, base: Loaded, network: Network, folder: Path) -> Start:
    restored = one.recipe.method.restore(_beside(base, one.recipe.method.peft).backbone, folder)
    named, head = dict(restored.named_parameters()), read_head(folder)
    like = next(network.backbone.parameters())
    weights = {name: named[name].detach().to(like.device).clone() for name in network.trainable()}
    weights |= {name: torch.from_numpy(one).to(like) for name, one in ((WEIGHT, head.weight), (BIAS, head.bias))}
    return Start(head.pooling, weights, head.labels, head.scale)
