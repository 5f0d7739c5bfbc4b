"""Turns the loop's steps into a progress bar, the history, and what trackers want to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import metrics
from ftkit.console import Progress, console
from ftkit.training.loop import Step

if TYPE_CHECKING:
    from accelerate import Accelerator

    from ftkit.training.session import Session

Line = dict[str, Any]
"""one entry of the history: the end of an epoch of a member"""


@dataclass
class Watcher:
    """Watches all members of a run, one after another."""

    primary: str
    loss: str
    """metric that the loss of validation rows is"""
    accelerator: Accelerator
    bar: Progress
    record: Callable[[Line], None]
    """is given each new line of the history"""
    started: float = field(default_factory=time.perf_counter)
    rows: int = 0
    """rows trained, an epoch's rows as often as it was shown"""
    done: int = 0
    """the same with epochs that need not be trained"""
    best: float = float("-inf")

    def __post_init__(self) -> None:
        # the loop turns the score so that larger is better
        self.sign = 1.0 if metrics.load(self.primary).higher_is_better else -1.0

    def saw(self, part: str, name: str, seed: int, step: Step) -> None:
        """Take in a step of a member."""
        if step.rows:
            self._count(step)
        else:
            self._note(part, name, seed, step)

    def skip(self, rows: int) -> None:
        """Count rows that an earlier attempt has trained."""
        self.done += rows
        self._show("taken up again")

    def _count(self, step: Step) -> None:
        self.rows += step.rows
        self.done += step.rows
        self._show(f"loss {step.loss:.3f}")

    def _show(self, text: str) -> None:
        rate = self.rows / max(time.perf_counter() - self.started, 1e-9)
        best = f", best {self.best * self.sign:.3f}" if np.isfinite(self.best) else ""
        self.bar.update(self.done, f"{text}{best}, {rate:,.0f} rows/s")

    def _note(self, part: str, name: str, seed: int, step: Step) -> None:
        validation = None
        if step.validation is not None:
            score, loss = step.validation
            self.best = np.fmax(self.best, score)
            validation = {self.loss: loss, self.primary: score * self.sign}
        line = {"part": part, "member": name, "seed": seed, "epoch": step.epoch, "step": step.step}
        line |= {"train_loss": step.loss, "lr": step.lr, "validation": validation, "time": round(time.time(), 3)}
        self.record(line)
        if step.member.done or step.epoch >= step.member.last_epoch:  # epochs that need not be trained are done
            self.done += (step.member.settings.epochs - step.epoch) * len(step.member.train)
        if self.accelerator.trackers and step.loss is not None:
            values = {f"{part}/{name}/loss": step.loss}
            values |= {f"{part}/{name}/{key}": value for key, value in (validation or {}).items()}
            self.accelerator.log(values, step=step.step)


@contextmanager
def watching(session: Session, accelerator: Accelerator, record: Callable[[Line], None]) -> Iterator[Watcher]:
    """A watcher with a bar as long as the run may get, were every epoch trained and the ladder not climbed."""
    recipe, arm = session.recipe, session.arms[min(1, len(session.arms) - 1)]
    epochs = session.settings(arm).epochs * recipe.seeds
    rates = 3 if recipe.train.lr == "auto" else 1
    total = 0
    for part in session.splits.parts:
        follows = session.splits.folds and part.name == "final" and part.refit
        chosen = 0 if follows else rates * sum(len(rows) for rows, _ in part.inner)
        total += epochs * (chosen + (len(part.train) if part.refit or not part.inner else 0))
    with console.progress("training", total) as bar:
        yield Watcher(recipe.evaluate.metrics[0], recipe.task.loss_metric, accelerator, bar, record)
