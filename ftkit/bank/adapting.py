"""One group's adapter: a copy of the general one, trained on from the group's own rows and held near its start."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ftkit.bank import records
from ftkit.bank.answers import Answers
from ftkit.bank.carried import labelled, own_labels, several
from ftkit.bank.grouping import Folds, Group, data_of, units_of
from ftkit.bank.records import Record
from ftkit.bank.shards import Weights, sha256_of
from ftkit.bank.stage import BIAS, FINAL, WEIGHT, Stage, Start
from ftkit.bank.turns import FEWEST, Learnt, Turn, learnt
from ftkit.errors import FtkitError
from ftkit.features import tokens
from ftkit.features.constants import looked_up
from ftkit.statistics import promotion
from ftkit.training.loop import fit
from ftkit.training.members import CLOSED, Member, Origin, Settings, balance
from ftkit.training.passes import Job, predict
from ftkit.training.stacks import Stack, can_stack, stacks

if TYPE_CHECKING:
    import pandas as pd

    from ftkit.privacy import Mask
    from ftkit.training.stopping import Stop

NONE = np.array([], dtype=np.int64)
NOBODY = "0" * 64
"""stands for a group's key where nothing is trained"""


@dataclass(frozen=True, eq=False)
class Adapted:
    """A group after its turn."""

    record: Record
    weights: Weights | None
    """of the adapter that is kept; None where it has none"""
    rows: np.ndarray
    """positions of the rows that were predicted out of fold"""
    general: np.ndarray
    """(rows, labels) probabilities of them, of tags (rows,) objects (tokens, labels), by the general adapter that has
    not seen them"""
    own: np.ndarray
    """the same by the group's; the general one's where it has none"""


@dataclass(frozen=True)
class Adapter:
    """What adapting any group needs; a group's outcome is a function of this and its rows alone."""

    stage: Stage
    job: Job
    folds: Folds
    frame: pd.DataFrame
    targets: np.ndarray
    settings: Settings
    mask: Mask
    stop: Stop

    @cached_property
    def answers(self) -> Answers:
        """What the general adapters and the untouched base say of rows."""
        return Answers(self.job.examples.hashes)

    def adapt(self, stack: Sequence[Group]) -> list[Adapted]:
        """Every group of a stack; one that fails is noted with its reason, and stops no other.

        Raises KeyboardInterrupt between two steps where it was asked to stop.
        """
        general = self.general(np.concatenate([group.rows for group in stack]))
        groups = [group for group in stack if not group.why_not]
        try:
            found = self._learnt(groups)
            failed = dict[str, str]()
        except FtkitError:  # nothing of a step is kept where a number of it is none: all again, one after another
            found, failed = self._one_by_one(groups)
        return [self._adapted(group, general, found.get(group.key), failed.get(group.key, "")) for group in stack]

    def _one_by_one(self, groups: Sequence[Group]) -> tuple[dict[str, Learnt], dict[str, str]]:
        """What each group has learnt by itself, and why others have not."""
        found, failed = dict[str, Learnt](), dict[str, str]()
        for group in groups:
            try:
                found |= self._learnt([group])
            except FtkitError as error:
                failed[group.key] = " ".join(error.message.split())
        return found, failed

    def _record(self, group: Group) -> Record:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        name = None if self.mask.on else group.name
        return Record(group.key, name, len(group.rows), group.new, data_of(self.frame, group, self.mask), trained=now)

    def general(self, rows: np.ndarray, keep: bool = False) -> dict[int, np.ndarray]:
        """Row: probabilities by the general adapter that has not seen it."""
        found = dict[int, np.ndarray]()
        for fold in self.folds:
            test = self.folds.test(rows, fold)
            if len(test):
                said = self.answers.of(fold, test, partial(self._asked, self.stage.starts[fold]), keep)
                found |= dict(zip(test.tolist(), said, strict=True))
        return found

    def _asked(self, start: Start, rows: np.ndarray) -> np.ndarray:
        scores: np.ndarray = self.stage.recipe.task.scores(self.ask(start, rows))
        return scores

    def _learnt(self, groups: Sequence[Group]) -> dict[str, Learnt]:
        turns = {group.key: self._turns(group) for group in groups}
        scores = self.learn([turn for some in turns.values() for turn in some])
        found = {key: learnt(self.stage.starts, some, scores[key]) for key, some in turns.items()}
        means = [group for group in groups if turns[group.key][-1].fold != FINAL]
        last = [turn for group in self._lost(means, found) if (turn := self.turn(group, FINAL, NONE)) is not None]
        self.learn(last)
        return found | {one.key: learnt(self.stage.starts, [one], scores[one.key]) for one in last}

    def _lost(self, groups: Sequence[Group], found: Mapping[str, Learnt]) -> list[Group]:
        """Those whose mean does worse on their rows than the members did, none of which had seen the row.

        That members lie too far apart for a mean shows there: it has seen every row through some of them.
        """
        asked = [(group, found[group.key], np.array(sorted(found[group.key].scores))) for group in groups]
        turns = [Turn(group.key, FINAL, rows, self._done(group.key, one)) for group, one, rows in asked]
        said = self._learn(turns)  # one pass, for which nothing need be looked up
        return [group for group, one, rows in asked if self._worse(rows, said[group.key], one.scores)]

    def _worse(self, rows: np.ndarray, mean: Mapping[int, np.ndarray], members: Mapping[int, np.ndarray]) -> bool:
        said, unseen = (tokens.stacked([one[row] for row in rows.tolist()]) for one in (mean, members))
        return bool(self.stage.measure.gains(self.targets[rows], unseen, said).sum() < 0)

    def _done(self, key: str, one: Learnt) -> Member:
        """A member with weights that are trained already."""
        start, closed = replace(self.stage.starts[FINAL], weights=one.weights), one.labels is not None
        own = np.isin(np.arange(len(start.labels)), one.labels or ())
        return self._copy(key, start, NONE, Origin(one.weights, 0.0, torch.from_numpy(own), closed))

    def learn(self, some: Sequence[Turn]) -> dict[str, dict[int, np.ndarray]]:
        """Train members, side by side where they can be, and ask them about their test rows; each is asked for once.

        Returns by key of the group what they say, row: probabilities.
        """
        rows = [rows for turn in some for rows in (turn.member.train, turn.test)]
        if self.job.precision == "bf16" or not rows:
            return self._learn(some)
        with looked_up(self.job.network, self.job.examples, np.unique(np.concatenate(rows))):
            return self._learn(some)

    def _learn(self, some: Sequence[Turn]) -> dict[str, dict[int, np.ndarray]]:
        turns = {id(turn.member): turn for turn in some}
        found = {turn.key: dict[int, np.ndarray]() for turn in some}
        for members, stack in self._side_by_side([turn.member for turn in some]):
            for _ in fit(self.job, members, stack):
                if self.stop:
                    raise KeyboardInterrupt
            mine = [turns[id(one)] for one in members]
            asked = [turn for turn in mine if len(turn.test)]
            for turn, logits in zip(asked, self._logits(asked, stack), strict=True):
                scores = self.stage.recipe.task.scores(logits)
                found[turn.key] |= dict(zip(turn.test.tolist(), scores, strict=True))
        return found

    def _side_by_side(self, members: Sequence[Member]) -> Iterator[tuple[Sequence[Member], Stack | None]]:
        """Members that are trained together, with the stack that they are in; by themselves where there is none."""
        if members and can_stack(self.job, members[0]):
            for some in stacks(members):
                yield some.members, some
        else:
            for one in members:
                yield [one], None

    def _logits(self, asked: Sequence[Turn], some: Stack | None) -> list[np.ndarray]:
        if some is None:
            return [predict(self.job, turn.member, turn.test) for turn in asked]
        return some.predict(self.job, [(turn.member, turn.test) for turn in asked])

    def _turns(self, group: Group) -> list[Turn]:
        """The group's members: one for each fold that tests rows of it; for all rows where there is no mean to keep."""
        tests = {fold: self.folds.test(group.rows, fold) for fold in self.folds}
        asked = [self.turn(group, fold, test) for fold, test in tests.items() if len(test)]
        found = [one for one in asked if one is not None]
        alike = {one.member.pooling for one in found} == {
            self.stage.starts[FINAL].pooling
        }  # else heads see other numbers
        final = None if alike and len(found) >= FEWEST else self.turn(group, FINAL, NONE)
        return found if final is None else [*found, final]

    def turn(self, group: Group, fold: int, test: np.ndarray) -> Turn | None:
        """A member that has not seen a fold, to be asked about rows of it; None where one label is left to train on."""
        rows = group.rows if fold == FINAL else self.folds.train(group.rows, fold)
        rows = rows[labelled(self.targets[rows])]
        if not several(self.targets[rows]):
            return None
        return Turn(group.key, fold, test, self._member(group.key, fold, rows))

    def _member(self, key: str, fold: int, rows: np.ndarray) -> Member:
        start, bank = self.stage.starts[fold], self.stage.recipe.bank
        own = torch.from_numpy(own_labels(self.targets[rows], start.labels)).to(self.job.network.device)
        return self._copy(key, start, rows, Origin(start.weights, bank.pull, own, bank.labels == "own"))

    def _adapted(self, group: Group, general: Mapping[int, np.ndarray], own: Learnt | None, error: str) -> Adapted:
        """What the members say of the group's rows beside the general adapters, none of which has seen them."""
        rows = np.concatenate([self.folds.test(group.rows, fold) for fold in self.folds])
        before = tokens.stacked([general[row] for row in rows.tolist()])
        record = replace(self._record(group), why_not=records.FAILED if error else group.why_not, error=error)
        if own is None:
            return Adapted(record, None, rows, before, before)
        after = tokens.stacked([own.scores.get(row, general[row]) for row in rows.tolist()])
        return self._judged(Adapted(record, own.weights, rows, before, after), own.labels)

    def _copy(self, key: str, start: Start, rows: np.ndarray, origin: Origin | None) -> Member:
        copied = {name: nn.Parameter(tensor.clone()) for name, tensor in start.weights.items()}
        weight, bias = copied.pop(WEIGHT), copied.pop(BIAS)
        balanced = len(rows) and self.job.balanced
        return Member(
            name=key[:12],
            seed=seed_of(self.stage.recipe.seed, key),
            train=rows,
            validation=NONE,
            pooling=start.pooling,
            backbone=copied,
            weight=weight,
            bias=bias,
            settings=self.settings,
            label_weights=balance(self.job.targets, rows, len(bias)) if balanced else None,
            origin=origin,
            scale=start.scale,
        )

    def _judged(self, found: Adapted, own: tuple[int, ...] | None) -> Adapted:
        """The same with what was seen out of fold in its record."""
        assert found.weights is not None
        difference = self.stage.measure.gains(self.targets[found.rows], found.general, found.own)
        units = units_of(self.frame.iloc[found.rows])
        tally = promotion.tally(difference, np.zeros(len(found.rows), dtype=int), 1, units)
        record = replace(
            found.record,
            labels=own,
            sha256=sha256_of(found.weights),
            tested=len(found.rows),
            gain=float(tally.gain[0]),
            units=int(tally.units[0]),
            squares=float(tally.squares[0]),
        )
        return replace(found, record=record)

    def said(self, weights: Mapping[str, torch.Tensor], labels: Sequence[int] | None, rows: np.ndarray) -> np.ndarray:
        """(rows, labels) probabilities by an adapter that was trained before; `labels`: the only ones that it gives."""
        here = {name: tensor.to(self.job.network.device) for name, tensor in weights.items()}
        logits = self.ask(replace(self.stage.starts[FINAL], weights=here), rows)
        closed = tokens.stacked([closed_to(row, labels) for row in logits])
        scores: np.ndarray = self.stage.recipe.task.scores(closed)
        return scores

    def ask(self, start: Start, rows: np.ndarray) -> np.ndarray:
        """(rows, labels) logits by an adapter as it is."""
        return predict(self.job, self._copy(NOBODY, start, NONE, None), rows)


def settings_of(stage: Stage, lr: float) -> Settings:
    """How every group trains; `lr` is the general stage's."""
    bank, block = stage.recipe.bank, stage.recipe.train
    assert bank.epochs != "auto"  # decided when the bank was made
    return Settings(
        epochs=bank.epochs,
        lr=lr * (FASTER if stage.recipe.method.own_epochs else HEAD_FASTER) if bank.lr == "default" else bank.lr,
        batch=bank.batch,
        warmup=block.warmup,
        decay=block.decay,
        weight_decay=0.0,  # the pull towards the general adapter stands in its place
        clip=block.clip,
    )


HEAD_FASTER, FASTER = 3.0, 1.5
"""times the general stage's learning rate: a group has few steps. Of a head, and where weights of the base move: there
36 people who judge offensiveness gained 3.4 points at 1.5 times, 2.2 at 3 and 0.5 at 6"""


def seed_of(seed: int, key: str) -> int:
    """The seed of a group: its order of rows depends on no other group."""
    return (seed << 64) + int(key[:16], 16)


def closed_to(scores: np.ndarray, labels: Sequence[int] | None) -> np.ndarray:
    """Logits (…, labels) of which only those of a list can be given; None: all."""
    if labels is None:
        return scores
    open_ = np.zeros(scores.shape[-1], dtype=bool)
    open_[list(labels)] = True
    # a token that the base is not shown stays at minus infinity
    closed: np.ndarray = np.where(open_, scores, np.minimum(scores, CLOSED)).astype(scores.dtype)
    return closed
