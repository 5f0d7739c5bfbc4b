"""What a group gets that a bank does not know: the general adapter, or that of the group whose rows are most alike.

How alike two groups are is told by their mean embeddings: the mean over a group's rows of the features that the
untouched base gives them, whatever the adapters made of it. Whether it pays to go by that is measured: groups are
left out in turn, and their rows are given to the nearest other group's adapter. Where rows are hidden no mean is
kept, as it could be read for what the texts are about; everybody unknown then gets the general adapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ftkit.bank import shards
from ftkit.bank.answers import EMBEDDED
from ftkit.bank.carried import labelled
from ftkit.bank.folder import Cold
from ftkit.bank.records import PROMOTED, Outcome
from ftkit.bank.stage import BIAS, FINAL, WEIGHT
from ftkit.console import console
from ftkit.errors import FtkitError
from ftkit.features import tokens
from ftkit.training.workers import side_by_side

if TYPE_CHECKING:
    from ftkit.bank.adapting import Adapter
    from ftkit.bank.grouping import Group
    from ftkit.bank.turns import Turn

FEWEST, MOST, SHARE = 20, 50, 0.1
"""groups that are left out: each may call for another group's members to be trained once more"""
TURNS = 16
"""members that are trained together"""
SEED = 0
"""draws them, and the rows by which their nearest is found"""


def centres(adapter: Adapter, stack: Sequence[Group]) -> torch.Tensor | None:
    """(groups, width) mean embedding of each group's rows; None where rows are hidden."""
    if adapter.mask.on:
        return None
    each = embedded(adapter, np.concatenate([group.rows for group in stack]))
    ends = np.cumsum([len(group.rows) for group in stack])[:-1]
    return torch.from_numpy(np.stack([some.mean(axis=0) for some in np.split(each, ends)]))


def embedded(adapter: Adapter, rows: np.ndarray, keep: bool = False) -> np.ndarray:
    """(rows, width) float32 features of the untouched base, of a row of tokens their mean.

    The network itself holds a method's weights as they are before any step, with which it is the base; a head that
    changes nothing lets its features through.
    """
    start = adapter.stage.starts[FINAL]
    like, network = start.weights[WEIGHT], adapter.stage.network
    width = like.shape[1]
    weights = {name: parameter.detach() for name, parameter in network.trainable().items()}
    weights |= {WEIGHT: torch.eye(width).to(like), BIAS: torch.zeros(width).to(like)}
    untouched = replace(start, weights=weights, scale=None)

    def ask(some: np.ndarray) -> np.ndarray:
        return tokens.means(adapter.ask(untouched, some)).astype(np.float32)

    return adapter.answers.of(EMBEDDED, rows, ask, keep)


def kept_centres(folder: Path, outcomes: Iterable[Outcome]) -> dict[str, np.ndarray]:
    """Mean embedding of each group that uses an adapter of its own, by key; without those of which none is kept."""
    by_shard: dict[int, list[Outcome]] = {}
    for one in outcomes:
        if one.outcome == PROMOTED:
            by_shard.setdefault(one.shard, []).append(one)
    found = dict[str, np.ndarray]()
    for number, some in by_shard.items():
        kept = shards.read(shards.path_of(folder, number)).centres()
        if kept is not None:
            found |= {one.record.key: kept[one.record.place].numpy() for one in some}
    return found


def nearest(centre: np.ndarray, known: Mapping[str, np.ndarray]) -> str:
    """Key of the group whose mean embedding is least far away (Euclidean); the first of equal ones."""
    keys = sorted(known)
    return keys[int(np.linalg.norm(np.stack([known[key] for key in keys]) - centre, axis=1).argmin())]


def measured(adapter: Adapter, groups: Sequence[Group], folder: Path, outcomes: Sequence[Outcome]) -> Cold | None:
    """What groups gain from the nearest other group's adapter over the general one; None where it cannot be told.

    A group is left out of those that may lend it their adapter, and only a few of its rows say which is its nearest.
    Each of its rows is predicted by members of the lender that have seen neither its fold nor its text.
    """
    known = kept_centres(folder, outcomes)
    could = [one for one in groups if len(_asked(adapter, one))]
    if len(known) < 2 or not could:
        return None
    count = min(MOST, max(FEWEST, round(SHARE * len(could))))
    some = [could[i] for i in sorted(np.random.default_rng(SEED).permutation(len(could))[:count])]
    console.say(f"how {len(some)} groups would do with the nearest other group's adapter")
    try:
        learnt = _learnt(adapter, _lent(adapter, groups, _borrowers(adapter, some, known)))
    except FtkitError as error:
        console.warn(f"that could not be measured: {error.message}")
        return None
    return _compared(adapter, some, learnt, len(could))


def _asked(adapter: Adapter, group: Group) -> np.ndarray:
    """The rows of a group that are tested, and carry a label that the general adapter knows."""
    rows = np.concatenate([adapter.folds.test(group.rows, fold) for fold in adapter.folds])
    asked: np.ndarray = rows[labelled(adapter.targets[rows])]
    return asked


def _borrowers(adapter: Adapter, some: Sequence[Group], known: Mapping[str, np.ndarray]) -> dict[str, list[Group]]:
    """The groups that are left out, by the key of their nearest other group."""
    few, chance = adapter.stage.recipe.bank.min_rows, np.random.default_rng(SEED)
    drawn = [chance.permutation(group.rows)[:few] for group in some]
    each = embedded(adapter, np.concatenate(drawn))
    found: dict[str, list[Group]] = {}
    for group, mine in zip(some, np.split(each, np.cumsum([len(rows) for rows in drawn])[:-1]), strict=True):
        others = {key: centre for key, centre in known.items() if key != group.key}
        found.setdefault(nearest(mine.mean(axis=0), others), []).append(group)
    return found


def _lent(adapter: Adapter, groups: Sequence[Group], borrowers: Mapping[str, Sequence[Group]]) -> list[Turn]:
    """The lenders' members, one for each fold in which a borrower has rows to be asked about."""
    lenders, found = {group.key: group for group in groups}, []
    for key, several in borrowers.items():
        rows = np.concatenate([_asked(adapter, group) for group in several])
        for fold in adapter.folds:
            if len(test := adapter.folds.test(rows, fold)):
                found.append(adapter.turn(lenders[key], fold, test))
    return [one for one in found if one is not None]


def _learnt(adapter: Adapter, turns: Sequence[Turn]) -> dict[int, np.ndarray]:
    """What the lenders' members say, row: probabilities."""
    some = [turns[start : start + TURNS] for start in range(0, len(turns), TURNS)]
    found = dict[int, np.ndarray]()
    with side_by_side(
        lambda i: adapter.learn(some[i]), range(len(some)), len(some), adapter.stop, adapter.job.network.device
    ) as ended:
        for _, each in ended:
            found |= {row: one for mine in each.values() for row, one in mine.items()}
    return found


def _compared(adapter: Adapter, some: Sequence[Group], learnt: Mapping[int, np.ndarray], could: int) -> Cold:
    """The nearest group's adapter against the general one, whole groups resampled."""
    few, measure = adapter.stage.recipe.bank.min_rows, adapter.stage.measure
    asked = [_asked(adapter, group) for group in some]
    rows, whose = np.concatenate(asked), np.repeat(np.arange(len(some)), [len(one) for one in asked])
    general = adapter.general(rows)
    before = tokens.stacked([general[row] for row in rows.tolist()])
    after = tokens.stacked([learnt.get(row, general[row]) for row in rows.tolist()])
    one, other = (measure.scored(adapter.targets[rows], scores) for scores in (after, before))
    found = measure.compare(one, other, whose)
    return Cold(len(some), could, len(rows), few, found.difference, found.low, found.high)
