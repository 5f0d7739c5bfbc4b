"""Targets brought to mean 0 and sd 1 for training, and predictions brought back to their own units.

The last columns may be those of one class (`Task.classes`): they stay as they are, logits on the way back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and sd of the targets of some training rows, (targets,) float64 each."""

    mean: np.ndarray
    sd: np.ndarray
    """1 where all rows have the same number"""

    @classmethod
    def of(cls, targets: np.ndarray, classes: int = 0) -> Scale | None:
        """The scale of (rows, targets) numbers; None where targets are no numbers, which need none."""
        if not are_numbers(targets):
            return None
        mean, sd = targets.mean(axis=0), targets.std(axis=0)
        first = len(mean) - classes
        mean[first:], sd[first:] = 0.0, 1.0
        return cls(mean, np.where(sd > 1e-12 * np.maximum(1.0, np.abs(mean)), sd, 1.0))

    def same(self, other: Scale) -> bool:
        """Whether both bring all numbers to the same."""
        return np.array_equal(self.mean, other.mean) and np.array_equal(self.sd, other.sd)

    def standard(self, values: np.ndarray) -> np.ndarray:
        """(rows, targets) in their own units → in sds from the mean."""
        return np.asarray((values - self.mean) / self.sd)

    def own(self, values: np.ndarray) -> np.ndarray:
        """The way back, in float64."""
        return np.asarray(values * self.sd + self.mean)

    def moved(self, weight: np.ndarray, bias: np.ndarray, to: Scale) -> tuple[np.ndarray, np.ndarray]:
        """A head for this scale (weight (targets, width), bias (targets,)) → one that says the same for another."""
        ratio = self.sd / to.sd
        return weight * ratio[:, None], (bias * self.sd + self.mean - to.mean) / to.sd


def are_numbers(targets: np.ndarray) -> bool:
    """Whether targets are numbers to predict, (rows, targets) float64, as `Task.targets` says."""
    return targets.dtype == np.float64
