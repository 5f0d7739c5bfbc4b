"""A run on a data set: its predictions of the rows that it was not trained on, from its folder alone.

Rows come from the evaluation that the run keeps. Rows of the data set that a run with folds was
trained on are taken from its out-of-fold predictions: a model that had not seen them made those, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit import runs
from ftkit.bases import runs as finished
from ftkit.errors import InputError
from ftkit.metrics import Scored
from ftkit.statistics import predictions
from ftkit.statistics.summary import ADAPTED
from ftkit.statistics.wording import rows as counted

HOME = 0.5
"""share of a data set's rows, or of a run's own, from which on they are its domain"""
EVALUATION, OUT_OF_FOLD, TEST = "evaluation", "out of fold", "test rows"


@dataclass(frozen=True)
class Subject:
    """A finished run."""

    name: str
    run: Path
    report: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, run: Path) -> Subject:
        """Raises InputError for a run whose report cannot be read."""
        try:
            return cls(name, run, json.loads((run / runs.REPORT).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise InputError(f"{run}: its report cannot be read ({error})", "train the run again") from None

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.report["labels"])

    @property
    def seed(self) -> int:
        """The delivered one."""
        seeds = self.report.get("seeds")
        return int(seeds["delivered"] if seeds else self.report["seed"])

    @cached_property
    def own(self) -> pd.DataFrame:
        """row_id and split of its own rows, not of its base's."""
        splits = pd.read_parquet(self.run / runs.SPLITS, columns=["row_id", "split"])
        return splits[splits["split"] != "base"]

    @cached_property
    def predicted(self) -> pd.DataFrame:
        """What it predicted of its own rows, held out or out of fold."""
        return predictions.select(predictions.read(self.run / runs.PREDICTIONS)[0], ADAPTED, self.seed)

    @cached_property
    def identity(self) -> str:
        """What a run that starts from this one knows its base by."""
        return finished.digest(self.run, finished.recorded(self.run)[1])

    def starts_from(self, other: Subject) -> bool:
        """Whether the other run is this one's base."""
        return finished.recorded(self.run)[1] == other.identity


@dataclass(frozen=True)
class Cell:
    """What a run says of a data set."""

    subject: Subject
    rows: int
    """in the data set"""
    frame: pd.DataFrame | None = None
    """predictions, ordered by row_id; None where there are none"""
    origin: str = EVALUATION
    share: float = 0.0
    """of the data set's rows that are the run's own"""
    home: bool = False
    reason: str = ""
    """why there are no predictions"""

    @property
    def folds(self) -> int:
        """Of the run, where some of these rows were predicted out of them; else 0."""
        return int(self.subject.report["folds"]) if self.origin == OUT_OF_FOLD else 0

    @property
    def scored_rows(self) -> int:
        return 0 if self.frame is None else len(self.frame)

    def scored(self, some: np.ndarray | None = None) -> tuple[Scored, np.ndarray | None]:
        """Predictions and units, of all rows or those at some places of `frame`."""
        assert self.frame is not None
        frame = self.frame if some is None else self.frame.iloc[some]
        return predictions.scored(frame, ADAPTED, None, self.subject.labels, self.subject.report["kind"])


def cell_of(subject: Subject, outcome: Mapping[str, Any] | InputError) -> Cell:
    """The cell of a run and the outcome of its evaluation (`verbs.evaluating.attempt`)."""
    if isinstance(outcome, InputError):
        return Cell(subject, 0, reason=" ".join(outcome.message.split()))
    folder = Path(outcome["folder"])
    rows = pd.read_parquet(folder / runs.SPLITS)
    own = set(subject.own["row_id"])
    mine = int(rows["row_id"].isin(own).sum())
    share = mine / len(rows)
    home = max(share, mine / max(1, len(own))) >= HOME
    parts = []
    if outcome["rows"]:
        parts.append(predictions.select(predictions.read(folder / runs.PREDICTIONS)[0], ADAPTED))
    trained = set(rows["row_id"][rows["trained"]]) & own
    if subject.report["folds"] and trained:
        parts.append(subject.predicted[subject.predicted["row_id"].isin(trained)])
    frame = pd.concat(parts, ignore_index=True) if parts else None
    if frame is None or frame.empty:
        reason = f"it was trained on all {counted(len(rows))}, and not in folds"
        return Cell(subject, len(rows), None, share=share, home=home, reason=reason)
    if not _known(frame, subject.labels):
        return Cell(
            subject, len(rows), None, share=share, home=home, reason="none of the labels there is one of its own"
        )
    frame = frame.sort_values("row_id", kind="stable", ignore_index=True)
    return Cell(subject, len(rows), frame, _origin(subject, frame), share, home)


def _known(frame: pd.DataFrame, labels: tuple[str, ...]) -> bool:
    """Whether any gold label is one that the run can answer."""
    golds = [gold if isinstance(gold, str) else tuple(gold) for gold in frame["gold"]]
    return any(gold in labels if isinstance(gold, str) else not gold or set(gold) & set(labels) for gold in golds)


def _origin(subject: Subject, frame: pd.DataFrame) -> str:
    if (frame["fold"] >= 0).any():
        return OUT_OF_FOLD
    tested = set(subject.own["row_id"][subject.own["split"] == "test"])
    return TEST if set(frame["row_id"]) <= tested else EVALUATION
