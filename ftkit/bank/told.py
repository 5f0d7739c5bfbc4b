"""What a bank knows of itself in one generation: its groups, and what was said of their rows out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftkit import runs
from ftkit.bank import index
from ftkit.bank import rows as rows_of
from ftkit.bank.folder import BankFolder
from ftkit.bank.measuring import Measure
from ftkit.bank.records import Outcome
from ftkit.bank.rows import Kept
from ftkit.models.delivery import read_head
from ftkit.recipe import read
from ftkit.runs.masking import mask_of, shown_labels

if TYPE_CHECKING:
    from ftkit.privacy import Mask
    from ftkit.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Told:
    """All that the report of a bank is made from."""

    folder: BankFolder
    recipe: Recipe
    labels: tuple[str, ...]
    """as reports name them"""
    mask: Mask
    outcomes: Sequence[Outcome]
    kept: Kept
    """the rows that were tested when the groups' adapters were trained"""
    measure: Measure
    """what groups are judged by"""

    @property
    def targets(self) -> np.ndarray:
        """What the rows' labels are."""
        targets: np.ndarray = self.recipe.task.targets(self.kept.frame["gold"].tolist(), self.labels)
        return targets


def told_by(folder: BankFolder) -> Told:
    """What a bank says of itself in one generation: its groups, and the rows that their adapters were tested on."""
    with index.opened(folder.index, folder.generation.number) as found:
        outcomes = list(found.all())
    labels = read_head(folder.general / runs.ADAPTER).labels
    mask, recipe = mask_of(labels), read(folder.general / runs.RECIPE)
    shown = tuple(shown_labels(labels, recipe.task.kind, mask))
    measure = Measure.of(recipe, shown)
    return Told(folder, recipe, shown, mask, outcomes, _tested(folder, outcomes), measure)


def _tested(folder: BankFolder, outcomes: Sequence[Outcome]) -> Kept:
    """The tested rows of each group, from the shard that its adapter is in."""
    shard = {one.record.key: one.shard for one in outcomes}
    found = []
    for number in sorted(set(shard.values())):
        kept = rows_of.read([rows_of.path_of(folder.rows, number)])
        here = [shard.get(key) == number for key in kept.frame["key"]]
        found.append(kept.take(np.flatnonzero(here & (kept.frame["fold"] != rows_of.NEVER).to_numpy())))
    return rows_of.joined(found)
