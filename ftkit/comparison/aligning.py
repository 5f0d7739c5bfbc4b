"""The rows on which all entries can be compared, and why the others are left out.

A prediction counts only where the model that made it had not seen the row. A run whose rows were
held out has seen what it was trained and tuned on, and what its base was. Of a run with folds each
row was predicted by a model that had not seen it, although the adapter that is delivered has: there
only the rows of its base count as seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ftkit.comparison.entries import Entry
from ftkit.comparison.reading import Run
from ftkit.comparison.settings import DIFFERENT_GOLD, why_none
from ftkit.errors import InputError
from ftkit.metrics import Scored
from ftkit.statistics.coding import coded

FEWEST = 2


@dataclass(frozen=True)
class Side:
    """What an entry predicted on the rows that are compared, in their order."""

    entry: Entry
    by_seed: Mapping[int, Scored]
    folds: np.ndarray | None
    """(rows,) the fold that each row was predicted in; None where rows were held out"""

    @property
    def scored(self) -> Scored:
        """The predictions of the delivered seed."""
        return self.by_seed[self.entry.delivered]


@dataclass(frozen=True)
class Aligned:
    """Entries on common rows."""

    sides: tuple[Side, ...]
    """in the order of the entries; the first is the reference"""
    rows: pa.Table
    """the reference's predictions of these rows: row_id, gold, unit, group"""
    left_out: tuple[tuple[str, int], ...]
    """(why, rows), the most frequent reason first"""
    tables: tuple[pa.Table, ...] = field(repr=False)
    """the same of each entry, for its slices"""

    def __len__(self) -> int:
        return len(self.rows)


def align(entries: Sequence[Entry]) -> Aligned:
    """Align entries by row id. Raises InputError where fewer than two rows are left."""
    views = [_View(entry, _of_seed(entry, entry.delivered)) for entry in entries]
    reasons = _seen(views)
    everything = set().union(*(view.place for view in views))
    for view in views:
        for row in everything - view.place.keys():
            reasons.setdefault(row, f"{view.run_name} was not tested on them")
    common = np.array(sorted(everything - reasons.keys()), dtype=object)
    tables = [view.take(common) for view in views]
    same = _same_gold([table["gold"] for table in tables], ordered=entries[0].run.kind == "tags")
    left_out = Counter(reasons.values()) + Counter({DIFFERENT_GOLD: int((~same).sum())})
    kept, tables = common[same], [table.filter(pa.array(same)) for table in tables]
    if len(kept) < FEWEST:
        raise why_none(entries, len(kept), left_out)
    sides = tuple(_side(view, table, kept, entries[0].run) for view, table in zip(views, tables, strict=True))
    return Aligned(sides, tables[0], tuple(left_out.most_common()), tuple(tables))


class _View:
    """The rows of an entry's delivered seed, by row id."""

    def __init__(self, entry: Entry, table: pa.Table) -> None:
        self.entry, self.table = entry, table
        ids = table["row_id"].to_pylist()
        self.place = {row: number for number, row in enumerate(ids)}
        if len(self.place) < len(ids):
            raise InputError(f"{entry.run.path}: a row was predicted twice by {entry.predictor}", "train the run again")

    @property
    def run_name(self) -> str:
        """The run's part of the entry's name."""
        return self.entry.name.removesuffix(f":{self.entry.predictor}")

    def take(self, rows: Iterable[str]) -> pa.Table:
        """These rows in their order."""
        return self.table.take(pa.array([self.place[row] for row in rows], pa.int64()))


def _of_seed(entry: Entry, seed: int) -> pa.Table:
    table = entry.run.table
    mine = pc.and_(pc.equal(table["predictor"], entry.predictor), pc.equal(table["seed"], seed))
    return table.filter(mine)


def _seen(views: Sequence[_View]) -> dict[str, str]:
    """Row: why no prediction of it by one of the runs would be honest."""
    everything = set().union(*(view.place for view in views))
    reasons: dict[str, str] = {}
    for view in views:
        run, name = view.entry.run, view.run_name
        hashes = dict(zip(view.place, view.table["input_hash"].to_pylist(), strict=True))
        own = {row for row in everything & run.own.ids if row not in view.place}
        if not run.folds:
            own |= {row for row, seen in hashes.items() if row in run.own.ids or seen in run.own.hashes}
        base = everything & run.base.ids | {row for row, seen in hashes.items() if seen in run.base.hashes}
        reasons = dict.fromkeys(own, f"{name} was trained on them") | reasons
        reasons = dict.fromkeys(base, f"the base of {name} was trained on them") | reasons
    return reasons


def _same_gold(golds: Sequence[pa.ChunkedArray], ordered: bool) -> np.ndarray:
    """(rows,) whether all runs were tested with the same label, or labels in any order."""
    if not len(golds[0]):
        return np.zeros(0, dtype=bool)
    if not pa.types.is_list(golds[0].type):
        return np.asarray(np.all([pc.equal(golds[0], other) for other in golds], axis=0), dtype=bool)
    if pa.types.is_floating(golds[0].type.value_type):
        rows = [gold.to_pylist() for gold in golds]
        return np.array([all(one == row[0] for one in row) for row in zip(*rows, strict=True)], dtype=bool)
    made = tuple if ordered else frozenset
    sets = [[made(labels) for labels in gold.to_pylist()] for gold in golds]
    return np.array([len(set(row)) == 1 for row in zip(*sets, strict=True)], dtype=bool)


def _side(view: _View, table: pa.Table, rows: np.ndarray, reference: Run) -> Side:
    entry = view.entry
    by_seed = {}
    for seed in entry.seeds:
        mine = table
        if seed != entry.delivered:
            other = _View(entry, _of_seed(entry, seed))
            if not other.place.keys() >= set(rows):
                message = f"{entry.run.path}: seed {seed} of {entry.predictor} lacks rows"
                raise InputError(message, "train the run again")
            mine = other.take(rows)
        try:
            by_seed[seed] = coded(mine, entry.run.labels, entry.run.kind, reference.labels)
        except InputError as error:
            raise InputError(f"{entry.run.path}: {entry.predictor}: {error.message}", error.hint) from None
    return Side(entry, by_seed, table["fold"].to_numpy() if entry.run.folds else None)
