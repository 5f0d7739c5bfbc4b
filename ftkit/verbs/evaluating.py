"""Score finished runs on other data, leaving out rows that they were trained on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit import privacy, runs
from ftkit.data import coverage
from ftkit.data.hashing import row_ids
from ftkit.data.prepare import rows_of
from ftkit.data.table import DataReport, Gold, Parsed, Table
from ftkit.errors import InputError, did_you_mean
from ftkit.features.examples import hash_rows
from ftkit.files import sha256, write_json
from ftkit.models.assembly import Model, load_run
from ftkit.privacy import Mask
from ftkit.runs.frames import columns, frame
from ftkit.runs.masking import mask_of
from ftkit.statistics import predictions
from ftkit.statistics.summary import summarise
from ftkit.tasks import Encoded

SCHEMA = 1


def evaluate(folders: list[Path], file: str) -> list[dict[str, Any]]:
    """A report for each run; it and the predictions are kept in `RUN/evaluations/<file hash>/`.

    Raises InputError where the file lacks the run's columns, or holds only rows that it was trained on.
    """
    return [_one(folder, file) for folder in folders]


def _one(run: Path, file: str) -> dict[str, Any]:
    model = load_run(run)
    privacy.hide(model.recipe.report.rows == "hide")
    mask = mask_of(model.head.labels)
    table, parsed, data = rows_of(model.recipe, file, labelled=True)
    rows = _frame(table, parsed, model)
    logits, encoded = model.logits(rows["input"].to_list())
    seen = _trained_on(run, encoded, mask)
    if seen.all():
        raise InputError(f"{file}: {run} was trained on all of its {len(seen)} usable rows", "give other rows")
    report = _report(run, file, model, rows[~seen], logits[~seen], encoded, np.flatnonzero(~seen), mask)
    return report | {"left_out": int(seen.sum()), "data": _data(data, encoded, mask, report["rows"])}


def _frame(table: Table, parsed: Parsed, model: Model) -> pd.DataFrame:
    """Usable rows with what predictions need to know of them."""
    usable = [i for i, fault in enumerate(parsed.faults) if fault is None]
    some = table.frame.iloc[usable]

    def column(name: str | None) -> list[str | None]:
        return [None] * len(usable) if name is None or name not in some else [str(cell) for cell in some[name]]

    recipe = model.recipe
    inputs = [one for i in usable if (one := parsed.inputs[i]) is not None]
    for name in recipe.evaluate.slices:
        if name not in some:
            raise InputError(f"{table.source}: no column {name!r} for its slice", did_you_mean(name, map(str, some)))
    unit, group = column(recipe.data.unit), column(recipe.data.group)
    gold: list[Gold] = [parsed.gold[i] for i in usable]
    found: dict[str, list[Any]] = {"row_id": row_ids(inputs, unit, group), "input": inputs, "gold": gold}
    found |= {"unit": unit, "group": group}
    found |= {f"slice.{name}": column(name) for name in recipe.evaluate.slices}
    frame = pd.DataFrame(index=range(len(usable)), columns=list(found), dtype=object)
    for name, values in found.items():
        frame[name] = pd.Series(np.fromiter(values, dtype=object, count=len(values)))
    return frame


def _trained_on(run: Path, encoded: Encoded, mask: Mask) -> np.ndarray:
    """(rows,) bool: whether the run, or the run that was its base, saw the same input in training."""
    known = pd.read_parquet(run / runs.SPLITS)
    seen = set(known.loc[known["trained"], "input_hash"])
    return np.array([mask.digest(one) in seen for one in hash_rows(encoded.rows)], dtype=bool)


def _report(
    run: Path,
    file: str,
    model: Model,
    rows: pd.DataFrame,
    logits: np.ndarray,
    encoded: Encoded,
    places: np.ndarray,
    mask: Mask,
) -> dict[str, Any]:
    """Predictions and scores of the rows that are left, written to the run."""
    recipe, labels = model.recipe, model.head.labels
    scores = recipe.task.scores(logits)
    common = columns(rows, encoded.rows, places, mask)
    predicted = frame(
        scores, "adapted", recipe.seed, labels, recipe.task.decode(scores, labels), recipe.task.kind, common, mask
    )
    shown = [mask.name("label", label) for label in labels]
    names = recipe.evaluate.metrics
    found = summarise(predicted, shown, recipe.task.kind, names, names[0], recipe.seed, recipe.evaluate.slices)
    folder = run / runs.EVALUATIONS / _key(file)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"schema": SCHEMA, "run": str(run), "file": file, "rows": len(rows), "folder": str(folder)}
    report = {**about, "task": recipe.task.name, "primary": names[0], "labels": shown, **found}
    predictions.write(
        predicted,
        folder / runs.PREDICTIONS,
        labels=shown,
        task=recipe.task.name,
        metrics=list(found["scores"]["test"]),
        primary=names[0],
    )
    write_json(folder / runs.REPORT, report)
    return report


def _data(data: DataReport, encoded: Encoded, mask: Mask, rows: int) -> dict[str, Any]:
    found = dataclasses.asdict(data) | coverage.rates(encoded)
    return found | {"label_counts": mask.counts(data.label_counts), "split_rows": {"test": rows}}


def _key(file: str) -> str:
    """A name for the evaluation: of the file's content, so that the same rows are found again."""
    path = Path(file)
    return sha256(path)[:16] if path.is_file() else "".join(c if c.isalnum() else "-" for c in file)[-60:]
