"""Growing shares of a part's training rows: each holds the smaller ones, and every label in proportion.

Keys (units, else contents) are taken whole. Their order follows from the hash of the key and a seed: first
those with the first two rows of each label, then all others so that every label fills up evenly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ftkit.data.folds import Together, together
from ftkit.data.table import Part, Rows

FEWEST = 20
"""rows of the smallest share"""
OF_A_LABEL = 2
"""rows that the smallest share has of each label that has as many"""
HALVINGS = 5
"""sizes from which on every size is half of the next; where there is no room for as many, they lie closer"""


@dataclass(frozen=True)
class Order:
    """A part's training rows in the order in which they are taken."""

    rows: np.ndarray
    """(rows,) positions, those of a key side by side"""
    ends: np.ndarray
    """(keys,) how many rows there are up to and with each key"""
    least: int
    """rows with which every label has its first ones"""

    def first(self, count: int) -> np.ndarray:
        """About this many rows, in file order; the keys that come nearest, and never fewer than `least`."""
        end = int(self.ends[np.abs(self.ends - count).argmin()])
        return np.sort(self.rows[: max(end, self.least)])


def gathered(rows: Rows) -> Together:
    """What the orders of a run's parts are made from."""
    frame = rows.frame
    return together(frame["content"], frame["unit"].tolist(), frame["gold"].tolist())


def order(rows: Together, part: Part, seed: int) -> Order:
    """The order of a part's training rows for one repetition."""
    place = rows.places(seed, "share")
    pairs = np.flatnonzero(rows.pairs(part.train))
    pairs = pairs[np.lexsort((rows.row[pairs], place[rows.key[rows.row[pairs]]], rows.label[pairs]))]
    label, key = rows.label[pairs], rows.key[rows.row[pairs]]
    count = np.bincount(label, minlength=len(rows.labels))
    nth = np.arange(len(pairs)) - (np.cumsum(count) - count)[label]  # of its label, in the order of the hashes
    early = np.zeros(len(place), dtype=bool)
    early[key[nth < OF_A_LABEL]] = True
    filled = np.bincount(key, (nth + 0.5) / count[label], len(place)) / np.maximum(
        np.bincount(key, None, len(place)), 1
    )
    mine = rows.key[part.train]
    taken = np.lexsort((part.train, mine, place[mine], filled[mine], ~early[mine]))
    ends = np.flatnonzero(np.diff(mine[taken], append=-1)) + 1
    return Order(part.train[taken], ends, int(early[mine].sum()))


def sizes(orders: Sequence[Order], points: int) -> list[int]:
    """Rows of each share of the shortest part, rising to all of them; fewer sizes where there are too few rows."""
    whole = min(len(one.rows) for one in orders)
    least = max(FEWEST, *(one.least for one in orders))
    if least >= whole:
        return [whole]
    halvings = min(points, 1 + int(np.log2(whole / least)))
    if halvings >= min(points, HALVINGS):
        return [round(whole / 2**back) for back in range(halvings)][::-1]
    return list(dict.fromkeys(round(size) for size in np.geomspace(least, whole, points)))
