"""The learning curve of a run: its parts once more, on growing shares of their training rows.

A share is trained as the run was: with the method, the learning rate and the number of passes that its part chose on
all of its training rows, so fewer rows mean fewer steps, and from a probe that is solved on the share alone. With all
rows and a seed of the run it is the run itself, and is not trained again. The test rows are those of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ftkit import metrics
from ftkit.console import console
from ftkit.data import shares
from ftkit.data.shares import Order
from ftkit.statistics.coding import units_of
from ftkit.statistics.curve import Observed
from ftkit.statistics.jackknife import leave_out
from ftkit.training.deciding import every_seed
from ftkit.training.finite import NotFinite
from ftkit.training.judging import scored
from ftkit.training.watching import Watcher

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.data.table import Part, Splits
    from ftkit.features.probe import Probe
    from ftkit.recipe import Recipe
    from ftkit.training.parts import Fit, Fitted
    from ftkit.training.session import Session

PREDICTORS = ("adapted", "linear_probe")


@dataclass(frozen=True)
class Plan:
    """Which rows every repetition trains every part on."""

    parts: tuple[Part, ...]
    """those that have test rows"""
    seeds: tuple[int, ...]
    """one repetition each: of the draw and of the training"""
    sizes: tuple[int, ...]
    """rows of a share; the last is all of them"""
    orders: Mapping[tuple[str, int], Order]
    """(part, seed): order"""

    def rows(self, part: Part, seed: int, place: int) -> np.ndarray:
        """Training rows of a share; parts differ a little in size, and have the same share of it each."""
        if self.whole(place):
            return part.train
        return self.orders[part.name, seed].first(round(len(part.train) * self.sizes[place] / self.sizes[-1]))

    def whole(self, place: int) -> bool:
        """Whether the share is all rows."""
        return place == len(self.sizes) - 1

    def labels(self, place: int) -> float:
        """Rows of a share, on average over parts and seeds."""
        return float(np.mean([len(self.rows(part, seed, place)) for part in self.parts for seed in self.seeds]))

    def new(self, known: Sequence[int]) -> list[tuple[Part, int, int]]:
        """(part, seed, place of the share) of each training that a run with these seeds does not have already."""
        return [
            (part, seed, place)
            for seed in self.seeds
            for place in range(len(self.sizes))
            for part in self.parts
            if not (self.whole(place) and seed in known)
        ]


def plan(recipe: Recipe, splits: Splits) -> Plan | None:
    """The shares of a run's parts, said aloud with what they will cost; None where no curve is wanted."""
    if not recipe.curve.points:
        return None
    together = shares.gathered(splits.rows)
    parts = tuple(part for part in splits.parts if len(part.test))
    seeds = tuple(recipe.seed + i for i in range(recipe.curve.seeds))
    orders = {(part.name, seed): shares.order(together, part, seed) for part in parts for seed in seeds}
    sizes = tuple(shares.sizes(list(orders.values()), recipe.curve.points))
    made = Plan(parts, seeds, sizes, orders)
    new = made.new(every_seed(recipe))
    times = sum(len(made.rows(*one)) for one in new) / max(1, sum(len(part.train) for part in parts))
    span = f"{sizes[0]:,} to {sizes[-1]:,}" if len(sizes) > 1 else f"{sizes[0]:,}"
    said = f"{len(new):,} more trainings on {span} rows, {times:.1f} times the work of training once on all of them"
    console.say(f"the learning curve takes {said}")
    return made


@dataclass(frozen=True)
class Traced:
    """The curve as it was observed, for the run's method and for the probe beside it."""

    seen: Mapping[str, Observed]
    """by predictor"""
    left_out: tuple[float, ...]
    """numbers of labels at which a training ran away, or the metric is not defined"""


@dataclass(frozen=True)
class Tracer:
    """All that training and scoring the shares needs."""

    session: Session
    plan: Plan
    fits: Mapping[tuple[str, int], Fitted]
    """the run's own"""
    probes: Mapping[str, Probe]
    """part: the run's own"""
    fit_of: Callable[[Part, int, Watcher], Fit]

    def trace(self, accelerator: Accelerator) -> Traced:
        """Train and score every share; of its predictions only what scores need is kept."""
        seeds, places = self.plan.seeds, range(len(self.plan.sizes))
        with console.progress("learning curve", self._rows_shown()) as bar:
            primary, loss = self.session.recipe.evaluate.metrics[0], self.session.recipe.task.loss_metric
            watcher = Watcher(primary, loss, accelerator, bar, lambda line: None)  # the history is the run's alone
            points = {}
            for seed in seeds:
                for place in places:
                    logits = self._adapted(seed, place, watcher), self._probed(seed, place)
                    points[seed, place] = [self._measured(one) for one in logits]
        good = [all(np.isfinite(value) for seed in seeds for value, _ in points[seed, place]) for place in places]
        labels = np.array([self.plan.labels(place) for place in places])
        seen = {}
        for which, name in enumerate(PREDICTORS):
            kept = [[points[seed, place][which] for seed in seeds] for place in places if good[place]]
            values = np.array([[value for value, _ in point] for point in kept]).reshape(-1, len(seeds))
            left_out = np.array([np.mean([without for _, without in point], axis=0) for point in kept])
            seen[name] = Observed(labels[good], values, left_out, self._units() is not None)
        return Traced(seen, tuple(labels[~np.array(good)].tolist()))

    def _rows_shown(self) -> int:
        """Rows of all passes, those counted that a choice has cut short."""
        total = 0
        for part, seed, place in self.plan.new(every_seed(self.session.recipe)):
            arm = self._chosen(part, seed).arm
            total += len(self.plan.rows(part, seed, place)) * self.session.settings(arm).epochs
        return total

    def _chosen(self, part: Part, seed: int) -> Fitted:
        """The run's own fit whose choice a repetition follows: of its seed, else of the run's first."""
        return self.fits.get((part.name, seed)) or self.fits[part.name, self.session.recipe.seed]

    def _adapted(self, seed: int, place: int, watcher: Watcher) -> np.ndarray | None:
        """Logits of all test rows by the run's method; None where a training ran away."""
        found = []
        for part in self.plan.parts:
            if self.plan.whole(place) and (part.name, seed) in self.fits:
                found.append(self.fits[part.name, seed].logits)
                continue
            choice, rows = self._chosen(part, seed).choice, self.plan.rows(part, seed, place)
            try:
                logits = self.fit_of(part, seed, watcher).repeat(choice, f"share {place + 1}", rows)
            except NotFinite as error:
                console.warn(f"the learning curve goes without {len(rows):,} rows: {error.message}")
                return None
            found.append(logits)
        return np.concatenate(found)

    def _probed(self, seed: int, place: int) -> np.ndarray:
        """The same by the linear probe on the untouched base."""
        found = []
        for part in self.plan.parts:
            own = self.probes[part.name]
            solved = self.session.probe(self.plan.rows(part, seed, place), (own.pooling, own.strength))
            found.append(solved.logits(self.session.pooled[solved.pooling][part.test]))
        return np.concatenate(found)

    def _measured(self, logits: np.ndarray | None) -> tuple[float, np.ndarray]:
        """The primary metric, and the same without each test row, or unit."""
        recipe, tested = self.session.recipe, self._tested()
        if logits is None:
            return float("nan"), np.zeros(0)
        metric = metrics.load(recipe.evaluate.metrics[0])
        seen = scored(recipe, self.session.labels, self.session.targets[tested], logits)
        value = metric.compute(seen)
        if not np.isfinite(value) or len(tested) < 2:
            return value, np.full(1, value)
        return value, leave_out(metric, seen, self._units())

    def _tested(self) -> np.ndarray:
        return np.concatenate([part.test for part in self.plan.parts])

    def _units(self) -> np.ndarray | None:
        return units_of(self.session.splits.rows.frame.iloc[self._tested()])
