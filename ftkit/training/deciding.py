"""What a recipe leaves open and can be settled before training: decided once, and saved with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import metrics, privacy
from ftkit.console import console
from ftkit.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from ftkit.data.table import Splits
    from ftkit.methods import Method
    from ftkit.recipe import Recipe
    from ftkit.tasks import Task

ROWS_TRAINED, FEWEST_EPOCHS = 20_000, 3  # `epochs: auto` shows a fit about as many rows, in at least 3 passes
RANDOM_LR, RANDOM_EPOCHS, RANDOM_ROWS = 1e-3, 60, 100_000  # the same for random weights, which have all to learn
PATIENCE, RANDOM_PATIENCE = 3, 10  # epochs

BATCHES, STEPS = (8, 16, 32), 24  # rows of a step; steps of an epoch that `batch: auto` aims at


def decided(recipe: Recipe, splits: Splits) -> Recipe:
    """The recipe with everything `auto` decided, to be saved with the run and read back by a rerun."""
    block, method = recipe.train, recipe.method
    if block.class_weight == "balanced" and (splits.rows.multi_label or recipe.task.kind == "tags"):
        raise InputError("train.class_weight: balanced needs one label a row", "--set train.class_weight=none")
    _refuse_trackers(block.trackers)
    _refuse_blind_search(recipe)
    random, shown = not isinstance(recipe.base, str), _shown(recipe, splits)
    searched = len(method.rungs()) > 1  # each rung then has a rate and a number of passes of its own
    values: dict[str, Any] = {
        "report.rows": "hide" if privacy.hidden() else recipe.report.rows,  # a later verb must know without being told
        "train.lr": rate_of(recipe, method) if block.lr == "default" and not searched else block.lr,
        "train.patience": block.patience if block.patience != "auto" else RANDOM_PATIENCE if random else PATIENCE,
        "train.epochs": block.epochs if searched else epochs_of(recipe, method, shown),
        "train.batch": batch_of(recipe, shown),
        "evaluate.metrics": recipe.evaluate.metrics or list(_default_metrics(recipe, splits)),
    }
    recipe = recipe.replace(values)
    for name in recipe.evaluate.metrics:  # one that fails should fail now
        _try(metrics.load(name), recipe.task)
    return recipe


def _try(metric: metrics.Metric, task: Task) -> None:
    """Raise for a metric that is of other predictions than the task's, or cannot be computed."""
    if task.kind not in metric.kinds:
        fits = ", ".join(metrics.family(task.kind))
        what = f"evaluate.metrics: {metric.name} is no metric of {task.name}, which predicts {task.kind}"
        raise InputError(what, f"choose from {fits}; a metric of your own says `kinds = frozenset({{'{task.kind}'}})`")
    if task.kind == "values":
        metric.compute(metrics.Scored(("a",), np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])))
    elif task.kind == "tags":
        rows = np.fromiter((("O", "B-a"), ("O", "O")), object, 2)
        metric.compute(metrics.Scored(("B-a", "I-a", "O"), rows, rows))
    elif task.kind in ("label", "labels"):
        metric.compute(metrics.Scored(("a", "b"), np.array([0, 1]), np.array([0, 1]), np.eye(2)))


def _refuse_blind_search(recipe: Recipe) -> None:
    """Raise where something is to be chosen on validation rows and there are none."""
    open_keys = {"method": len(recipe.method.rungs()) > 1, "train.lr": recipe.train.lr == "auto"}
    for key, searched in open_keys.items():
        if searched and recipe.data.validation == "none":
            hint = f"--set data.validation=auto, or give {key} a value"
            raise InputError(f"{key}: auto chooses on validation rows, and data.validation is none", hint)


def _refuse_trackers(names: list[str]) -> None:
    """Raise for a tracker that Accelerate does not know, or that is not installed."""
    if not names:
        return
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    ready = {str(one) for one in get_available_trackers()}
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            raise InputError(f"train.trackers: no tracker {name!r}", did_you_mean(name, LOGGER_TYPE_TO_CLASS))
        if name not in ready:
            raise InputError(f"train.trackers: {name} is not installed", f"pip install {name}")


def epochs_of(recipe: Recipe, method: Method, rows: int) -> int:
    """Passes over the training rows: the recipe's, else the method's own number, and fewer on many rows.

    A solved head stays as it is solved where a search holds it against trained ones.
    """
    wanted = recipe.train.epochs
    if wanted != "auto" and (method.own_epochs or method is recipe.method):
        return wanted
    if method.own_epochs and not isinstance(recipe.base, str):
        return random_epochs(rows)
    return min(method.own_epochs, max(FEWEST_EPOCHS, ROWS_TRAINED // max(1, rows)))


def _shown(recipe: Recipe, splits: Splits) -> int:
    """Rows of a pass over the training rows; what many people of a bank have judged is one of them."""
    rows = splits.parts[-1].train
    return len(rows) if recipe.bank.by is None else int(splits.rows.frame["content"].iloc[rows].nunique())


def random_epochs(rows: int) -> int:
    """Passes over the training rows from random weights."""
    return min(RANDOM_EPOCHS, max(FEWEST_EPOCHS, RANDOM_ROWS // max(1, rows)))


def rate_of(recipe: Recipe, method: Method) -> float:
    """The learning rate that a method is tried with first: its own, or one for random weights."""
    return method.own_lr if isinstance(recipe.base, str) else max(RANDOM_LR, method.own_lr)


def batch_of(recipe: Recipe, rows: int) -> int:
    """Rows in one step: the recipe's, else the power of two, 8 to 32, that gives an epoch about 24 steps."""
    wanted = recipe.train.batch
    if wanted != "auto":
        return wanted
    return max(size for size in BATCHES if size <= max(BATCHES[0], rows // STEPS))


def every_seed(recipe: Recipe) -> list[int]:
    """Seeds of the repetitions."""
    return [recipe.seed + i for i in range(recipe.seeds)]


def _default_metrics(recipe: Recipe, splits: Splits) -> tuple[str, ...]:
    """The task's metrics, led by macro-F1 where the commonest label is over 3 times the rarest."""
    if recipe.task.kind == "tags":
        return tuple(recipe.task.default_metrics)
    counts = list(splits.report.label_counts.get("train", {}).values())
    if counts and max(counts) > 3 * min(counts):
        console.say(f"labels are unbalanced ({max(counts)} to {min(counts)} rows): macro-F1 is the primary metric")
        return ("macro_f1", *(name for name in recipe.task.default_metrics if name != "macro_f1"))
    return tuple(recipe.task.default_metrics)
