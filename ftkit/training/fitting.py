"""All fits of a run: every part with every seed, and what each has to beat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import metrics
from ftkit.console import Progress, console
from ftkit.features import baselines, probe
from ftkit.features.probe import Probe
from ftkit.models.assembly import Assembly
from ftkit.training.encoding import Prepared
from ftkit.training.loop import Step
from ftkit.training.parts import Fitted, agreed_on
from ftkit.training.session import Session, every_seed, open_session, settings

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.recipe import Recipe
    from ftkit.runs.folder import Clock, RunFolder


@dataclass
class Outcome:
    """What training left: every fit, the baselines' probabilities on the same rows, and the history."""

    session: Session
    fits: dict[tuple[str, int], Fitted] = field(default_factory=dict)
    """(part, seed): fit"""
    probes: dict[str, Probe] = field(default_factory=dict)
    """part: linear probe on the untouched base"""
    baselines: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """name: part: (test rows, labels) probabilities"""
    history: list[dict[str, Any]] = field(default_factory=list)
    rows_trained: int = 0

    @property
    def delivered(self) -> int:
        """The seed whose adapter is delivered: the one with the median validation score."""
        seeds = every_seed(self.session.recipe)
        values = [self.fits["final", seed].validation for seed in seeds]
        order = sorted(range(len(seeds)), key=lambda i: (np.nan_to_num(values[i], nan=-np.inf), i))
        return seeds[order[(len(order) - 1) // 2]]


def fit(recipe: Recipe, prepared: Prepared, model: Assembly, run: RunFolder, clock: Clock) -> Outcome:
    """Train every part with every seed, and score the baselines on the same rows; the recipe is a decided one."""
    accelerator = _accelerator(recipe, run)
    with clock.phase("features"):
        session = open_session(recipe, prepared, model, accelerator)
    outcome = Outcome(session)
    with _watching(outcome, run, accelerator) as watch:
        for part in prepared.splits.parts:
            with clock.phase("probe"):
                solve, choice = session.warm_start(part)
                outcome.probes[part.name] = session.probe(part, choice)
            with clock.phase("train"):
                for seed in every_seed(recipe):
                    folds = [one for (_, other), one in outcome.fits.items() if other == seed]
                    agreed = agreed_on(folds) if part.name == "final" and folds and part.refit else None
                    outcome.fits[part.name, seed] = session.fit(part, seed, solve, watch.of(seed), agreed)
    with clock.phase("baselines"):
        _score_baselines(outcome)
    accelerator.end_training()
    return outcome


def _score_baselines(outcome: Outcome) -> None:
    session = outcome.session
    task, count = session.recipe.task, len(session.labels)
    parts = [part for part in session.splits.parts if len(part.test)]
    texts = [" ".join(parts) for parts in session.splits.rows.frame["input"]]
    with console.progress("baselines", len(parts)) as bar:
        for done, part in enumerate(parts, 1):
            gold, chosen = session.targets[part.train], outcome.probes[part.name]
            features = session.extracted.pooled[chosen.pooling]
            read, asked = [texts[i] for i in part.train], [texts[i] for i in part.test]
            found = {
                "majority": baselines.majority(gold, count, len(part.test)),
                "tfidf": baselines.tfidf(read, gold, count, asked, session.balanced),
                "nearest_neighbour": probe.neighbours(features[part.train], gold, count, features[part.test]),
                "linear_probe": task.scores(chosen.logits(features[part.test])),
            }
            for name, scores in found.items():
                outcome.baselines.setdefault(name, {})[part.name] = scores
            bar.update(done)


def _accelerator(recipe: Recipe, run: RunFolder) -> Accelerator:
    """Accelerate decides on the device; the recipe on trackers."""
    from accelerate import Accelerator

    trackers = recipe.train.trackers
    accelerator = Accelerator(log_with=trackers or None, project_dir=str(run.path))
    if trackers:
        accelerator.init_trackers("ftkit", config={"base": recipe.base, "method": recipe.method.name})
    return accelerator


@dataclass
class _Watcher:
    """Turns the loop's steps into a progress bar, the history and trackers."""

    outcome: Outcome
    run: RunFolder
    accelerator: Accelerator
    bar: Progress
    started: float = field(default_factory=time.perf_counter)
    done: int = 0
    best: float = float("-inf")
    sign: float = field(init=False)
    """-1 where the primary metric is better when lower: the loop turns it"""

    def __post_init__(self) -> None:
        primary = metrics.load(self.outcome.session.recipe.evaluate.metrics[0])
        self.sign = 1.0 if primary.higher_is_better else -1.0

    def of(self, seed: int) -> Any:
        """The callback of one seed."""

        def watch(part: str, name: str, step: Step) -> None:
            if step.rows:
                self._count(step)
            else:
                self._note(part, name, seed, step)

        return watch

    def _count(self, step: Step) -> None:
        self.outcome.rows_trained += step.rows
        self.done += step.rows
        self._show(f"loss {step.loss:.3f}")

    def _show(self, text: str) -> None:
        rate = self.outcome.rows_trained / max(time.perf_counter() - self.started, 1e-9)
        best = f", best {self.best * self.sign:.3f}" if np.isfinite(self.best) else ""
        self.bar.update(self.done, f"{text}{best}, {rate:,.0f} rows/s")

    def _note(self, part: str, name: str, seed: int, step: Step) -> None:
        primary = self.outcome.session.recipe.evaluate.metrics[0]
        validation = None
        if step.validation is not None:
            score, loss = step.validation
            self.best = np.fmax(self.best, score)
            validation = {"log_loss": loss, primary: score * self.sign}
        line = {"part": part, "member": name, "seed": seed, "epoch": step.epoch, "step": step.step}
        line |= {"train_loss": step.loss, "lr": step.lr, "validation": validation, "time": round(time.time(), 3)}
        self.outcome.history.append(line)
        self.run.note(line)
        if step.member.done or step.epoch >= step.member.last_epoch:  # epochs that need not be trained are done
            self.done += (step.member.settings.epochs - step.epoch) * len(step.member.train)
        if self.accelerator.trackers and step.loss is not None:
            values = {f"{part}/{name}/loss": step.loss}
            values |= {f"{part}/{name}/{key}": value for key, value in (validation or {}).items()}
            self.accelerator.log(values, step=step.step)


@contextmanager
def _watching(outcome: Outcome, run: RunFolder, accelerator: Accelerator) -> Iterator[_Watcher]:
    session = outcome.session
    epochs = settings(session.recipe).epochs * session.recipe.seeds
    total = 0
    for part in session.splits.parts:
        follows = session.splits.folds and part.name == "final" and part.refit
        chosen = 0 if follows else sum(len(rows) for rows, _ in part.inner)
        total += epochs * (chosen + (len(part.train) if part.refit or not part.inner else 0))
    with console.progress("training", total) as bar:
        yield _Watcher(outcome, run, accelerator, bar)
