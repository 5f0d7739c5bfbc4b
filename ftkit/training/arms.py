"""A method made ready to train on a run's rows; a search has several, made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftkit.console import console
from ftkit.training.passes import Job

if TYPE_CHECKING:
    from ftkit.features.examples import Features
    from ftkit.features.network import Network
    from ftkit.methods import Method
    from ftkit.runs.folder import Clock
    from ftkit.training.precision import Precisions


@dataclass(frozen=True)
class Arm:
    """A method, the base with its trainable weights attached, and the rows as far as they are known."""

    number: int
    """place in the ladder, cheapest first"""
    method: Method
    features: Features
    job: Job
    clock: Clock
    precisions: Precisions

    @property
    def network(self) -> Network:
        """The base with the method's weights."""
        return self.job.network

    def read(self, positions: np.ndarray) -> None:
        """Run rows through the frozen part once; those that are known cost nothing."""
        with self.clock.phase("features"), console.progress("reading rows with the base", len(positions)) as bar:
            self.features.read(positions, bar.update)
        if self.features.why_not and self.job.examples.prefix is None:
            console.say(self.features.why_not)
        self.job.examples.prefix = self.features.prefix

    def arithmetic(self, positions: np.ndarray, passes: float) -> float:
        """Multiply-adds of training on rows: one a weight and position forwards, about as many again backwards.

        An estimate that leaves out attention between positions; frozen blocks below the cut cost nothing.
        """
        tokens = float(self.job.examples.lengths[positions].sum())
        above = self.network.blocks[self.network.depth :] or ([] if self.network.depth else [self.network.backbone])
        weights = sum(p.numel() for block in above for p in block.parameters())
        moved = sum(p.numel() for p in self.network.trainable().values())
        return passes * tokens * (2 * weights + moved)


@dataclass
class Arms:
    """The arms of a run, in the order of its ladder."""

    methods: Sequence[Method]
    open: Callable[[int, Method], Arm]

    def __post_init__(self) -> None:
        self._opened: dict[int, Arm] = {}

    def __getitem__(self, number: int) -> Arm:
        if number not in self._opened:
            self._opened[number] = self.open(number, self.methods[number])
        return self._opened[number]

    def __len__(self) -> int:
        return len(self.methods)
