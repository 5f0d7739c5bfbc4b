"""One group's adapter: a copy of the general one, trained on from the group's own rows and held near its start."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ftkit import metrics
from ftkit.bank import records
from ftkit.bank.grouping import Folds, Group, labelled, own_labels
from ftkit.bank.records import Record
from ftkit.bank.shards import Weights, sha256_of
from ftkit.bank.stage import BIAS, FINAL, WEIGHT, Stage, Start
from ftkit.errors import FtkitError
from ftkit.statistics import promotion
from ftkit.training.loop import Job, fit, predict
from ftkit.training.members import CLOSED, Member, Origin, Settings, balance

if TYPE_CHECKING:
    import pandas as pd

    from ftkit.privacy import Mask
    from ftkit.training.stopping import Stop

NONE = np.array([], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Adapted:
    """A group after its turn."""

    record: Record
    weights: Weights | None
    """of the adapter that was trained on all its rows; None where it has none"""
    rows: np.ndarray
    """positions of the rows that were predicted out of fold"""
    general: np.ndarray
    """(rows, labels) probabilities of them by the general adapter that has not seen them"""
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

    def adapt(self, stack: Sequence[Group]) -> list[Adapted]:
        """Every group of a stack; one that fails is noted with its reason, and stops no other.

        Raises KeyboardInterrupt between two groups where it was asked to stop.
        """
        found = []
        for group in stack:
            if self.stop:
                raise KeyboardInterrupt
            found.append(self._one(group))
        return found

    def _one(self, group: Group) -> Adapted:
        known = replace(self._record(group), why_not=group.why_not)
        try:
            return self._adapted(group, known, {} if group.why_not else self._members(group))
        except FtkitError as error:
            failed = replace(known, why_not=records.FAILED, error=" ".join(error.message.split()))
            return self._adapted(group, failed, {})

    def _record(self, group: Group) -> Record:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        name = None if self.mask.on else group.name
        return Record(group.key, name, len(group.rows), group.new, data_of(self.frame, group, self.mask), trained=now)

    def _members(self, group: Group) -> dict[int, Member]:
        """The group's members: one for each fold that tests rows of it, and the one that is kept."""
        folds = [fold for fold in self.folds if len(self.folds.test(group.rows, fold))]
        rows = {fold: self.folds.train(group.rows, fold) for fold in folds}
        return {fold: self._member(group, fold, some) for fold, some in (rows | {FINAL: group.rows}).items()}

    def _adapted(self, group: Group, known: Record, members: Mapping[int, Member]) -> Adapted:
        """What the members say of the group's rows beside the general adapters, none of which has seen them."""
        scores, found = self.stage.recipe.task.scores, list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
        for fold in self.folds:
            test = self.folds.test(group.rows, fold)
            if len(test):
                one = members.get(fold)
                start = self._copy(group, self.stage.starts[fold], NONE, one.origin if one else None)
                general = scores(predict(self.job, start, test))
                found.append((test, general, scores(predict(self.job, one, test)) if one else general))
        rows, general, own = map(np.concatenate, zip(*found, strict=True))
        if not members:
            return Adapted(known, None, rows, general, own)
        return self._judged(Adapted(known, members[FINAL].snapshot(), rows, general, own), members[FINAL])

    def _member(self, group: Group, fold: int, rows: np.ndarray) -> Member:
        """The group's member, trained on some of its rows; as it starts where they teach nothing."""
        rows = rows[labelled(self.targets[rows])]
        start = self.stage.starts[fold]
        if len(np.unique(self.targets[rows], axis=0)) < 2:
            return self._copy(group, start, NONE, None)
        own = torch.from_numpy(own_labels(self.targets[rows], len(start.labels))).to(self.job.network.device)
        bank = self.stage.recipe.bank
        one = self._copy(group, start, rows, Origin(start.weights, bank.pull, own, bank.labels == "own"))
        for _ in fit(self.job, [one]):
            pass
        return one

    def _copy(self, group: Group, start: Start, rows: np.ndarray, origin: Origin | None) -> Member:
        copied = {name: nn.Parameter(tensor.clone()) for name, tensor in start.weights.items()}
        weight, bias = copied.pop(WEIGHT), copied.pop(BIAS)
        balanced = len(rows) and self.job.balanced
        return Member(
            name=group.key[:12],
            seed=seed_of(self.stage.recipe.seed, group.key),
            train=rows,
            validation=NONE,
            pooling=start.pooling,
            backbone=copied,
            weight=weight,
            bias=bias,
            settings=self.settings,
            label_weights=balance(self.job.targets, rows, len(bias)) if balanced else None,
            origin=origin,
        )

    def _judged(self, found: Adapted, final: Member) -> Adapted:
        """The same with what was seen out of fold in its record."""
        assert found.weights is not None
        difference = self.gains(found.rows, found.general, found.own)
        units = units_of(self.frame.iloc[found.rows])
        tally = promotion.tally(difference, np.zeros(len(found.rows), dtype=int), 1, units)
        closed = final.origin is not None and final.origin.closed
        own = tuple(np.flatnonzero(final.origin.labels.cpu().numpy()).tolist()) if final.origin and closed else None
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

    def gains(self, rows: np.ndarray, general: np.ndarray, own: np.ndarray) -> np.ndarray:
        """(rows,) by how much a group's own adapter is better than the general one, by the primary metric."""
        primary = self.stage.recipe.evaluate.metrics[0]
        return gains(primary, self.stage.labels, self.targets[rows], general, own)

    def said(
        self, group: Group, weights: Mapping[str, torch.Tensor], labels: Sequence[int] | None, rows: np.ndarray
    ) -> np.ndarray:
        """(rows, labels) probabilities by an adapter that was trained before; `labels`: the only ones that it gives."""
        here = {name: tensor.to(self.job.network.device) for name, tensor in weights.items()}
        start = replace(self.stage.starts[FINAL], weights=here)
        member = self._copy(group, start, NONE, None)
        scores: np.ndarray = self.stage.recipe.task.scores(closed_to(predict(self.job, member, rows), labels))
        return scores


def gains(
    primary: str, labels: tuple[str, ...], targets: np.ndarray, general: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """(rows,) by how much one's own adapter is better than the general one, from both (rows, labels) probabilities."""
    metric = row_metric(primary)
    first, second = (metric.rows(scored(labels, targets, one)) for one in (general, own))
    assert first is not None and second is not None
    difference: np.ndarray = second - first if metric.higher_is_better else first - second
    return difference


def data_of(frame: pd.DataFrame, group: Group, mask: Mask) -> str:
    """Hash of a group's rows and labels, whatever their order: 64 hex digits."""
    rows = frame.iloc[group.rows]
    told = sorted(f"{row} {gold!r}" for row, gold in zip(rows["row_id"], rows["gold"], strict=True))
    return mask.digest(hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest())


def settings_of(stage: Stage, lr: float) -> Settings:
    """How every group trains; `lr` is the general stage's."""
    bank, block = stage.recipe.bank, stage.recipe.train
    return Settings(
        epochs=bank.epochs,
        lr=FASTER * lr if bank.lr == "default" else bank.lr,
        batch=bank.batch,
        warmup=block.warmup,
        decay=block.decay,
        weight_decay=0.0,  # the pull towards the general adapter stands in its place
        clip=block.clip,
    )


FASTER = 3.0  # times the general stage's learning rate: a group has few steps


def seed_of(seed: int, key: str) -> int:
    """The seed of a group: its order of rows depends on no other group."""
    return (seed << 64) + int(key[:16], 16)


def row_metric(primary: str) -> metrics.Metric:
    """The primary metric where it is a mean over rows, else accuracy: what single groups are judged by."""
    metric = metrics.load(primary)
    nothing = metrics.Scored(("a", "b"), np.array([0]), np.array([0]), np.array([[1.0, 0.0]]))
    return metric if metric.rows(nothing) is not None else metrics.load("accuracy")


def scored(labels: tuple[str, ...], targets: np.ndarray, scores: np.ndarray) -> metrics.Scored:
    """Targets and probabilities in the form that metrics take."""
    if targets.ndim == 2:
        return metrics.Scored(labels, targets.astype(np.int64), (scores > 0.5).astype(np.int64), scores)
    return metrics.Scored(labels, targets, scores.argmax(axis=1), scores)


def closed_to(scores: np.ndarray, labels: Sequence[int] | None) -> np.ndarray:
    """Logits (rows, labels) of which only those of a list can be given; None: all."""
    if labels is None:
        return scores
    open_ = np.zeros(scores.shape[1], dtype=bool)
    open_[list(labels)] = True
    closed: np.ndarray = np.where(open_, scores, CLOSED).astype(scores.dtype)
    return closed


def units_of(frame: pd.DataFrame) -> np.ndarray:
    """(rows,) codes of what hangs together; a row without a unit stands by itself."""
    import pandas as pd

    units = frame["unit"].astype(object)
    alone = pd.Series([f"row {i}" for i in range(len(units))], index=units.index, dtype=object)
    codes: np.ndarray = pd.factorize(("unit " + units.astype(str)).where(units.notna(), alone))[0]
    return codes
