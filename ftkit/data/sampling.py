"""Fewer training rows: a fixed number of each label, and what to do with labels of very few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data import tags
from ftkit.data.folds import Together
from ftkit.data.gold import labels_of
from ftkit.data.hashing import fractions
from ftkit.data.table import Gold, Tags

MERGED = "other"
"""label that rare labels become with `rare: merge`"""


def draw_order(frame: pd.DataFrame, rows: Together, seed: int) -> np.ndarray:
    """(rows,) rank of each row in the draw: by the hash of its content, then of its id.

    A text that is there several times comes back only after every other text had its turn.
    """
    place = fractions(frame["content"], seed, "draw")
    tie = np.array([int(row_id[:15], 16) for row_id in frame["row_id"]], dtype=np.int64)
    order = np.lexsort((tie, place))
    again = pd.Series(rows.content[order]).groupby(rows.content[order], sort=False).cumcount().to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order[np.argsort(again, kind="stable")]] = np.arange(len(order))
    return rank


def draw(rows: Together, positions: np.ndarray, rank: np.ndarray, per_label: int) -> np.ndarray:
    """Up to `per_label` rows of each label, in file order.

    A row may carry several labels: the rarest label is served first, and rows that are drawn
    already count for their other labels, so that frequent labels may get a few more.
    """
    pairs = np.flatnonzero(rows.pairs(positions))
    pairs = pairs[np.lexsort((rank[rows.row[pairs]], rows.label[pairs]))]
    count = np.bincount(rows.label[pairs], minlength=len(rows.labels))
    ends = np.cumsum(count)
    drawn = np.zeros(len(rows.key), dtype=bool)
    for label in np.argsort(count, kind="stable").tolist():
        candidates = rows.row[pairs[ends[label] - count[label] : ends[label]]]
        missing = max(0, per_label - int(drawn[candidates].sum()))
        drawn[candidates[~drawn[candidates]][:missing]] = True
    return np.flatnonzero(drawn)


@dataclass(frozen=True)
class Thinned:
    """Gold labels after `data.rare`, which rows stay, and the labels that were rare."""

    gold: list[Gold]
    keep: np.ndarray
    """(rows,) bool"""
    rare: tuple[str, ...]


def without_rare(gold: Sequence[Gold], train: np.ndarray, rare: str, below: int) -> Thinned:
    """Apply `data.rare` to the labels that fewer than `below` rows of `train` (bool) carry.

    Test and validation rows are never dropped: a row whose label training lacks scores as wrong.
    Merging renames a label everywhere, also where only the test rows have it.
    """
    everything = np.ones(len(gold), dtype=bool)
    if rare == "keep":
        return Thinned(list(gold), everything, ())
    if rare == "merge":
        return _merged(gold, train, below)
    keep, found = everything, set[str]()
    while True:  # a row with several labels takes its other labels' counts down with it
        counts = _counts(gold, train & keep)
        now = {label for label, count in counts.items() if 0 < count < below}
        if not now:
            return Thinned(list(gold), keep, tuple(sorted(found)))
        found |= now
        keep = keep & ~(train & np.array([not now.isdisjoint(labels_of(item)) for item in gold], dtype=bool))


def _merged(gold: Sequence[Gold], train: np.ndarray, below: int) -> Thinned:
    counts = _counts(gold, train)
    rare = {label for label, count in counts.items() if count < below and label != MERGED}
    trained = any(counts[label] for label in rare) or counts.get(MERGED, 0)
    if not rare or not trained:
        return Thinned(list(gold), np.ones(len(gold), dtype=bool), ())
    return Thinned(renamed(gold, dict.fromkeys(rare, MERGED)), np.ones(len(gold), dtype=bool), tuple(sorted(rare)))


def _counts(gold: Sequence[Gold], train: np.ndarray) -> dict[str, int]:
    """Training rows of every label that occurs anywhere."""
    counts = {label: 0 for item in gold for label in labels_of(item)}
    for position in np.flatnonzero(train).tolist():
        for label in labels_of(gold[position]):
            counts[label] += 1
    return counts


def renamed(gold: Sequence[Gold], names: dict[str, str]) -> list[Gold]:
    """Labels, or types of tags, under other names; a row's labels stay sorted and distinct."""
    if not names:
        return list(gold)
    return [
        tags.renamed(item, names)
        if isinstance(item, Tags)
        else tuple(sorted({names.get(label, label) for label in labels_of(item)}))
        if isinstance(item, tuple)
        else None
        if item is None
        else names.get(item, item)
        for item in gold
    ]
