"""What tasks share that predict numbers: gold values, loss, and predictions on the scale that they have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from ftkit.tasks import Given, Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from ftkit.data.table import Gold, Table
    from ftkit.metrics import Scored

MOST_RATINGS = 20
"""different whole numbers up to which a column is taken for ratings"""
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
DECIMAL = re.compile(r"[-+]?\d*,\d+")


class Valued(Task):
    """One number, or several, for each row, whatever its input is."""

    label: str | list[str] = "auto"
    """column of the number to predict, or several columns"""
    scale: Literal["auto", "none"] | tuple[float, float] = "auto"
    """lowest and highest rating, to which predictions are clipped; auto: of the training rows where they are ratings"""
    error: Literal["squared", "absolute"] = Field("squared")
    """what training makes small; absolute: less moved by rare large errors"""

    # what training makes small leads: on skewed ratings the median has a small absolute error and tells nothing
    default_metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae")
    row_metric: ClassVar[str] = "mae"
    loss_metric: ClassVar[str] = "rmse"

    @field_validator("scale")
    @classmethod
    def _rises(cls, value: str | tuple[float, float]) -> str | tuple[float, float]:
        if isinstance(value, tuple) and not value[0] < value[1]:
            raise ValueError("expected the lowest rating before the highest")
        return value

    @property
    def kind(self) -> str:
        """Numbers."""
        return "values"

    @property
    def targets_named(self) -> tuple[str, ...]:
        """The columns of the numbers."""
        return (self.label,) if isinstance(self.label, str) else tuple(self.label)

    def names(self, gold: Iterable[Gold]) -> tuple[str, ...]:
        """The targets, whatever the rows hold."""
        return self.targets_named

    def scale_of(self, table: Table) -> tuple[float, float] | Literal["none"]:
        """The scale that is given, or that of the training table's ratings; `none` where they are no ratings."""
        if self.scale != "auto":
            return self.scale
        found = np.array([item for item in self.gold(table) if item is not None], dtype=np.float64)
        ratings = len(found) > 0 and bool((found == np.round(found)).all()) and len(np.unique(found)) <= MOST_RATINGS
        return (float(found.min()), float(found.max())) if ratings and found.min() < found.max() else "none"

    def gold(self, table: Table) -> list[Gold]:
        """The numbers of every row of a table; None where one of them is missing or cannot be read."""
        columns = [numbers(table.frame[name].to_list()) for name in self.targets_named]
        rows = zip(*columns, strict=True)
        return [tuple(cell for cell in row if cell is not None) if None not in row else None for row in rows]

    def targets(self, gold: list[Gold], labels: tuple[str, ...]) -> np.ndarray:
        """(rows, targets) float64."""
        return np.array(gold, dtype=np.float64).reshape(len(gold), len(labels))

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean over targets of the squared, or absolute, error of each row, in sds: (rows,)."""
        gap = logits - targets.to(logits.dtype)
        return (gap.square() if self.error == "squared" else gap.abs()).mean(dim=1)

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Predictions (rows, targets) in their own units, on the scale where there is one; float64."""
        exact = np.asarray(logits, dtype=np.float64)
        return exact if isinstance(self.scale, str) else np.clip(exact, *self.scale)

    def scored(self, targets: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> Scored:
        """Numbers beside the truth."""
        from ftkit.metrics import Scored

        return Scored(labels, targets, scores)

    def decode(self, scores: np.ndarray, labels: tuple[str, ...]) -> list[Gold]:
        """The numbers of each row."""
        return [tuple(row) for row in scores.tolist()]

    def constants(self, given: Given) -> dict[str, np.ndarray]:
        """The mean of the training rows, which has the smallest squared error, and the median: the absolute one."""
        learnt = given.targets[given.train]
        every = (len(given.test), 1)
        return {"mean": np.tile(learnt.mean(axis=0), every), "median": np.tile(np.median(learnt, axis=0), every)}


def numbers(cells: list[Any]) -> list[float | None]:
    """The numbers of a column's cells; None for a cell that is none.

    A comma is for thousands where all of the column's could be (`1,250`), else it is the decimal one (`0,5`).
    """
    texts = [str(cell).strip() for cell in cells]
    commas = [text for text in texts if "," in text]
    thousands = all(THOUSANDS.fullmatch(text) for text in commas)
    return [_number(text, thousands) for text in texts]


def _number(text: str, thousands: bool) -> float | None:
    if "," in text:
        if not thousands and not DECIMAL.fullmatch(text):
            return None
        text = text.replace(",", "" if thousands else ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None
