"""A group's members, each trained without one fold of its rows, and the adapter that they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from ftkit.bank.stage import FINAL, Start, at_scale

if TYPE_CHECKING:
    from ftkit.bank.shards import Weights
    from ftkit.training.members import Member

FEWEST = 3
"""members whose mean may be kept: each has then seen two thirds of the rows or more"""


@dataclass(frozen=True, eq=False)
class Turn:
    """One of a group's members."""

    key: str
    """the group's"""
    fold: int
    """that it has not seen; `FINAL`: it has seen all rows, and is kept as it is"""
    test: np.ndarray
    """rows that it is asked about"""
    member: Member


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a group's members came to."""

    scores: Mapping[int, np.ndarray]
    """row: probabilities by the member that has not seen it; rows are missing where too little was left to train on"""
    weights: Weights
    """of the adapter that is kept"""
    labels: tuple[int, ...] | None
    """the only ones that it may give; None: all"""


def learnt(starts: Mapping[int, Start], turns: Sequence[Turn], scores: Mapping[int, np.ndarray]) -> Learnt:
    """What a group's trained members come to: the one that has seen all rows, where there is one, else their mean."""
    last = [turn for turn in turns if turn.fold == FINAL]
    members = [(starts[turn.fold], turn.member) for turn in last or turns]
    origins = [one.origin for _, one in members]
    closed = [one.labels.cpu().numpy() for one in origins if one is not None and one.closed]
    labels = tuple(np.flatnonzero(np.any(closed, axis=0)).tolist()) if closed else None
    weights = [(start, one.snapshot()) for start, one in members]
    return Learnt(scores, weights[0][1] if last else mean_of(starts[FINAL], weights), labels)


def mean_of(general: Start, members: Sequence[tuple[Start, Weights]]) -> Weights:
    """The general adapter, as far from where it was as the members are from their starts on average.

    Members that have each left out a fold have seen all rows between them, so that what is kept takes no training of
    its own. Averages of weights that were tuned from one start: Wortsman et al. 2022, arXiv:2203.05482; differences
    added to other weights: Ilharco et al. 2023, arXiv:2212.04089. All have the same shapes and labels.
    """
    before = [at_scale(start, general.scale).weights for start, _ in members]
    after = [at_scale(replace(start, weights=weights), general.scale).weights for start, weights in members]
    ways = list(zip(before, after, strict=True))
    return {
        name: whole + torch.stack([end[name] - begin[name] for begin, end in ways]).mean(0)
        for name, whole in general.weights.items()
    }
