"""Floors as a class: the last columns of a head that predicts a position, one for each floor that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from ftkit.data.table import Gold


def targets(gold: list[Gold], floors: Sequence[float]) -> np.ndarray:
    """(rows, columns) float64: coordinates, and for each floor 1 where it is the right one, else 0."""
    told = np.array(gold, dtype=np.float64).reshape(len(gold), -1)
    return np.column_stack([told[:, :-1], told[:, -1:] == np.array(floors)])


def loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the floors' columns, (rows,)."""
    from torch.nn import functional

    return functional.cross_entropy(logits, wanted.to(logits.dtype), reduction="none")


def probabilities(scores: np.ndarray, floors: Sequence[float]) -> np.ndarray:
    """(rows, columns) with the floors' logits turned into probabilities."""
    from scipy.special import softmax

    first = scores.shape[1] - len(floors)
    return np.column_stack([scores[:, :first], softmax(scores[:, first:], axis=1)])


def told(scores: np.ndarray, floors: Sequence[float]) -> np.ndarray:
    """(rows, targets) with the likeliest floor's number in place of a column for each."""
    first = scores.shape[1] - len(floors)
    return np.column_stack([scores[:, :first], np.array(floors)[scores[:, first:].argmax(axis=1)]])
