"""From rows to parts: what each fit trains on, chooses with, and is tested on.

Official test rows are kept. Without them, fewer than 1,000 rows are cross-fitted in 5 folds, and
more have a fifth held out. The place of a row follows from the hash of its unit, else of its content
(`folds.py`), so near-equal inputs and the rows of a unit are never on both sides. Stratification is
what strict hashing gives: the labels' shares differ between folds as in random draws, and only a
label that would be left without training rows is helped.

Where one text occurs in several units, and where test or validation rows are given, the rule for
near-equal inputs is kept by leaving rows out: test goes before validation, validation before training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ftkit.data.folds import NO_LABEL, Together, folds, held_out, together
from ftkit.data.names import many
from ftkit.data.sampling import draw, draw_order
from ftkit.data.table import Finding, Holdout, Part, Rows, Splits
from ftkit.errors import InputError
from ftkit.privacy import shown
from ftkit.recipe import Data

SMALL = 1000
"""training rows below which cross-fitting beats one held-out fifth"""
MANY = 2000
"""training rows from which one holdout is enough for every choice"""
FOLDS = 5
FEWEST_INNER = 2
"""inner folds that every choice is made on at least; a cross-fitted run, which trains many parts, uses no more"""
INNER_ROWS = 1500
"""rows that the inner folds of one fit are trained on about: all 5 of them only up to 300 rows, for speed"""
MOST_GROUPS = 100
"""groups that are left out one by one at most"""
LEFT_OUT = "left_out"
"""column of the frame with the group of each row, where groups are left out"""
NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Division:
    """What splitting decided."""

    split: np.ndarray
    """(rows,) train | validation | test | unused"""
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]


def divide(frame: pd.DataFrame, data: Data, tested_only: np.ndarray | None = None) -> Division:
    """Split rows; column `split` holds the official split, `train` where there is none.

    In a cross-fitted run every row is tested once; its split is `train` where any part trains on it.
    Rows of `tested_only`, (rows,) bool, are tested in their fold and no part trains on them.
    """
    official = frame["split"].to_numpy()
    pool, test = np.flatnonzero(official == "train"), np.flatnonzero(official == "test")
    plan = _Plan.of(frame, data)
    if len(test):
        parts = [plan.part("final", pool, test)]
    elif data.folds == 0 or (data.folds == "auto" and len(pool) >= SMALL):
        held = held_out(plan.rows, pool, 1 / FOLDS, data.split_seed, "split")
        parts = [plan.part("final", pool[~held], pool[held])]
    elif data.left_out is not None:
        parts = plan.left_out(pool, frame[LEFT_OUT].to_numpy(dtype=object))
    else:
        parts = plan.cross_fitted(pool, data.folds if isinstance(data.folds, int) else FOLDS, tested_only)
    _refuse(plan, parts)
    findings = _left_out(plan, pool, parts) + _shared_units(plan, frame, parts)
    findings += _not_used(plan, len(test) > 0) + _nothing_chosen(data, int((official == "validation").sum()))
    return Division(_split(len(frame), parts), tuple(parts), tuple(findings))


def used_only(splits: Splits) -> Splits:
    """The same without rows that no part uses, so that a base need not read them."""
    frame = splits.rows.frame
    used = (frame["split"] != "unused").to_numpy()
    place = np.cumsum(used) - 1
    parts = [
        Part(
            part.name,
            place[part.train],
            tuple((place[train], place[held]) for train, held in part.inner),
            place[part.test],
            part.refit,
        )
        for part in splits.parts
    ]
    rows = Rows(frame[used].reset_index(drop=True), splits.rows.labels, splits.rows.multi_label)
    return Splits(rows, tuple(parts), splits.report)


@dataclass(frozen=True)
class _Plan:
    """What every part is made with."""

    data: Data
    rows: Together
    validation: np.ndarray
    """positions of the official validation rows, where anything may be chosen"""
    rank: np.ndarray | None
    """(rows,) order of the draw, where labels are drawn"""

    @classmethod
    def of(cls, frame: pd.DataFrame, data: Data) -> _Plan:
        rows = together(frame["content"], frame["unit"].tolist(), frame["gold"].tolist())
        rank = None if data.per_label is None else draw_order(frame, rows, data.split_seed)
        official = np.flatnonzero(frame["split"].to_numpy() == "validation")
        return cls(data, rows, NOTHING if data.validation == "none" else official, rank)

    def cross_fitted(self, pool: np.ndarray, count: int, tested_only: np.ndarray | None = None) -> list[Part]:
        """One part for each fold that holds rows, and the final one, which trains on all."""
        fold = folds(self.rows, pool, count, self.data.split_seed, "split")
        numbers = np.unique(fold)
        if len(numbers) < 2:
            raise InputError(
                "nothing can be held out: all rows are near-equal or of one unit",
                "give test rows with --test FILE, or another data.unit",
            )
        trains = np.ones(len(pool), dtype=bool) if tested_only is None else ~tested_only[pool]
        parts = [self.part(f"fold {i + 1}", pool[(fold != i) & trains], pool[fold == i], crossed=True) for i in numbers]
        return [*parts, self.part("final", pool[trains], NOTHING, crossed=True)]

    def left_out(self, pool: np.ndarray, groups: np.ndarray) -> list[Part]:
        """One part for each group, which is tested on all of it, and the final one, which trains on all."""
        found = groups[pool]
        names = list(dict.fromkeys(name for name in found if name))
        if len(names) < 2:
            what = f"data.folds: by {self.data.left_out}: its training rows are of {many(len(names), 'group')}"
            raise InputError(what, "name another column, or leave out data.folds")
        if len(names) > MOST_GROUPS:
            what = f"data.folds: by {self.data.left_out}: {len(names):,} groups, one training each"
            raise InputError(what, f"name a column of at most {MOST_GROUPS} values, or give --unit instead")
        order = sorted(names)
        parts = [
            self.part(f"fold {i + 1}", pool[found != name], pool[found == name], crossed=True)
            for i, name in enumerate(order)
        ]
        return [*parts, self.part("final", pool, NOTHING, crossed=True)]

    def part(self, name: str, train: np.ndarray, test: np.ndarray, crossed: bool = False) -> Part:
        """A fit on `train` without what also occurs in `test` or in the validation rows."""
        validation = self.rows.apart(self.validation, test)
        train = self.rows.apart(self.rows.apart(train, test), validation)
        if self.rank is not None and self.data.per_label is not None:
            train = draw(self.rows, train, self.rank, self.data.per_label)
        if self.data.validation == "none":
            return Part(name, train, (), test)
        if len(validation):
            return Part(name, train, ((train, validation),), test, refit=False)
        share = self.data.validation if isinstance(self.data.validation, float) else None
        if share is None and len(train) < MANY:
            many = FEWEST_INNER if crossed else min(FOLDS, max(FEWEST_INNER, INNER_ROWS // max(1, len(train))))
            return Part(name, train, self._inner_folds(train, many), test)
        held = held_out(self.rows, train, share or 0.1, self.data.split_seed, "inner")
        inner = self.rows.teaches(train[~held]) and held.any()
        return Part(name, train, ((train[~held], train[held]),) if inner else (), test)

    def _inner_folds(self, train: np.ndarray, count: int) -> tuple[Holdout, ...]:
        """The first `count` of 5 folds, those first whose training part lacks the fewest labels."""
        fold = folds(self.rows, train, FOLDS, self.data.split_seed, "inner", keep_single=True)
        found = []
        for number in range(FOLDS):
            held = train[fold == number]
            rest = self.rows.apart(train[fold != number], held)
            if len(held) and self.rows.teaches(rest):
                found.append((rest, held))
        found.sort(key=lambda holdout: -len(self.rows.labels_of(holdout[0])))
        return tuple(found[:count])


def _refuse(plan: _Plan, parts: list[Part]) -> None:
    """Stop where a part could not be trained, or nothing would be tested."""
    for part in parts:
        if not len(part.train):
            raise InputError(
                "no rows are left for training: each of them also occurs in the test or validation rows",
                "give other test rows with --test FILE",
            )
        if not plan.rows.teaches(part.train):
            if plan.rows.numbers:
                raise InputError(f"{part.name}: there is one row only to train on", "add rows")
            label = plan.rows.labels[plan.rows.labels_of(part.train)[0]]
            name = shown(label) if label != NO_LABEL else "no label"
            raise InputError(
                f"{part.name}: all {len(part.train)} rows to train on have one label, {name}",
                "add rows of other labels, or give test rows with --test FILE",
            )
    if len(parts) == 1 and not len(parts[0].test):
        raise InputError(
            "nothing can be held out: every label has one text, or one unit, only",
            "add rows, or give test rows with --test FILE",
        )


def _split(size: int, parts: list[Part]) -> np.ndarray:
    split = np.full(size, "unused", dtype=object)
    for part in parts:
        split[part.test] = "test"
    for part in parts:
        for _, held in part.inner:
            split[held] = "validation"
    for part in parts:
        split[part.train] = "train"
    return split


def _left_out(plan: _Plan, pool: np.ndarray, parts: list[Part]) -> list[Finding]:
    """Rows that are not trained on, or not chosen with, for the sake of the other side."""
    training, validation = NOTHING, NOTHING
    for part in parts:
        candidates = np.setdiff1d(pool, part.test)
        given = plan.rows.apart(plan.validation, part.test)
        kept = plan.rows.apart(plan.rows.apart(candidates, part.test), given)
        training = np.union1d(training, np.setdiff1d(candidates, kept))
        validation = np.union1d(validation, np.setdiff1d(plan.validation, given))
    hint = "nothing to do; to train on them, take their twins out of the other file"
    if plan.data.unit is not None:
        hint = "data.unit parts rows that say the same; without it they would stay together"
    return [
        Finding("warning", "duplicates across splits", f"left out of {use}: {many(len(rows), 'row')} {like}", hint)
        for use, rows, like in (
            ("training", training, "near-equal to a test or validation row"),
            ("validation", validation, "near-equal to a test row"),
        )
        if len(rows)
    ]


def _not_used(plan: _Plan, tested: bool) -> list[Finding]:
    """Settings that official rows overrule."""
    found = []
    if tested and plan.data.folds not in ("auto", 0):
        found.append(("data.folds", "test", "to cross-fit, leave out the test rows"))
    if len(plan.validation) and isinstance(plan.data.validation, float):
        found.append(("data.validation", "validation", "to choose on a share of the training rows, leave those out"))
    return [
        Finding("note", "not used", f"{key} is not used, because {split} rows are given", hint)
        for key, split, hint in found
    ]


def _nothing_chosen(data: Data, given: int) -> list[Finding]:
    """What `data.validation: none` means for this run."""
    if data.validation != "none":
        return []
    what = "data.validation is none: nothing is chosen, every fit makes train.epochs passes over all its training rows"
    found = [Finding("note", "validation", what)]
    if given:
        unused = f"not used, because data.validation is none: {many(given, 'validation row')}"
        found.append(Finding("note", "not used", unused, "leave out data.validation to choose on them"))
    return found


def _shared_units(plan: _Plan, frame: pd.DataFrame, parts: list[Part]) -> list[Finding]:
    """Official splits are kept even where a unit is on both sides, but then the score is too kind."""
    if len(parts) > 1 or plan.data.unit is None:
        return []
    part = parts[0]
    named = frame["unit"].notna().to_numpy()
    both = np.intersect1d(plan.rows.key[part.train][named[part.train]], plan.rows.key[part.test][named[part.test]])
    if not len(both):
        return []
    what = f"on both sides of the official split: {many(len(both), 'unit')}"
    hint = "the score will look better than on new units: leave out data.test to have units split whole"
    return [Finding("warning", "units across splits", what, hint)]
