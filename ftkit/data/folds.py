"""Which rows hang together, and on which side of a split their hash puts them.

A side follows from the hash of a row's key (its unit, else its content) and from nothing else, so
rows added or reordered leave the others where they are. The shares of labels are therefore only as
even as chance makes them. One exception: where the hash would leave a label without any training
row, one key of that label changes sides: the one with the largest hash, so that a row that once
was a test row is not put into training when rows are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ftkit.data.gold import are_numbers, labels_of
from ftkit.data.hashing import fractions
from ftkit.data.table import Gold, Tags
from ftkit.data.tags import OUTSIDE, types_of

NEVER = -1
"""fold of rows that are never held out"""

NO_LABEL = ""
"""stands for a row without any label where rows may carry several"""


@dataclass(frozen=True, eq=False)
class Together:
    """Keys, contents and labels of all rows as integer codes."""

    key: np.ndarray
    """(rows,) what decides a row's side"""
    names: pd.Index
    """(keys,) of the keys"""
    content: np.ndarray
    """(rows,) near-equal inputs share a code"""
    row: np.ndarray
    """(pairs,) a row, as often as it has labels, and once with `NO_LABEL` where it has none"""
    label: np.ndarray
    """(pairs,) the label at that place, an index into `labels`"""
    labels: tuple[str, ...]
    """sorted"""
    numbers: bool = False
    """whether rows carry numbers, and so no label"""
    _places: dict[tuple[int, str], np.ndarray] = field(default_factory=dict)

    def places(self, seed: int, salt: str) -> np.ndarray:
        """(keys,) the fixed place of every key in [0, 1)."""
        if (seed, salt) not in self._places:
            self._places[seed, salt] = fractions(self.names, seed, salt)
        return self._places[seed, salt]

    def pairs(self, positions: np.ndarray) -> np.ndarray:
        """(pairs,) whether a pair of row and label belongs to one of these rows."""
        here = np.zeros(len(self.key), dtype=bool)
        here[positions] = True
        inside: np.ndarray = here[self.row]
        return inside

    def labels_of(self, positions: np.ndarray) -> np.ndarray:
        """Codes of the labels that these rows carry, sorted."""
        return np.unique(self.label[self.pairs(positions)])

    def teaches(self, positions: np.ndarray) -> bool:
        """Whether there is anything to tell apart in these rows."""
        return len(positions) > 1 if self.numbers else len(self.labels_of(positions)) > 1

    def apart(self, positions: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Those of `positions` whose content does not occur in `others`."""
        left: np.ndarray = positions[~np.isin(self.content[positions], self.content[others])]
        return left


def together(content: pd.Series, units: Sequence[str | None], gold: Sequence[Gold]) -> Together:
    """Codes of the rows of one table."""
    contents, texts = pd.factorize(content)
    if any(unit is not None for unit in units):
        named = zip(content, units, strict=True)
        keys = pd.Series([f"content {text}" if unit is None else f"unit {unit}" for text, unit in named], dtype="str")
        codes, names = pd.factorize(keys)
    else:
        codes, names = contents, texts
    row, label, labels = _labelled(gold)
    return Together(codes, pd.Index(names), contents, row, label, labels, are_numbers(gold))


def _labelled(gold: Sequence[Gold]) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    row = np.arange(len(gold))
    flat: list[str] = [item if isinstance(item, str) else NO_LABEL for item in gold]
    if any(isinstance(item, tuple) for item in gold) and not are_numbers(gold):
        several = [_several(item) for item in gold]
        row = np.repeat(row, [len(item) for item in several])
        flat = [label for item in several for label in item]
    label, labels = pd.factorize(pd.Series(flat, dtype=object), sort=True)
    return row, label, tuple(labels)


def _several(item: Gold) -> tuple[str, ...]:
    if isinstance(item, Tags):  # tokens outside are an answer of their own
        return (*types_of(item), OUTSIDE)
    return labels_of(item) or (NO_LABEL,)


@dataclass(frozen=True, eq=False)
class Carriers:
    """Each label beside each key that carries it, among some of the rows."""

    label: np.ndarray
    """(pairs,) ascending"""
    key: np.ndarray
    """(pairs,)"""
    count: np.ndarray
    """(labels,) keys of each label"""

    @classmethod
    def among(cls, rows: Together, positions: np.ndarray) -> Carriers:
        """The pairs of these rows."""
        pairs = rows.pairs(positions)
        width = max(1, len(rows.names))
        label, key = np.divmod(np.unique(rows.label[pairs].astype(np.int64) * width + rows.key[rows.row[pairs]]), width)
        return cls(label, key, np.bincount(label, minlength=len(rows.labels)))

    def keys(self, label: int) -> np.ndarray:
        """Keys that carry a label."""
        start, end = np.searchsorted(self.label, [label, label + 1])
        keys: np.ndarray = self.key[start:end]
        return keys

    def single(self) -> np.ndarray:
        """Keys that are the only one of some label."""
        keys: np.ndarray = self.key[self.count[self.label] == 1]
        return keys


def held_out(rows: Together, positions: np.ndarray, share: float, seed: int, salt: str) -> np.ndarray:
    """(positions,) whether each row is held out: about `share` of the keys, never all keys of a label."""
    place = rows.places(seed, salt)
    carriers = Carriers.among(rows, positions)
    held = np.zeros(len(place), dtype=bool)
    held[carriers.key] = place[carriers.key] < share
    # Every label is looked at by itself, and all at once: were the rescue of one label to spare another,
    # a row added to the first could send an old test row of the second into training.
    trained = np.zeros(len(rows.labels), dtype=bool)
    trained[carriers.label[~held[carriers.key]]] = True
    for label in np.flatnonzero(~trained & (carriers.count > 0)).tolist():
        keys = carriers.keys(label)
        held[keys[np.argmax(place[keys])]] = False
    free = np.setdiff1d(carriers.key, carriers.single())
    if not held.any() and len(free):
        held[free[np.argmin(place[free])]] = True
    sides: np.ndarray = held[rows.key[positions]]
    return sides


def folds(
    rows: Together, positions: np.ndarray, count: int, seed: int, salt: str, keep_single: bool = False
) -> np.ndarray:
    """(positions,) the fold of each row, 0 to `count` - 1; some may be empty.

    A label with two keys or more never has all of them in one fold. `keep_single` gives a key that
    is the only one of a label the fold `NEVER`: every training part then holds every label.
    """
    place = rows.places(seed, salt)
    side = np.floor(place * count).astype(np.int64)
    carriers = Carriers.among(rows, positions)
    if keep_single:
        side[carriers.single()] = NEVER
    lowest = np.full(len(rows.labels), count)
    highest = np.full(len(rows.labels), NEVER)
    np.minimum.at(lowest, carriers.label, side[carriers.key])
    np.maximum.at(highest, carriers.label, side[carriers.key])
    crowded = np.flatnonzero((carriers.count > 1) & (lowest == highest) & (lowest != NEVER))
    # labels are coded in the order of their names, so the outcome does not depend on the order of the rows
    for label in crowded[np.argsort(carriers.count[crowded], kind="stable")].tolist():
        if _crowded(side, carriers.keys(label)):
            _move_one(side, place, carriers, carriers.keys(label), count)
    sides: np.ndarray = side[rows.key[positions]]
    return sides


def _move_one(side: np.ndarray, place: np.ndarray, carriers: Carriers, keys: np.ndarray, count: int) -> None:
    """Move the key with the largest hash that can go without crowding another of its labels."""
    for key in keys[np.argsort(-place[keys])]:
        carried = [carriers.keys(label) for label in carriers.label[carriers.key == key]]
        home = side[key]
        for step in range(1, count):
            side[key] = (home + step) % count
            if not any(_crowded(side, others) for others in carried):
                return
        side[key] = home


def _crowded(side: np.ndarray, keys: np.ndarray) -> bool:
    return len(keys) > 1 and bool(np.all(side[keys] == side[keys[0]]))
