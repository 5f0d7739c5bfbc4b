"""Groups of rows that may get an adapter each: which column parts them, and which of them stay new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data.columns import plain
from ftkit.data.guess import NUMBER
from ftkit.data.hashing import fractions
from ftkit.recipe import Recipe

WORDS = 6
"""words of a cell, on average, from which a column is prose and names nobody"""


@dataclass(frozen=True)
class Candidate:
    """A column that could part a table into groups."""

    column: str
    groups: int
    enough: int
    """groups with rows enough for an adapter of their own"""
    median: int
    """rows of a group"""


def new(groups: pd.Series, recipe: Recipe) -> np.ndarray | None:
    """(rows,) whether a row is of a group that `bank.new_groups` keeps new; None where there is no such group.

    A group's side follows from the hash of its name, so that groups that are added move no other.
    """
    share = recipe.bank.new_groups
    if recipe.bank.by is None or not share:
        return None
    codes, names = pd.factorize(groups)
    aside = np.append(fractions(map(str, names), recipe.data.split_seed, "new groups") < share, False)
    sides: np.ndarray = aside[codes]  # a row without a group has code -1
    return sides


def candidates(frame: pd.DataFrame, taken: Iterable[str], min_rows: int) -> list[Candidate]:
    """Columns whose values repeat as those of users, domains or devices do, those with most usable groups first."""
    inside = set(taken)
    found = []
    for column in frame.columns:
        if column in inside:
            continue
        cells = pd.Series(plain(frame, column), dtype=object)
        counts = cells.value_counts()
        if not 2 <= len(counts) <= len(cells) / 2 or _quantity_or_prose(counts.index):
            continue
        found.append(Candidate(str(column), len(counts), int((counts >= min_rows).sum()), int(counts.median())))
    return sorted(found, key=lambda one: (-one.enough, one.column))


def _quantity_or_prose(values: pd.Index) -> bool:
    """Measured numbers with a fraction, or sentences: neither names anybody."""
    cells = [str(value) for value in values]
    broken = np.mean([bool(NUMBER.fullmatch(cell)) and "." in cell for cell in cells])
    return bool(broken > 0.5 or np.mean([len(cell.split()) for cell in cells]) > WORDS)
