"""Everything that the fits of one run share: arms, features, targets, and how validation is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ftkit import metrics
from ftkit.features import probe
from ftkit.features.examples import Examples, Features
from ftkit.features.pooling import EACH, Pooling, candidates
from ftkit.features.probe import Probe
from ftkit.features.scale import Scale
from ftkit.features.tokens import seen_only
from ftkit.models.assembly import Assembly, assemble
from ftkit.models.delivery import Head
from ftkit.search.ladder import Climb, weigh
from ftkit.training.arms import Arm, Arms
from ftkit.training.checkpoints import Journal
from ftkit.training.choosing import Search, choose, rates_around
from ftkit.training.deciding import PATIENCE, batch_of, epochs_of, rate_of
from ftkit.training.encoding import Prepared
from ftkit.training.judging import judged, scored
from ftkit.training.members import Settings
from ftkit.training.parts import Choice, Fit, Fitted, Known, Solve, Tried, warm_start
from ftkit.training.passes import Job
from ftkit.training.repeats import codes
from ftkit.training.stopping import Stop

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.data.table import Part, Splits
    from ftkit.features.cache import Cache
    from ftkit.methods import Method
    from ftkit.recipe import Recipe
    from ftkit.runs.folder import Clock
    from ftkit.training.precision import Precisions
    from ftkit.training.profiling import Profile
    from ftkit.training.rooms import Rooms
    from ftkit.training.watching import Watcher


@dataclass(frozen=True)
class Session:
    """One run, ready to fit its parts. Of its recipe only what is chosen on validation rows may be `auto`."""

    recipe: Recipe
    prepared: Prepared
    assembly: Assembly
    """of the first arm"""
    arms: Arms
    targets: np.ndarray

    @property
    def splits(self) -> Splits:
        """Rows and parts."""
        return self.prepared.splits

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of scores."""
        return self.splits.rows.labels

    @property
    def balanced(self) -> bool:
        """Whether rows weigh by their label's count."""
        return self.recipe.train.class_weight == "balanced"

    @property
    def pooled(self) -> dict[Pooling, np.ndarray]:
        """Features (rows, width) of the untouched base, which all arms start from; nan where not read yet."""
        return self.arms[0].features.pooled

    def warm_start(self, part: Part) -> tuple[Solve, tuple[Pooling, float]]:
        """What solves heads for a part; all that is open is chosen on its inner holdouts alone.

        That is pooling and strength, and on top of an earlier run whether its head is carried over (as it is, where
        nothing is held out) or solved anew: a head that has seen few rows of the target may beat one that has not.
        """

        def score(targets: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
            return judged(self.recipe, self.labels, targets, logits)

        count, known, classes = len(self.labels), None, self.recipe.task.classes
        if (head := self.assembly.head) is not None:
            known = _carried_over(head, self.labels, self.recipe.task.kind == "values")
        choice = probe.choose(self.pooled, self.targets, count, part.inner, score, self.balanced, classes)
        fresh = warm_start(self.pooled, self.targets, count, choice, self.balanced, None, classes)
        if known is None:
            return fresh, choice
        carried = warm_start(self.pooled, self.targets, count, choice, self.balanced, known, classes)
        better = part.inner and self._held_score(part, fresh) > self._held_score(part, carried)
        return (fresh if better else carried), choice

    def _held_score(self, part: Part, solve: Solve) -> float:
        """Score of solved heads on a part's inner holdouts together; of a trained head the loss is no fair measure."""
        heads = [(solve(rows), held) for rows, held in part.inner]
        logits = np.concatenate([head.logits(self.pooled[head.pooling][held]) for head, held in heads])
        gold = self.targets[np.concatenate([held for _, held in heads])]
        value, _ = judged(self.recipe, self.labels, gold, logits)
        return float("-inf") if np.isnan(value) else value

    def probe(self, rows: np.ndarray, choice: tuple[Pooling, float]) -> Probe:
        """The linear probe on the untouched base, solved on some training rows."""
        count, classes = len(self.labels), self.recipe.task.classes
        return probe.fit(self.pooled, self.targets, count, rows, choice, self.balanced, classes)

    def fit_of(self, part: Part, seed: int, solve: Solve, journal: Journal, watcher: Watcher, stop: Stop) -> Fit:
        """One part with one seed, ready to train."""
        keep = part.name == "final" or self.recipe.bank.by is not None  # a bank's groups start from the folds' weights
        return Fit(part, seed, self.arms, solve, self.settings, journal, watcher, stop, keep)

    def carry_out(self, fit: Fit, agreed: Choice | None) -> Fitted:
        """Choose and train; `agreed` is what folds have chosen where they have."""
        searched = self.recipe.train.lr == "auto"

        def rates(method: Method) -> list[float]:
            return rates_around(self.rate(method)) if searched else [self.rate(method)]

        return fit.deliver(agreed or choose(fit, Search(rates, self._weigh)))

    def rate(self, method: Method) -> float:
        """The learning rate of a method where it is not searched for."""
        chosen = self.recipe.train.lr
        return rate_of(self.recipe, method) if isinstance(chosen, str) else chosen

    def settings(self, arm: Arm) -> Settings:
        """The fit's settings of an arm."""
        block, rows = self.recipe.train, len(self.splits.parts[-1].train)
        return Settings(
            epochs=epochs_of(self.recipe, arm.method, rows),
            lr=self.rate(arm.method),
            batch=batch_of(self.recipe, rows),
            accumulate=block.accumulate,
            warmup=block.warmup,
            decay=block.decay,
            weight_decay=block.weight_decay,
            clip=block.clip,
            patience=PATIENCE if block.patience == "auto" else block.patience,
        )

    def _weigh(self, fit: Fit, upper: Tried, lower: Tried) -> Climb:
        held = np.concatenate([positions for _, positions in fit.part.inner])
        gold = self.targets[held]
        units = self.splits.rows.frame["unit"].to_numpy()[held] if self.recipe.data.unit else None
        above, below = (scored(self.recipe, self.labels, gold, one.held) for one in (upper, lower))
        return weigh(metrics.load(self.recipe.evaluate.metrics[0]), above, below, units)


def open_session(
    recipe: Recipe,
    prepared: Prepared,
    assembly: Assembly,
    accelerator: Accelerator,
    cache: Cache | None,
    rooms: Rooms,
    precisions: Precisions,
    clock: Clock,
    profile: Profile,
) -> Session:
    """Attach rows and targets to the base; every row that is trained on or chosen by is read by the base, once."""
    splits = prepared.splits
    targets = recipe.task.targets(splits.rows.frame["gold"].to_list(), splits.rows.labels)
    learned = seen_only(targets, prepared.encoded.rows) if recipe.task.kind == "tags" else targets
    poolings: tuple[Pooling, ...]
    if recipe.task.kind == "tags":
        poolings = (Pooling(EACH),)
    elif assembly.head is not None:
        poolings = (assembly.head.pooling,)
    else:
        kinds = recipe.task.poolings(assembly.network.backbone)
        poolings = candidates(assembly.base.folder, assembly.network.causal, kinds)
    parts = [rows for part in splits.parts for rows in (part.train, *(held for _, held in part.inner))]
    needed = np.unique(np.concatenate(parts))

    def open_arm(number: int, method: Method) -> Arm:
        mine = assembly if number == 0 else assemble(recipe, method)
        augment = tuple(recipe.train.augment)
        examples = Examples(recipe.task, mine.processor, prepared.encoded.rows, augment=augment)
        features = Features(mine.network, examples, poolings if number == 0 else (), cache, keep=not augment)
        if augment and mine.network.depth:
            features.why_not = "the frozen layers are not cached: train.augment changes rows at every step"
        job = Job(
            network=mine.network,
            examples=examples,
            targets=torch.from_numpy(learned),
            balanced=recipe.train.class_weight == "balanced",
            judge=lambda positions, logits: judged(recipe, splits.rows.labels, targets[positions], logits),
            accelerator=accelerator,
            room=rooms.of(method.label),
            describe=prepared.describe,
            pooled=features.pooled,
            profile=profile,
            alike=None if recipe.bank.by is None or augment else codes(examples.hashes),
        )
        arm = Arm(number, method, features, job, clock, precisions)
        arm.read(needed)
        return arm

    return Session(
        recipe, prepared, assembly, Arms(recipe.method.rungs(len(splits.parts[-1].train)), open_arm), targets
    )


def _carried_over(head: Head, labels: tuple[str, ...], numbers: bool) -> Known | None:
    """Head rows of an earlier run by the names of labels, or of targets; None where it predicts something else."""
    if (head.scale is not None) != numbers:
        return None
    place = {label: i for i, label in enumerate(head.labels)}
    rows = np.array([place.get(label, -1) for label in labels])

    def taken(known: np.ndarray, missing: float) -> np.ndarray:
        have = (rows >= 0).reshape(-1, *[1] * (known.ndim - 1))
        return np.where(have, known[rows], missing)

    scale = None if head.scale is None else Scale(taken(head.scale.mean, 0.0), taken(head.scale.sd, 1.0))
    return Known(taken(head.weight, np.nan), taken(head.bias, np.nan), scale)
