"""Score finished runs on other data, leaving out rows that they were trained on."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Sequence
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
from ftkit.features.cache import Cache
from ftkit.features.examples import hash_rows
from ftkit.files import os_error, sha256, write_json
from ftkit.models.assembly import Model, load_run
from ftkit.privacy import Mask
from ftkit.runs.frames import columns, frame
from ftkit.runs.masking import mask_of
from ftkit.runs.trained import seen_by
from ftkit.statistics import predictions
from ftkit.statistics.summary import summarise
from ftkit.tasks import Encoded
from ftkit.verbs.reading import reread

SCHEMA = 1


def evaluate(folders: list[Path], file: str, changes: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
    """A report for each run; it and the predictions are kept in `RUN/evaluations/<file hash>/`.

    `changes` are (dotted key, YAML) of how the file is read. Raises InputError where the file lacks
    the run's columns, or holds only rows that it was trained on.
    """
    return [_one(folder, file, changes) for folder in folders]


def _one(run: Path, file: str, changes: Sequence[tuple[str, str]]) -> dict[str, Any]:
    model = load_run(run)
    model = dataclasses.replace(model, recipe=reread(model.recipe, changes))
    privacy.hide(model.recipe.report.rows == "hide")
    mask = mask_of(model.head.labels)
    table, parsed, data = rows_of(model.recipe, file, labelled=True)
    rows = _frame(table, parsed, model)
    # rows that are scored once are scored again, by the next adapter on the same base
    logits, encoded = model.logits(rows["input"].to_list(), cache=None if mask.on else Cache.default())
    hashes = hash_rows(encoded.rows)
    seen = seen_by(run, rows["row_id"].to_list(), hashes)
    if seen.all():
        raise InputError(f"{file}: {run} was trained on all of its {len(seen)} usable rows", "give other rows")
    report = {
        "schema": SCHEMA,
        "run": str(run),
        "file": file,
        "rows": int((~seen).sum()),
        "left_out": int(seen.sum()),
        "folder": str(run / runs.EVALUATIONS / _key(file)),
        "data": _data(data, encoded, mask, int((~seen).sum())),
    }
    common = columns(rows[~seen], [hashes[i] for i in np.flatnonzero(~seen)], mask)
    return _scored(model, logits[~seen], common, mask, report)


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


def _scored(
    model: Model, logits: np.ndarray, common: dict[str, Any], mask: Mask, report: dict[str, Any]
) -> dict[str, Any]:
    """The report with the scores of these rows; it and the predictions are written to its folder."""
    recipe, labels, folder = model.recipe, model.head.labels, Path(report["folder"])
    scores = recipe.task.scores(logits)
    seed = _delivered(folder.parent.parent, recipe.seed)
    decoded = recipe.task.decode(scores, labels)
    predicted = frame(scores, "adapted", seed, labels, decoded, recipe.task.kind, common, mask)
    shown = [mask.name("label", label) for label in labels]
    names = recipe.evaluate.metrics
    found = summarise(predicted, shown, recipe.task.kind, names, names[0], seed, recipe.evaluate.slices)
    report |= {"task": recipe.task.name, "primary": names[0], "labels": shown, **found}
    _make(folder)
    about: dict[str, Any] = {"labels": shown, "task": recipe.task.name, "primary": names[0]}
    predictions.write(predicted, folder / runs.PREDICTIONS, metrics=list(found["scores"]["test"]), **about)
    write_json(folder / runs.REPORT, report)
    return report


def _delivered(run: Path, seed: int) -> int:
    """The seed whose adapter the run delivers."""
    seeds = json.loads((run / runs.REPORT).read_text(encoding="utf-8")).get("seeds")
    return int(seeds["delivered"]) if seeds else seed


def _data(data: DataReport, encoded: Encoded, mask: Mask, rows: int) -> dict[str, Any]:
    found = dataclasses.asdict(data) | coverage.rates(encoded)
    return found | {"label_counts": mask.counts(data.label_counts), "split_rows": {"test": rows}}


def _key(file: str) -> str:
    """A name for the evaluation: of the file's content, so that the same rows are found again."""
    path = Path(file)
    return sha256(path)[:16] if path.is_file() else "".join(c if c.isalnum() else "-" for c in file)[-60:]


def _make(folder: Path) -> None:
    """Make the folder of an evaluation. It lies in its run, so there is no `--out` to choose another with."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refused = os_error(error, f"creating {folder}")
        if isinstance(refused, InputError):
            run = shlex.quote(str(folder.parent.parent))
            refused.hint = f"cp -r {run} FOLDER where you may write, and evaluate that copy"
        raise refused from error
