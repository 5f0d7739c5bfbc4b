"""Later rows beside a general adapter that stays as it is: what it has seen, and which fold may test what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ftkit import runs
from ftkit.bank.grouping import Folds, Group
from ftkit.bank.rows import NEVER
from ftkit.errors import InputError
from ftkit.privacy import Mask


@dataclass(frozen=True, eq=False)
class Pinned:
    """Rows that a finished general run was given, by the hashes that it keeps."""

    row_ids: frozenset[str]
    """of the rows that the delivered adapter was trained on"""
    contents: frozenset[str]
    """of the same rows"""
    fold: dict[str, int]
    """by content: the fold that tests it; `NEVER` where no fold's adapter is sure not to have seen it"""
    units: dict[str, int]
    """the same by unit"""
    count: int
    """folds with an adapter that has not seen them; 0 where the run kept none"""

    @classmethod
    def of(cls, general: Path) -> Pinned:
        """What a run has seen; InputError where it does not say."""
        table = pd.read_parquet(general / runs.SPLITS)
        if "content" not in table.columns:
            raise InputError(f"{general}: was trained before ftkit kept what banks need", "train it again")
        trained = table[table["trained"]]
        tested = pd.read_parquet(general / runs.PREDICTIONS, columns=["unit", "fold"]).dropna().drop_duplicates()
        own = table[(table["split"] != "base") & (table["trained"] | (table["fold"] != NEVER))]
        return cls(
            frozenset(trained["row_id"]),
            frozenset(trained["content"].dropna()),
            _only(own["content"], own["fold"]),
            _only(tested["unit"], tested["fold"]),
            len(list((general / runs.FOLDS).glob("*"))),
        )

    def folds(self, found: Folds, frame: pd.DataFrame, mask: Mask) -> Folds:
        """The folds of rows, old ones where the general run had them.

        A new row is tested in the fold that its hash gives, unless the general adapter of that fold has seen its text.
        """
        content = [mask.digest(one) for one in frame["content"]]
        if not self.count:  # one general adapter stands for all folds
            seen = np.array([one in self.contents for one in content], dtype=bool)
            return _with(found, np.where(seen, NEVER, found.fold))
        unit = [None if one is None or pd.isna(one) else mask.digest(str(one)) for one in frame["unit"]]
        fold = found.fold.copy()
        for i, (text, whole) in enumerate(zip(content, unit, strict=True)):
            known = self.fold.get(text)
            wanted = fold[i] if whole is None else self.units.get(whole, fold[i])
            fold[i] = wanted if known is None else known if whole is None or known == wanted else NEVER
        return _with(found, fold)

    def unseen(self, groups: Sequence[Group], frame: pd.DataFrame, mask: Mask) -> list[Group]:
        """The groups, each with whether the general adapter has seen none of its rows."""
        seen = np.array([mask.digest(one) in self.row_ids for one in frame["row_id"]], dtype=bool)
        return [replace(group, new=not seen[group.rows].any()) for group in groups]


def _only(keys: pd.Series, fold: pd.Series) -> dict[str, int]:
    """Key: its fold, where there is one only."""
    found: dict[str, int] = {}
    for key, number in zip(keys, fold, strict=True):
        found[key] = int(number) if found.get(key, number) == number else NEVER
    return found


def _with(found: Folds, fold: np.ndarray) -> Folds:
    count = max(len(found.tested), int(fold.max(initial=-1)) + 1)
    tested = tuple(frozenset(found.content[fold == number]) for number in range(count))
    return Folds(fold, tested, found.content)
