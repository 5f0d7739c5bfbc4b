"""Which rows are whose: the groups of a bank, what each may train on, and what is kept back to test it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.bank.carried import labelled, several
from ftkit.data import groups as named
from ftkit.data.table import Splits
from ftkit.privacy import Mask
from ftkit.recipe import Recipe

FEW_ROWS, ONE_LABEL = "few rows", "one label"
"""why a group is not trained"""


def key_of(name: str, mask: Mask) -> str:
    """What a group is known by everywhere but to people: 64 hex digits, keyed where rows are hidden.

    Names are data and may hold anything, half of a surrogate pair included.
    """
    return mask.digest(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest())


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one user, domain or device."""

    key: str
    name: str
    rows: np.ndarray
    """positions in the splits"""
    new: bool
    """whether the general adapter has seen none of its rows"""
    why_not: str = ""
    """why it is not trained; empty where it is"""


def groups_of(splits: Splits, recipe: Recipe, targets: np.ndarray, mask: Mask) -> list[Group]:
    """All groups in the order of their keys, which depends neither on the rows' order nor on the machine."""
    frame = splits.rows.frame
    codes, names = pd.factorize(frame["group"])
    aside = named.new(frame["group"], recipe)
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
    found = []
    for code, name in enumerate(map(str, names)):
        rows = order[ends[code] : ends[code + 1]]
        new = bool(aside is not None and aside[rows[0]])
        known = rows[labelled(targets[rows])]
        why = FEW_ROWS if len(known) < recipe.bank.min_rows else "" if several(targets[known]) else ONE_LABEL
        found.append(Group(key_of(name, mask), name, rows, new, why))
    return sorted(found, key=lambda one: one.key)


def stacks_of(groups: list[Group], size: int) -> list[list[Group]]:
    """The groups that are trained and kept together: a function of their keys and the recipe alone."""
    return [groups[start : start + size] for start in range(0, len(groups), size)]


@dataclass(frozen=True)
class Folds:
    """One assignment of all rows to folds, the general adapter's: a text that several groups have is in one fold."""

    fold: np.ndarray
    """(rows,) the fold that tests a row; -1 for one that is never tested"""
    tested: tuple[frozenset[str], ...]
    """by fold, the contents of its test rows"""
    content: np.ndarray

    @classmethod
    def of(cls, splits: Splits) -> Folds:
        """The folds of cross-fitted splits."""
        content = splits.rows.frame["content"].to_numpy()
        fold = np.full(len(content), -1)
        tested: dict[int, frozenset[str]] = {}
        for part in splits.parts[:-1]:
            fold[part.test] = part.fold
            tested[part.fold] = frozenset(content[part.test])
        return cls(fold, tuple(tested.get(i, frozenset()) for i in range(max(tested) + 1)), content)

    def __iter__(self) -> Iterator[int]:
        return (i for i, contents in enumerate(self.tested) if contents)

    def train(self, rows: np.ndarray, fold: int) -> np.ndarray:
        """Those of some rows that a model may see which is tested on a fold: none of it, and no text that is in it."""
        left = rows[self.fold[rows] != fold]
        apart: np.ndarray = left[[self.content[row] not in self.tested[fold] for row in left]]
        return apart

    def test(self, rows: np.ndarray, fold: int) -> np.ndarray:
        """Those of some rows that are tested in a fold."""
        held: np.ndarray = rows[self.fold[rows] == fold]
        return held


def data_of(frame: pd.DataFrame, group: Group, mask: Mask) -> str:
    """Hash of a group's rows and labels, whatever their order: 64 hex digits."""
    rows = frame.iloc[group.rows]
    told = sorted(f"{row} {gold!r}" for row, gold in zip(rows["row_id"], rows["gold"], strict=True))
    return mask.digest(hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest())


def units_of(frame: pd.DataFrame) -> np.ndarray:
    """(rows,) codes of what hangs together; a row without a unit stands by itself."""
    units = frame["unit"].astype(object)
    alone = pd.Series([f"row {i}" for i in range(len(units))], index=units.index, dtype=object)
    codes: np.ndarray = pd.factorize(("unit " + units.astype(str)).where(units.notna(), alone))[0]
    return codes
