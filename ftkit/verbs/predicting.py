"""Label new rows with a finished run."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ftkit import privacy
from ftkit.console import console
from ftkit.data import positions
from ftkit.data.decoded import files_of
from ftkit.data.hashing import row_ids
from ftkit.data.items import FileItem
from ftkit.data.names import many
from ftkit.data.prepare import rows_of
from ftkit.data.table import DataReport, Parsed, Table
from ftkit.data.write import write
from ftkit.errors import InputError
from ftkit.features.examples import hash_rows
from ftkit.models.assembly import Model, load_run
from ftkit.runs import REPORT
from ftkit.runs.calibrated import OF_TAGS
from ftkit.runs.trained import seen_by
from ftkit.statistics.selective import DIGITS
from ftkit.tasks import Encoded, Task
from ftkit.verbs.reading import reread

PREDICTION, CONFIDENCE, SCORE = "prediction", "confidence", "score."


def predict(
    run: Path,
    file: str,
    out: Path,
    scores: bool = False,
    changes: Sequence[tuple[str, str]] = (),
    calibrated: bool = False,
) -> Path:
    """Write the table of `file` with `prediction` and `confidence` beside its columns.

    A run that predicts numbers gives no confidence, and of several targets a column `prediction.<target>` each; of the
    floors of a position there are scores.

    Columns, order, file type and types of cells are kept; long footage gets a row for each of its windows. A row
    that cannot be read (an empty text) gets empty cells and is counted, and so are rows that the run was trained on.
    With `scores`, a column `score.<label>` holds each label's probability. `changes` are (dotted key, YAML) of how the
    file is read. `calibrated` divides the logits by the run's temperature first: confidences and
    scores differ, predictions do not. Raises InputError where the file lacks the run's columns, or has
    one of the new names already, and where a run without a temperature is to be calibrated.
    """
    model = load_run(run)
    temperature = _temperature(run, model) if calibrated else 1.0
    model = replace(model, recipe=reread(model.recipe, changes, model.recipe.task.reading))
    privacy.hide(model.recipe.report.rows == "hide")
    begun = time.perf_counter()
    table, parsed, report = rows_of(model.recipe, file, labelled=False)
    tell(file, out, table, report)
    labels = model.head.labels
    added = columns(model.recipe.task.kind, labels, scores)
    if taken := [name for name in added if name in table.frame.columns]:
        raise InputError(f"{file}: has a column {taken[0]!r} already", "rename it in the file")
    found, encoded = _scores(model, parsed, temperature)
    _tell_pace(model.recipe.task, parsed, time.perf_counter() - begun)
    tell_seen(run, file, parsed, encoded)
    cells = dict(zip(added, cells_of(model.recipe.task, found, labels, scores), strict=True))
    for note in write(beside(table, parsed, cells), out, file, model.recipe.data, table.lines):
        console.say(note)
    return out


def tell(file: str, out: Path, table: Table, report: DataReport) -> None:
    """Rows that get no prediction, or are not even written."""
    for reason, count in report.dropped.items():
        places = ", ".join(report.examples[reason]) + (", …" if count > len(report.examples[reason]) else "")
        console.warn(f"{file}: {many(count, 'row')} without a prediction: {reason} ({places})")
    if table.bad:
        console.warn(f"{out}: lacks {many(len(table.bad), 'row')} that cannot be read")


def _tell_pace(task: Task, parsed: Parsed, seconds: float) -> None:
    """How fast footage was looked at, decoding included: a camera's must be faster than it comes."""
    inputs = [one for one in parsed.inputs if one is not None]
    if task.footage(inputs) is None:
        return
    pictures = sum(one.length for (one,) in inputs if isinstance(one, FileItem))
    console.say(f"{many(pictures, 'picture')} in {seconds:,.1f} s: {pictures / seconds:,.1f} pictures a second")


def tell_seen(run: Path, file: str, parsed: Parsed, encoded: Encoded) -> None:
    """How many rows the run has been trained on."""
    inputs = [one for one in parsed.inputs if one is not None]
    nothing, hashes = [None] * len(inputs), hash_rows(encoded.rows)
    files = files_of(encoded.rows, hashes)
    try:
        seen = int(seen_by(run, row_ids(inputs, nothing, nothing), hashes, files).sum())
    except InputError as error:  # hidden rows of another machine: they are predicted all the same
        console.warn(error.message)
        return
    if seen:
        parts = ", or on files that they are parts of" if files != hashes else ""
        known = f"{run} was trained on {seen:,} of its {many(len(inputs), 'row')}{parts}"
        console.warn(f"{file}: {known}; how it does on them tells nothing of new ones")


def _temperature(run: Path, model: Model) -> float:
    """What the run's logits are to be divided by; where it has no such number, its report says why."""
    if model.head.temperature is not None:
        return model.head.temperature
    if model.recipe.task.kind == "tags":
        raise InputError(f"{run}: has no temperature ({OF_TAGS})", "predict without --calibrated")
    try:
        report = json.loads((run / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        report = {}
    if "calibration" not in report:
        raise InputError(f"{run}: was trained before ftkit fitted temperatures", "train it again, or no --calibrated")
    why = f" ({report['calibration']['why_not']})" if report["calibration"]["why_not"] else ""
    raise InputError(f"{run}: has no temperature{why}", "predict without --calibrated")


def _scores(model: Model, parsed: Parsed, temperature: float) -> tuple[np.ndarray, Encoded]:
    """Probabilities (usable rows, labels) of a parsed table, and its rows as encoded."""
    inputs = [one for one in parsed.inputs if one is not None]
    with console.progress("predicting", len(inputs)) as bar:
        logits, encoded = model.logits(inputs, bar.update)
    return model.recipe.task.scores(logits / temperature), encoded


def beside(table: Table, parsed: Parsed, cells: dict[str, list[object]]) -> pd.DataFrame:
    """The table with new columns; rows without a prediction get empty cells."""
    usable = np.array([one is not None for one in parsed.inputs])
    frame = table.frame.copy()
    for name, values in cells.items():
        column = np.full(len(frame), None, dtype=object)
        column[usable] = values
        frame[name] = column
    return frame


def columns(kind: str, labels: Sequence[str], scores: bool) -> list[str]:
    """Names of the new columns."""
    if kind == "values":
        targets = positions.answers(labels)
        named = [PREDICTION] if len(targets) == 1 else [f"{PREDICTION}.{target}" for target in targets]
        return named + [f"{SCORE}{label}" for label in labels if scores and label not in targets]
    if kind == "tags" and scores:
        what = "--scores: there is a probability of each label for every token, too many for a table"
        raise InputError(what, "predict without --scores")
    return [PREDICTION, CONFIDENCE, *(f"{SCORE}{label}" for label in labels if scores)]


def cells_of(task: Task, found: np.ndarray, labels: tuple[str, ...], scores: bool) -> list[list[object]]:
    """The new columns in the order of their names, the scores of labels last where they are wanted."""
    each = found.T.round(6).tolist() if scores else []
    if task.kind == "values":
        told = np.array(task.decode(found, labels), dtype=np.float64).reshape(len(found), -1)
        return [*told.T.round(6).tolist(), *(each[-task.classes :] if task.classes else [])]
    decoded = [task.cell(one) for one in task.decode(found, labels)]
    return [decoded, task.confidence(found).round(DIGITS).tolist(), *each]
