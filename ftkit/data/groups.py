"""Groups of rows that may get an adapter each: which column parts them, and which of them stay new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data.columns import plain
from ftkit.data.guess import NUMBER
from ftkit.data.hashing import fractions
from ftkit.data.names import many
from ftkit.data.table import Finding
from ftkit.errors import InputError
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


def check(groups: pd.Series, recipe: Recipe) -> list[Finding]:
    """What is to be said of the groups of a bank's rows, (rows,) names; nothing where there is no bank.

    Raises InputError where the column is what is predicted, or from what, and where no group is large enough.
    """
    by, least = recipe.bank.by, recipe.bank.min_rows
    if by is None:
        return []
    for key, columns in recipe.task.columns().items():
        if by in columns:
            raise InputError(f"bank.by: {by!r} is a column of {key}, which parts no rows into users", OTHERS)
    counts = groups.value_counts()
    if len(counts) > 1 and counts.iloc[0] < least:
        what = f"bank.by: none of the {len(counts):,} groups of column {by!r} has {least} rows, which its own adapter"
        said = f"{what} takes (bank.min_rows); the largest has {many(int(counts.iloc[0]), 'row')}"
        raise InputError(said, f"give all rows of each group, old and new together, or another column: {OTHERS}")
    if not (without := int(groups.isna().sum())):
        return []
    what = f"{many(without, 'row')} without a value in {by!r}: of no group, so that the general adapter alone has them"
    return [Finding("warning", "groups", what, f"fill in {by!r}, or leave such rows out")]


OTHERS = "ftkit adapt DATA, without --by, lists columns that part it well"


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
