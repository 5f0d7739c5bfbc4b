"""Metrics: one file each, plain functions of arrays; no torch.

`load(name)` gives the metric, `as_evaluate(name)` the same as an `evaluate.Metric` that computes
locally and never asks a hub.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ftkit import registry
from ftkit.errors import InputError
from ftkit.registry import Entry


@dataclass(frozen=True)
class Footage:
    """What is known of rows that are clips of video."""

    seconds: np.ndarray
    """(rows,) of each clip that were looked at"""
    quiet: str | None
    """label of footage in which nothing happens; None where every label is an event"""
    scene: np.ndarray | None = None
    """(rows,) whole numbers: clips of one scene hang together; None where that is not known"""

    def take(self, rows: np.ndarray) -> Footage:
        """The same for some rows."""
        return Footage(self.seconds[rows], self.quiet, None if self.scene is None else self.scene[rows])


@dataclass(frozen=True)
class Scored:
    """Predictions beside the truth, on the same rows.

    By `kind`, `gold` and `prediction` are

    - `label`: (rows,) ints, an index into `labels`, or -1 for a gold label that training lacked (it counts as wrong);
    - `labels`, several a row: (rows, labels) ints, 0 and 1;
    - `values`: (rows, targets) float64, in the targets' own units;
    - `tags`: (rows,) objects, each a tuple with the tag of every token.
    """

    labels: tuple[str, ...]
    """names of labels, of targets or of tags"""
    gold: np.ndarray
    prediction: np.ndarray
    scores: np.ndarray | None = None
    """(rows, labels) probabilities; None where a predictor has none, and for values"""
    footage: Footage | None = None
    """of clips of video"""

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def kind(self) -> str:
        """What is predicted: label | labels | values | tags."""
        if self.gold.dtype.kind == "f":
            return "values"
        if self.gold.dtype.kind == "O":
            return "tags"
        return "labels" if self.gold.ndim == 2 else "label"

    @property
    def multi_label(self) -> bool:
        return self.kind == "labels"

    def take(self, rows: np.ndarray) -> Scored:
        """The same for some rows (positions, may repeat)."""
        scores = None if self.scores is None else self.scores[rows]
        footage = None if self.footage is None else self.footage.take(rows)
        return Scored(self.labels, self.gold[rows], self.prediction[rows], scores, footage)


class Metric(Entry):
    """One number on predictions."""

    kinds: ClassVar[frozenset[str]] = frozenset({"label", "labels"})
    """kinds of predictions that it is a metric of"""
    on_request: ClassVar[bool] = False
    """whether only reports of runs that name it have it"""
    higher_is_better: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    """smallest and largest value that it can take; infinite where there is none"""
    needs_scores: ClassVar[bool] = False

    def suits(self, scored: Scored) -> bool:
        """Whether it says anything of such rows; where not, a report leaves it out unless it was asked for."""
        return True

    def compute(self, scored: Scored) -> float:
        """The metric's value; nan where it is not defined on these rows."""
        raise TypeError(f"{type(self).__name__} has no compute")

    def rows(self, scored: Scored) -> np.ndarray | None:
        """Its value on each row where the metric is a mean over rows (accuracy, log-loss), else None."""
        return None


def load(name: str) -> Metric:
    """The metric of a name in this folder, a file or folder of one's own, or an id of the `evaluate` hub.

    A `.py` file that imports ftkit holds a subclass of Metric; any other file, folder or id goes to
    `evaluate.load`. Warning: all but the names in this folder run the code that they point to.
    """
    if name in registry.names("metrics") or _holds_metric(Path(name)):
        metric: Metric = registry.load("metrics", name)(name=name)
        return metric
    from ftkit.metrics._scripts import load_script

    return load_script(name)


def family(kind: str) -> tuple[str, ...]:
    """Names of the metrics that all reports of a kind of predictions have, those of answers before those of scores."""
    known = {name: registry.load("metrics", name) for name in registry.names("metrics")}
    mine = [name for name, metric in known.items() if kind in metric.kinds and not metric.on_request]
    return tuple(sorted(mine, key=lambda name: (known[name].needs_scores, name)))


def as_evaluate(name: str) -> Any:
    """Any metric as an `evaluate.Metric` that computes in memory and never asks a hub.

    Predictions are label numbers, or scores (rows, labels) where the metric needs them; references
    are label numbers, or rows of 0 and 1 if multi-label. Of values, both are numbers, or rows of numbers.
    """
    from ftkit.metrics._scripts import as_module

    return as_module(load(name))


def _holds_metric(path: Path) -> bool:
    if path.suffix != ".py" or not path.is_file():
        return False
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not Python: {error}") from None
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    plain = [item.name for node in ast.walk(tree) if isinstance(node, ast.Import) for item in node.names]
    return any(module.partition(".")[0] == "ftkit" for module in froms + plain)
