"""What tasks share whose rows carry a label, or several: gold labels, loss, probabilities and decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from ftkit.tasks import Given, Task

if TYPE_CHECKING:
    import torch

    from ftkit.data.table import Gold, Table
    from ftkit.metrics import Scored


class Labelled(Task):
    """One label, or several, for each row, whatever its input is."""

    label: str | list[str] = "auto"
    """column of the label(s), or several columns of 0 and 1"""
    multi_label: Literal["auto"] | bool = "auto"
    """whether a row may carry several labels, or none"""
    separator: str = "auto"
    """what stands between the labels of one cell when there are several"""

    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy",)

    @property
    def kind(self) -> str:
        """`labels` for multi-label, else `label`."""
        return "labels" if self.multi_label is True else "label"

    def with_kind(self, table: Table) -> Self:
        """A copy that knows whether rows carry several labels, decided from the training table where it is `auto`."""
        from ftkit.data.guess import guess_multi_label

        if isinstance(self.label, list):
            return self.model_copy(update={"multi_label": True})
        if self.label not in table.frame or self.multi_label is False:
            return self.model_copy(update={"multi_label": self.multi_label is True})
        found = self.separator if self.separator != "auto" else guess_multi_label(table.frame[self.label])
        if self.multi_label == "auto":
            return self.model_copy(update={"multi_label": found is not None, "separator": found or "auto"})
        return self.model_copy(update={"separator": found or ","})

    def gold(self, table: Table) -> list[Gold]:
        """The label, or labels, of every row of a table; None where a row has none that can be read."""
        if isinstance(self.label, list):
            flags = [table.frame[name].astype(str).str.strip().str.lower().to_list() for name in self.label]
            return [_flagged(self.label, cells) for cells in zip(*flags, strict=True)]
        cells = table.frame[self.label].to_list()
        if self.multi_label is True:
            return [_several(cell, self.separator) for cell in cells]
        return [str(cell).strip() or None for cell in cells]

    def targets(self, gold: list[Gold], labels: tuple[str, ...]) -> np.ndarray:
        """(rows,) int64 with -1 for a label that training lacks, or (rows, labels) float32 of 0 and 1."""
        place = {label: i for i, label in enumerate(labels)}
        if self.multi_label is not True:
            return np.array([place.get(label, -1) if isinstance(label, str) else -1 for label in gold], dtype=np.int64)
        block = np.zeros((len(gold), len(labels)), dtype=np.float32)
        for i, several in enumerate(gold):
            for label in several or ():
                if label in place:
                    block[i, place[label]] = 1.0
        return block

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy, or the mean of the labels' binary ones, of each row: (rows,)."""
        from torch.nn import functional

        if self.multi_label is True:
            each = functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none")
            return each.mean(dim=1)
        return functional.cross_entropy(logits, targets, reduction="none")

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities (rows, labels) in float64."""
        from scipy.special import expit, softmax

        exact = logits.astype(np.float64)
        return np.asarray(expit(exact) if self.multi_label is True else softmax(exact, axis=1))

    def scored(self, targets: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> Scored:
        """Decisions and probabilities beside the truth."""
        from ftkit.metrics import Scored

        if targets.ndim == 2:
            return Scored(labels, targets.astype(np.int64), (scores > 0.5).astype(np.int64), scores)
        return Scored(labels, targets, scores.argmax(axis=1), scores)

    def constants(self, given: Given) -> dict[str, np.ndarray]:
        """Label shares of the training rows for every test row."""
        learnt = given.targets[given.train]
        several = learnt.ndim == 2
        shares = learnt.mean(axis=0) if several else np.bincount(learnt, minlength=given.labels) / len(learnt)
        return {"majority": np.tile(shares.astype(np.float64), (len(given.test), 1))}

    def decode(self, scores: np.ndarray, labels: tuple[str, ...]) -> list[Gold]:
        """The likeliest label, or every label above one half."""
        if self.multi_label is True:
            return [tuple(labels[i] for i in np.flatnonzero(row > 0.5)) for row in scores]
        return [labels[i] for i in scores.argmax(axis=1)]

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """Of the likeliest label; of several labels, of the least certain decision."""
        return np.asarray(
            np.maximum(scores, 1 - scores).min(axis=1) if self.multi_label is True else scores.max(axis=1)
        )


def _several(cell: Any, separator: str) -> Gold:
    """Labels of one cell. An empty cell is a row without any label, which multi-label data may hold."""
    if isinstance(cell, str):
        parts = cell.split(separator if separator not in ("auto", "list") else ",")
    else:
        parts = [str(part) for part in cell]
    return tuple(sorted({part.strip() for part in parts if part.strip()}))


def _flagged(names: list[str], cells: tuple[str, ...]) -> Gold:
    yes, no = {"1", "1.0", "true", "yes", "x"}, {"0", "0.0", "false", "no", ""}
    if any(cell not in yes | no for cell in cells):
        return None
    return tuple(sorted(name for name, cell in zip(names, cells, strict=True) if cell in yes))
