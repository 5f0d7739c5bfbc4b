"""What an evaluation computes: all data are read first, then each base is loaded once for all its runs."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftkit import runs
from ftkit.console import console
from ftkit.data import coverage
from ftkit.data.decoded import files_of
from ftkit.data.hashing import row_ids
from ftkit.data.prepare import rows_of
from ftkit.data.table import DataReport, Gold, Parsed, Table
from ftkit.errors import InputError, did_you_mean
from ftkit.features.cache import Cache
from ftkit.features.examples import Examples
from ftkit.files import os_error
from ftkit.models import together
from ftkit.models.assembly import Finished, finished
from ftkit.models.delivery import read_head
from ftkit.privacy import Mask
from ftkit.recipe import Recipe
from ftkit.runs.frames import columns, footage, frame
from ftkit.runs.kept import SCHEMA, Place
from ftkit.runs.masking import mask_of, shown_labels
from ftkit.runs.trained import seen_by
from ftkit.statistics.summary import summarise
from ftkit.tasks import Encoded
from ftkit.verbs.reading import READING

Pair = tuple[Path, str]


@dataclass(frozen=True)
class Read:
    """Usable rows as the runs of one recipe see them."""

    rows: pd.DataFrame
    """`row_id`, `input`, `gold`, `unit`, `group`, `slice.<column>`"""
    data: DataReport


@dataclass(frozen=True)
class Prepared:
    """A run and rows for it, before anything is computed."""

    place: Place
    one: Finished
    labels: tuple[str, ...]
    read: Read
    encoded: Encoded
    examples: Examples
    seen: np.ndarray
    """(rows,) bool: whether the run was trained on the row"""


class _Readings:
    """Files read, and rows encoded, once for all runs that do it alike."""

    def __init__(self) -> None:
        self._read: dict[str, Read] = {}
        self._encoded: dict[str, tuple[Encoded, Examples]] = {}
        self._processors: dict[str, Any] = {}

    def of(self, place: Place, one: Finished) -> tuple[Read, Encoded, Examples]:
        """Raises InputError for data that the run cannot read."""
        recipe, tree = one.recipe, one.recipe.dump()
        reading = {name: tree["data"][name] for name in (*READING, "unit", "group")}
        how = json.dumps([place.content, place.file, tree["task"], reading, recipe.evaluate.slices])
        if how not in self._read:
            table, parsed, data = rows_of(recipe, place.file, labelled=True)
            self._read[how] = Read(_frame(table, parsed, recipe), data)
        base = together.same_base(one)
        if base not in self._processors:
            self._processors[base] = recipe.task.processor(one.base)
        if base + how not in self._encoded:
            encoded = recipe.task.encode(self._read[how].rows["input"].to_list(), self._processors[base])
            examples = Examples(recipe.task, self._processors[base], encoded.rows)
            self._encoded[base + how] = encoded, examples
        return self._read[how], *self._encoded[base + how]


def prepare(places: Mapping[Pair, Place]) -> dict[Pair, Prepared | InputError]:
    """All that can be known of runs and rows before weights are loaded; an InputError for data that do not fit a run.

    Raises InputError for a run that is damaged.
    """
    found: dict[Pair, Prepared | InputError] = {}
    ready: dict[Path, Finished] = {}
    readings = _Readings()
    for (run, file), place in places.items():
        one = ready.setdefault(run, ready.get(run) or dataclasses.replace(finished(run), recipe=place.recipe))
        labels = read_head(run / runs.ADAPTER).labels
        try:
            read, encoded, examples = readings.of(place, one)
        except InputError as error:
            found[run, file] = error
            continue
        files = files_of(examples.rows, examples.hashes)
        seen = seen_by(run, read.rows["row_id"].to_list(), examples.hashes, files)
        found[run, file] = Prepared(place, one, labels, read, encoded, examples, seen)
    return found


def carry_out(prepared: Mapping[Pair, Prepared]) -> dict[Pair, dict[str, Any]]:
    """Score the rows that runs were not trained on; reports and predictions are kept in the runs."""
    by_run: dict[Path, list[Prepared]] = {}
    for (run, _), one in prepared.items():
        _make(one.place.folder)
        by_run.setdefault(run, []).append(one)
    mine = list(by_run.values())
    wanted = [
        together.Wanted(some[0].one, tuple((one.examples, np.flatnonzero(~one.seen)) for one in some)) for some in mine
    ]
    # rows that may not be written down are shared between runs all the same, in memory
    cache = Cache.in_memory() if mask_of(()).on else Cache.default()
    cache.open = {}
    reports: dict[Pair, dict[str, Any]] = {}
    with console.progress("evaluating", sum(int((~one.seen).sum()) for one in prepared.values())) as bar:
        for number, logits in together.score(wanted, cache, bar.update):
            for one, found in zip(mine[number], logits, strict=True):
                reports[one.place.run, one.place.file] = _kept(one, found)
    return reports


def _kept(one: Prepared, logits: np.ndarray) -> dict[str, Any]:
    """The report of an evaluation, which is written with its predictions; `logits` are of rows that are new to it."""
    place, mask, unseen = one.place, mask_of(one.labels), np.flatnonzero(~one.seen)
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "run": str(place.run),
        "file": place.file,
        "rows": len(unseen),
        "left_out": int(one.seen.sum()),
        "folder": str(place.folder),
        "data": _data(one.read.data, one.encoded, mask, len(unseen)),
        "task": one.one.recipe.task.name,
        "primary": one.one.recipe.evaluate.metrics[0],
        "labels": shown_labels(one.labels, one.one.recipe.task.kind, mask),
    }
    fresh = one.read.rows.iloc[unseen]
    common = columns(fresh, [one.examples.hashes[i] for i in unseen], mask)
    common["footage"] = footage(one.one.recipe.task, fresh, mask)
    scored = _predictions(one, logits, common, mask) if len(unseen) else None
    if scored is not None:
        recipe = one.one.recipe
        names, seed = recipe.evaluate.metrics, int(scored["seed"].iloc[0])
        report |= summarise(scored, report["labels"], recipe.task.kind, names, names[0], seed, recipe.evaluate.slices)
    rows = pd.DataFrame(
        {
            "row_id": [mask.digest(row) for row in one.read.rows["row_id"]],
            "input_hash": [mask.digest(row) for row in one.examples.hashes],
            "trained": one.seen,
        }
    )
    return place.keep(report, scored, rows)


def _predictions(one: Prepared, logits: np.ndarray, common: dict[str, Any], mask: Mask) -> pd.DataFrame:
    task = one.one.recipe.task
    scores = task.scores(logits)
    seed = _delivered(one.place.run, one.one.recipe.seed)
    return frame(scores, "adapted", seed, one.labels, task.decode(scores, one.labels), task.kind, common, mask)


def _frame(table: Table, parsed: Parsed, recipe: Recipe) -> pd.DataFrame:
    """Usable rows with what predictions need to know of them."""
    usable = [i for i, fault in enumerate(parsed.faults) if fault is None]
    some = table.frame.iloc[usable]

    def column(name: str | None) -> list[str | None]:
        return [None] * len(usable) if name is None or name not in some else [str(cell) for cell in some[name]]

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


def _delivered(run: Path, seed: int) -> int:
    """The seed whose adapter the run delivers."""
    seeds = json.loads((run / runs.REPORT).read_text(encoding="utf-8")).get("seeds")
    return int(seeds["delivered"]) if seeds else seed


def _data(data: DataReport, encoded: Encoded, mask: Mask, rows: int) -> dict[str, Any]:
    found = dataclasses.asdict(data) | coverage.rates(encoded)
    return found | {"label_counts": mask.counts(data.label_counts), "split_rows": {"test": rows}}


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
