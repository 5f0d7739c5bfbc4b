"""One part of a run with one seed: choose on inner holdouts, then train on everything the part may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ftkit.data.table import Part
from ftkit.features.pooling import Pooling
from ftkit.features.probe import Probe
from ftkit.features.scale import Scale
from ftkit.search.ladder import Climb
from ftkit.training.arms import Arm, Arms
from ftkit.training.checkpoints import Journal
from ftkit.training.finite import NotFinite
from ftkit.training.loop import fit
from ftkit.training.members import Member, Settings, balance, member
from ftkit.training.passes import predict
from ftkit.training.stopping import Stop
from ftkit.training.watching import Watcher

Solve = Callable[[np.ndarray], Probe]
"""training rows → warm start"""
NOTHING = np.array([], dtype=np.int64)
ENOUGH = 3
"""passes that catch up with a solved head from softened logits; fewer may end lower, which held-out rows would tell"""


@dataclass(frozen=True)
class Held:
    """Rows that were held out for a choice, and what models that had not seen them say of them once it is made."""

    rows: np.ndarray
    """positions; a row that several folds have held out stands there as often"""
    logits: np.ndarray
    """(rows, labels)"""


@dataclass(frozen=True)
class Tried:
    """A method with a learning rate, trained on the inner holdouts of a part."""

    arm: Arm
    lr: float
    epochs: int
    """passes that were best over all holdouts together"""
    score: float
    """there; larger is better"""
    loss: float
    members: tuple[Member, ...]

    @property
    def held(self) -> np.ndarray:
        """Logits of the held-out rows after `epochs` passes, one holdout after the other."""
        return np.concatenate([one.held[min(self.epochs, len(one.held) - 1)] for one in self.members])


@dataclass(frozen=True)
class Rung:
    """A method that was tried: its score on the inner holdouts, and how it did against the best below it."""

    score: float
    climb: Climb | None
    """None for the lowest"""
    arithmetic: float
    """multiply-adds that trying it took"""


@dataclass(frozen=True)
class Choice:
    """What a part trains with: the arm's number, learning rate, passes, and the score that speaks for them."""

    arm: int
    lr: float
    epochs: int
    score: float
    rungs: tuple[Rung, ...] = ()
    """what the ladder was climbed by, from the lowest rung on"""
    rates: dict[float, float] = field(default_factory=dict)
    """learning rate: score, of the arm that was chosen, where several were tried"""
    member: Member | None = None
    """where the chosen holdout's member is the one to deliver"""
    held: Held | None = field(default=None, compare=False)
    """what calibration is learned from; None where nothing was held out"""


@dataclass(frozen=True)
class Fitted:
    """A part after training: the member with its weights, and what it says of the part's test rows."""

    part: Part
    seed: int
    arm: Arm
    choice: Choice
    member: Member
    logits: np.ndarray
    """(test rows, labels)"""
    trained: np.ndarray
    """rows that it was trained or tuned on"""

    @property
    def validation(self) -> float:
        """Score on the inner holdouts at the chosen epoch; nan where there were none."""
        return self.choice.score

    @property
    def epochs(self) -> int:
        """Passes that were kept."""
        return self.choice.epochs


@dataclass(frozen=True)
class Fit:
    """All that training the members of one part with one seed needs."""

    part: Part
    seed: int
    arms: Arms
    solve: Solve
    settings: Callable[[Arm], Settings]
    """of an arm at its own learning rate"""
    journal: Journal
    watcher: Watcher
    stop: Stop
    keep: bool = True
    """whether the weights are wanted when it is done"""

    def train(
        self, arm: Arm, lr: float, name: str, rows: np.ndarray, held: np.ndarray, stop_after: int | None = None
    ) -> tuple[Member, np.ndarray | None]:
        """A trained member, and its logits of the part's test rows where an earlier attempt has left them."""
        job, start, settings = arm.job, self.solve(rows), replace(self.settings(arm), lr=lr)
        trained = settings.epochs and arm.network.trainable()
        if trained and (self.part.inner or settings.epochs >= ENOUGH):
            start = start.softened()
        weights = balance(job.targets, rows, len(start.bias)) if job.balanced else None
        how = (settings, self.seed, stop_after, weights, job.alike)
        one = member(name, arm.network, arm.method, start, rows, held, *how)
        known = self.journal.begin(f"{self.part.name}, seed {self.seed}, {arm.method.label}, {lr!r}, {name}", one)
        if one.step:
            self.watcher.skip(one.step * settings.batch)
        if known is not None:
            return one, known.get("logits")
        arm.read(np.union1d(rows, held))
        try:
            for step in fit(arm.precisions.settle(job, one), [one]):
                self.watcher.saw(self.part.name, name, self.seed, step)
                with job.profile.time("saving"):
                    self.journal.stepped(one)
                if self.stop:
                    self.journal.save(one)
                    raise KeyboardInterrupt
        except NotFinite:  # the member is as its last good step has left it
            self.journal.save(one)
            raise
        return one, None

    def attempt(self, arm: Arm, lr: float) -> Tried:
        """Train on every inner holdout; without `refit` the one holdout's member is what is delivered."""
        label = f", {arm.method.label}" if len(self.arms) > 1 else ""
        members = []
        for i, (rows, held) in enumerate(self.part.inner):
            one, _ = self.train(arm, lr, f"inner {i + 1}{label}" if self.part.refit else f"fit{label}", rows, held)
            self.journal.finish(one, {}, weights=not self.part.refit)
            one.release(weights=self.part.refit)
            members.append(one)
        epochs, score, loss = best_epoch([one.curve for one in members], [len(held) for _, held in self.part.inner])
        return Tried(arm, lr, epochs, score, loss, tuple(members))

    def held(self, logits: np.ndarray) -> Held:
        """Logits of the part's inner holdouts, one after the other."""
        return Held(np.concatenate([held for _, held in self.part.inner]), logits)

    def solved(self) -> Held | None:
        """What heads that are only solved say of the inner holdouts; None where there are none."""
        heads = [(self.solve(rows), held) for rows, held in self.part.inner]
        if not heads:
            return None
        pooled = self.arms[0].job.pooled
        return self.held(np.concatenate([head.logits(pooled[head.pooling][held]) for head, held in heads]))

    def deliver(self, choice: Choice) -> Fitted:
        """Train with what was chosen and predict the part's test rows."""
        part, arm = self.part, self.arms[choice.arm]
        if choice.member is not None:
            final, logits = choice.member, self.predict(arm, choice.member)
        else:
            final, logits = self._trained(choice, "fit", part.train, weights=self.keep)
        used = np.union1d(part.train, np.concatenate([NOTHING, *(held for _, held in part.inner)]))
        final.release(weights=not self.keep)
        return Fitted(part, self.seed, arm, choice, final, logits, used.astype(np.int64))

    def repeat(self, choice: Choice, name: str, rows: np.ndarray) -> np.ndarray:
        """Logits of the part's test rows after training as was chosen, but on these rows."""
        one, logits = self._trained(choice, name, rows, weights=False)
        one.release(weights=True)
        return logits

    def _trained(self, choice: Choice, name: str, rows: np.ndarray, weights: bool) -> tuple[Member, np.ndarray]:
        """A member trained as was chosen, with its logits of the test rows; `weights` says whether they are kept."""
        arm = self.arms[choice.arm]
        one, known = self.train(arm, choice.lr, name, rows, NOTHING, choice.epochs)
        logits = self.predict(arm, one) if known is None else known
        self.journal.finish(one, {"logits": logits}, weights=weights)
        return one, logits

    def predict(self, arm: Arm, one: Member) -> np.ndarray:
        """Logits (test rows, labels) of the part's test rows."""
        arm.read(self.part.test)
        with arm.clock.phase("predict"):
            return predict(arm.job, one, self.part.test)


def agreed_on(fits: Sequence[Fitted]) -> Choice:
    """What the folds of a cross-fitted run chose: median arm, then median rate and passes of the folds that took it.

    The final part, which is not scored, follows them: five choices on all rows are worth more than
    one on two holdouts, and the delivered adapter is then trained as those were that the score is of.
    """
    arms = sorted(one.choice.arm for one in fits)
    arm = arms[(len(arms) - 1) // 2]  # the cheaper one of two
    same = [one.choice for one in fits if one.choice.arm == arm]
    rates, passes = sorted(one.lr for one in same), sorted(one.epochs for one in same)
    score = float(np.mean([one.validation for one in fits]))
    held = together([one.held for one in same if one.held is not None])
    return Choice(arm, rates[(len(rates) - 1) // 2], passes[len(passes) // 2], score, held=held)


def together(several: Sequence[Held]) -> Held | None:
    """What all of them held out."""
    if not several:
        return None
    return Held(np.concatenate([one.rows for one in several]), np.concatenate([one.logits for one in several]))


def best_epoch(curves: list[list[tuple[float, float]]], sizes: list[int]) -> tuple[int, float, float]:
    """Epoch with the best mean (score, −loss) over holdouts, that score and loss; the earliest at a tie.

    A member that stopped early counts with its last value from then on. Holdouts weigh by their rows.
    """
    longest = max(map(len, curves))
    filled = np.array([curve + [curve[-1]] * (longest - len(curve)) for curve in curves])  # (holdouts, epochs, 2)
    defined = np.isfinite(filled[:, 0, 0])  # a score that one holdout's labels do not define says nothing
    loss = np.average(filled[:, :, 1], axis=0, weights=sizes)
    if not defined.any():
        return int(loss.argmin()), float("nan"), float(loss.min())
    mean = np.average(filled[defined, :, 0], axis=0, weights=np.array(sizes)[defined])
    order = sorted(range(longest), key=lambda epoch: (-round(float(mean[epoch]), 12), float(loss[epoch]), epoch))
    return order[0], float(mean[order[0]]), float(loss[order[0]])


@dataclass(frozen=True, eq=False)
class Known:
    """Rows of an earlier run's head in the order of this run's labels, nan for labels that it did not know."""

    weight: np.ndarray
    """(labels, width)"""
    bias: np.ndarray
    """(labels,)"""
    scale: Scale | None = None
    """of the numbers that it predicts"""


def warm_start(
    pooled: dict[Pooling, np.ndarray],
    targets: np.ndarray,
    labels: int,
    choice: tuple[Pooling, float],
    balanced: bool,
    known: Known | None = None,
    classes: int = 0,
) -> Solve:
    """What solves a head on any training rows, each set of rows once.

    `known` are rows of an earlier run's head: those are taken over, and only new labels start from the probe.
    """
    from ftkit.features import probe

    solved: dict[bytes, Probe] = {}

    def solve(rows: np.ndarray) -> Probe:
        key = rows.tobytes()
        if key not in solved:
            fresh = probe.fit(pooled, targets, labels, rows, choice, balanced, classes)
            solved[key] = fresh if known is None else _merged(fresh, known)
        return solved[key]

    return solve


def _merged(fresh: Probe, known: Known) -> Probe:
    weight, bias, have = known.weight, known.bias, ~np.isnan(known.bias)
    if known.scale is not None and fresh.scale is not None:
        weight, bias = known.scale.moved(weight, bias, fresh.scale)
    return replace(
        fresh,
        weight=np.where(have[:, None], weight, fresh.weight).astype(np.float32),
        bias=np.where(have, bias, fresh.bias).astype(np.float32),
    )
