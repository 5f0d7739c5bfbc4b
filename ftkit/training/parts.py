"""One fit of a run: choose on inner holdouts, then train on everything the part may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ftkit.data.table import Part
from ftkit.features.pooling import Pooling
from ftkit.features.probe import Probe
from ftkit.methods import Method
from ftkit.training.loop import Job, Step, fit, predict
from ftkit.training.members import Member, Settings, balance, member

Choice = tuple[int, float]
"""passes to keep, and the validation score that speaks for them"""
Watch = Callable[[str, str, Step], None]
"""(part, member, step)"""
Solve = Callable[[np.ndarray], Probe]
"""training rows → warm start"""


@dataclass(frozen=True)
class Fitted:
    """A part after training: the member with its weights, and what it says of the part's test rows."""

    part: Part
    seed: int
    member: Member
    logits: np.ndarray
    """(test rows, labels)"""
    trained: np.ndarray
    """rows that it was trained or tuned on"""
    validation: float
    """score on the inner holdouts at the chosen epoch; nan where there were none"""
    epochs: int
    """passes that were kept"""


def fit_part(
    job: Job,
    method: Method,
    solve: Solve,
    features: dict[Pooling, np.ndarray],
    part: Part,
    settings: Settings,
    seed: int,
    watch: Watch,
    agreed: Choice | None = None,
) -> Fitted:
    """Train one part with one seed.

    With `part.refit` the inner holdouts only choose how many epochs are best (none is a choice: the
    warm start as it is), and the delivered member trains on all rows of the part; `agreed` is that
    choice where other parts have made it already. Without `refit`, the one
    holdout stops training early and its best weights are kept.
    """

    def train(name: str, rows: np.ndarray, held: np.ndarray, stop_after: int | None) -> Member:
        weights = balance(job.targets, rows, len(solve(rows).bias)) if job.balanced else None
        one = member(name, job.network, method, solve(rows), rows, held, settings, seed, stop_after, weights)
        for step in fit(job, [one]):
            watch(part.name, name, step)
        return one

    nothing = np.array([], dtype=np.int64)
    if agreed is not None:
        best, score = agreed
        final = train("fit", part.train, nothing, best)
    elif settings.epochs == 0 or not part.inner:
        best, score = settings.epochs, float("nan")
        final = train("fit", part.train, nothing, None)
    elif part.refit:
        curves = [train(f"inner {i + 1}", rows, held, None).curve for i, (rows, held) in enumerate(part.inner)]
        best, score = best_epoch(curves, [len(held) for _, held in part.inner])
        final = train("fit", part.train, nothing, best)
    else:
        rows, held = part.inner[0]
        final = train("fit", rows, held, None)
        assert final.best is not None  # the held-out rows were scored before the first step
        best, score = final.best.epoch, final.best.score
    used = np.union1d(part.train, np.concatenate([held for _, held in part.inner])) if part.inner else part.train
    if final.step == 0 and final.best is None:  # the untouched base with the solved head: its features are known
        start = solve(final.train)
        logits = start.logits(features[start.pooling][part.test])
    else:
        logits = predict(job, final, part.test)
    final.release(weights=part.name != "final")
    return Fitted(part, seed, final, logits, used.astype(np.int64), score, best)


def agreed_on(fits: Sequence[Fitted]) -> Choice:
    """What the folds of a cross-fitted run chose: the median of their passes, and their mean validation score.

    The final part, which is not scored, follows them: five choices on all rows are worth more than
    one on two holdouts, and the delivered adapter is then trained as those were that the score is of.
    """
    passes = sorted(one.epochs for one in fits)
    return passes[len(passes) // 2], float(np.mean([one.validation for one in fits]))


def best_epoch(curves: list[list[tuple[float, float]]], sizes: list[int]) -> Choice:
    """Epoch with the best mean (score, −loss) over holdouts, and that score; the earliest at a tie.

    A member that stopped early counts with its last value from then on. Holdouts weigh by their rows.
    """
    longest = max(map(len, curves))
    filled = np.array([curve + [curve[-1]] * (longest - len(curve)) for curve in curves])  # (holdouts, epochs, 2)
    defined = np.isfinite(filled[:, 0, 0])  # a score that one holdout's labels do not define says nothing
    loss = np.average(filled[:, :, 1], axis=0, weights=sizes)
    if not defined.any():
        return int(loss.argmin()), float("nan")
    mean = np.average(filled[defined, :, 0], axis=0, weights=np.array(sizes)[defined])
    order = sorted(range(longest), key=lambda epoch: (-round(float(mean[epoch]), 12), float(loss[epoch]), epoch))
    return order[0], float(mean[order[0]])


def warm_start(
    pooled: dict[Pooling, np.ndarray],
    targets: np.ndarray,
    labels: int,
    choice: tuple[Pooling, float],
    balanced: bool,
    known: tuple[np.ndarray, np.ndarray] | None = None,
) -> Solve:
    """What solves a head on any training rows, each set of rows once.

    `known` are rows of an earlier run's head, (labels, width) and (labels,), nan where it had no such
    label: those are taken over, and only new labels start from the probe.
    """
    from ftkit.features import probe

    solved: dict[bytes, Probe] = {}

    def solve(rows: np.ndarray) -> Probe:
        key = rows.tobytes()
        if key not in solved:
            fresh = probe.fit(pooled, targets, labels, rows, choice, balanced)
            solved[key] = fresh if known is None else _merged(fresh, *known)
        return solved[key]

    return solve


def _merged(fresh: Probe, weight: np.ndarray, bias: np.ndarray) -> Probe:
    have = ~np.isnan(bias)
    return Probe(
        fresh.pooling,
        fresh.strength,
        np.where(have[:, None], weight, fresh.weight).astype(np.float32),
        np.where(have, bias, fresh.bias).astype(np.float32),
    )
