"""What reading gives and what splitting takes: tables, rows and splits. No logic lives here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Gold = str | tuple[str, ...] | tuple[float, ...] | None
"""a label; a sorted tuple of labels (multi-label, may be empty); numbers, one for each target; `Tags`; None: not
labelled"""


class Tags(tuple[str, ...]):
    """One tag for each token of a row, in BIO: O, B-TYPE, I-TYPE."""

    __slots__ = ()


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: `source` file, its 1-based `line`, and a `reason` such as "empty text"."""

    source: str
    line: int
    reason: str


@dataclass(frozen=True)
class Table:
    """A file as read: cells are text (or lists, from JSON and Parquet), never silently changed."""

    frame: pd.DataFrame
    """(rows, columns); empty cells are "", "NA" and "null" stay text"""
    lines: np.ndarray
    """(rows,) int: 1-based line (text files) or row number (others) in the source"""
    source: str
    """file as the user named it"""
    sha256: str
    """of the file's bytes, or of the listing of a folder"""
    notes: tuple[str, ...] = ()
    """what was detected, as sentences: "delimiter: semicolon", "encoding: cp1252", …"""
    bad: tuple[BadRow, ...] = ()
    """rows that could not be read"""


@dataclass(frozen=True)
class Parsed:
    """A table seen by a task: one entry a row of the table."""

    inputs: list[tuple[str, ...] | None]
    """what the model is given: one text, or two for a pair; None where `faults` has a reason"""
    gold: list[Gold]
    faults: list[str | None]
    """why the row cannot be used, or None"""
    names: list[str] | None = None
    """what each row is called in messages, beside its line, where that says more"""
    notes: Mapping[str, int] = field(default_factory=dict)
    """what was done to rows that are used all the same, such as "CMYK, turned into RGB": rows"""
    mended: Mapping[str, int] = field(default_factory=dict)
    """what was wrong with tags and has been put right: reason -> tags"""


@dataclass(frozen=True)
class Rows:
    """Usable rows of all splits in one frame.

    Columns: `row_id` (hash of inputs + unit + group + occurrence number), `content` (hash of the
    normalised inputs: near-equal texts share it), `input`, `gold`, `split` (train | validation |
    test | unused), `unit`, `group`, `annotator` (None where not given), `source`, `line`, and
    `slice.<column>` for each of `evaluate.slices`.
    """

    frame: pd.DataFrame
    labels: tuple[str, ...]
    """every label of the training rows, sorted; the order of scores everywhere"""
    multi_label: bool = False

    def __len__(self) -> int:
        return len(self.frame)


Holdout = tuple[np.ndarray, np.ndarray]
"""positions of training rows, positions of held-out rows"""


@dataclass(frozen=True)
class Part:
    """One fit: train on `train`, choose with `inner`, predict `test`. All are positions in Rows."""

    name: str
    """"fold 1", …; "final" for the adapter that is delivered"""
    train: np.ndarray
    inner: tuple[Holdout, ...]
    """holdouts inside `train` (or the given validation rows) for every choice"""
    test: np.ndarray
    refit: bool = True
    """after choosing, fit once more on all of `train`"""

    @property
    def fold(self) -> int:
        """Number of the fold that `test` is, counted from 0; -1 where there are no folds."""
        return int(self.name.removeprefix("fold ")) - 1 if self.name.startswith("fold ") else -1


@dataclass(frozen=True)
class Splits:
    """All fits of a run. The last part is "final"; with folds its `test` is empty."""

    rows: Rows
    parts: tuple[Part, ...]
    report: DataReport

    @property
    def folds(self) -> int:
        """Cross-fitting folds, 0 where test rows are held out."""
        return len(self.parts) - 1 if len(self.parts) > 1 else 0


@dataclass(frozen=True)
class Finding:
    """One thing that a check noticed: `level` note | warning | fault, what, and what to type."""

    level: str
    check: str
    what: str
    hint: str = ""


@dataclass(frozen=True)
class DataReport:
    """What is known of the data before training; goes into `report.json` as `data`."""

    rows_read: int = 0
    rows_used: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    """reason: rows"""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """reason: first places, as "file:line" """
    split_rows: Mapping[str, int] = field(default_factory=dict)
    label_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """split: label: rows"""
    distributions: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    """split: target: rows, mean, sd and quartiles, where numbers are predicted"""
    files: Mapping[str, str] = field(default_factory=dict)
    """file: sha256"""
    findings: tuple[Finding, ...] = ()
    detected: tuple[str, ...] = ()
    """what was inferred from the files, as sentences"""
