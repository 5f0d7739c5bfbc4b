"""Label new rows with a finished run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ftkit import privacy
from ftkit.console import console
from ftkit.data.names import many
from ftkit.data.prepare import rows_of
from ftkit.data.table import Gold, Parsed, Table
from ftkit.data.write import write
from ftkit.errors import InputError
from ftkit.models.assembly import Model, load_run

PREDICTION, CONFIDENCE = "prediction", "confidence"


def predict(run: Path, file: str, out: Path, scores: bool = False) -> Path:
    """Write the table of `file` with `prediction` and `confidence` beside its columns.

    Columns, order and file type are kept; a row that cannot be read (an empty text) gets empty cells
    and is counted. With `scores`, a column `score.<label>` holds each label's probability.
    Raises InputError where the file lacks the run's columns, or has one of the new names already.
    """
    model = load_run(run)
    privacy.hide(model.recipe.report.rows == "hide")
    table, parsed, report = rows_of(model.recipe, file, labelled=False)
    for reason, count in report.dropped.items():
        places = ", ".join(report.examples[reason]) + (", …" if count > len(report.examples[reason]) else "")
        console.warn(f"{file}: {many(count, 'row')} without a prediction: {reason} ({places})")
    if table.bad:
        console.warn(f"{out}: lacks {many(len(table.bad), 'row')} that cannot be read")
    labels = model.head.labels
    added = [PREDICTION, CONFIDENCE, *(f"score.{label}" for label in labels if scores)]
    if taken := [name for name in added if name in table.frame.columns]:
        raise InputError(f"{file}: has a column {taken[0]!r} already", "rename it in the file")
    probabilities = scores_of(model, parsed)
    decoded = model.recipe.task.decode(probabilities, labels)
    cells: dict[str, list[object]] = {
        PREDICTION: [_cell(one) for one in decoded],
        CONFIDENCE: model.recipe.task.confidence(probabilities).round(4).tolist(),
    }
    if scores:
        cells |= {
            f"score.{label}": column for label, column in zip(labels, probabilities.T.round(6).tolist(), strict=True)
        }
    for note in write(_beside(table, parsed, cells), out, file, model.recipe.data):
        console.say(note)
    return out


def scores_of(model: Model, parsed: Parsed) -> np.ndarray:
    """Probabilities (usable rows, labels) of a parsed table."""
    inputs = [one for one in parsed.inputs if one is not None]
    with console.progress("predicting", len(inputs)) as bar:
        logits, _ = model.logits(inputs, bar.update)
    return model.recipe.task.scores(logits)


def _beside(table: Table, parsed: Parsed, cells: dict[str, list[object]]) -> pd.DataFrame:
    """The table with new columns; rows without a prediction get empty cells."""
    usable = np.array([one is not None for one in parsed.inputs])
    frame = table.frame.copy()
    for name, values in cells.items():
        column = np.full(len(frame), None, dtype=object)
        column[usable] = values
        frame[name] = column
    return frame


def _cell(gold: Gold) -> str:
    return gold if isinstance(gold, str) else ",".join(gold or ())
