"""Every run on every data set: the adapter × domain matrix, and what adapting gained at home and lost at its source.

A run is compared with its base where that is among the runs, else with the first one named, on the
rows that both were scored on. All cells that are compared are one family, corrected by Holm's method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ftkit import metrics as metric_registry
from ftkit.comparison.cells import OUT_OF_FOLD, TEST, Cell, Subject, cell_of
from ftkit.errors import InputError
from ftkit.metrics import Metric
from ftkit.statistics import wording
from ftkit.statistics.folded import stretch, stretched, trials, widened
from ftkit.statistics.intervals import Interval, interval
from ftkit.statistics.paired import Comparison, compare, holm_family
from ftkit.statistics.tables import entry as score_of
from ftkit.statistics.tables import plain

Document = dict[str, Any]
Places = tuple[np.ndarray, np.ndarray]
Key = tuple[int, int]
"""numbers of the run and of the data set"""
NUMBERS = (
    "p_value",
    "corrected",
    "correction",
    "test",
    "rows",
    "units",
    "fixed",
    "broken",
    "smallest_effect",
    "margin",
)


@dataclass(frozen=True)
class _Against:
    """A cell beside the reference's on the same data set."""

    reference: Subject
    found: Comparison | None
    why: str = ""
    """why there is no comparison"""


def crossed(
    folders: Sequence[Path],
    files: Sequence[str],
    outcomes: Mapping[tuple[Path, str], Mapping[str, Any] | InputError],
    metric: str | None = None,
    margin: float | None = None,
    names: Sequence[str] | None = None,
) -> Document:
    """The `matrix` of a comparison, from the outcomes of `verbs.evaluating.attempt`.

    `metric` is the first run's primary one unless given; `names` are what the runs are called.
    """
    subjects = [Subject.of(name, run) for name, run in zip(names or unique(folders), folders, strict=True)]
    cells = [[cell_of(subject, outcomes[subject.run, file]) for file in files] for subject in subjects]
    known = metric_registry.load(metric or subjects[0].report["primary"])
    references = [_reference(subject, subjects) for subject in subjects]
    against = _compared(known, cells, [None if one is None else subjects.index(one) for one in references], margin)
    sets = unique([Path(file) for file in files], stem=True)
    return {
        "metric": known.name,
        "sets": [
            {"name": name, "file": file, "rows": max(row[number].rows for row in cells)}
            for number, (name, file) in enumerate(zip(sets, files, strict=True))
        ],
        "cells": [
            _cell(known, cell, sets[number], against.get((place, number)))
            for place, row in enumerate(cells)
            for number, cell in enumerate(row)
        ],
        "summary": [_summary(place, cells, sets, references, against) for place in range(len(subjects))],
        "meaning": _meaning(known, cells, references, against),
    }


def unique(paths: Sequence[Path], stem: bool = False) -> list[str]:
    """Short names, with as much of the folders before them as it takes to tell them apart."""
    parts = [[*path.resolve().parts[:-1], path.stem if stem else path.resolve().name] for path in paths]
    depth = 1
    names = ["/".join(one[-depth:]) for one in parts]
    while len(set(names)) < len(set(map(tuple, parts))):
        depth += 1
        names = ["/".join(one[-depth:]) for one in parts]
    return names


def _reference(subject: Subject, subjects: Sequence[Subject]) -> Subject | None:
    """The run that it was adapted from, else the first; None for the first itself."""
    found = next((other for other in subjects if subject.starts_from(other)), subjects[0])
    return None if found is subject else found


def _compared(
    metric: Metric, cells: Sequence[Sequence[Cell]], references: Sequence[int | None], margin: float | None
) -> dict[Key, _Against]:
    """Every cell against the reference's in its column, as one family."""
    pairs: dict[Key, tuple[Cell, Cell, Places]] = {}
    found: dict[Key, _Against] = {}
    for place, reference in enumerate(references):
        if reference is None:
            continue
        for number, (mine, theirs) in enumerate(zip(cells[place], cells[reference], strict=True)):
            places, why = _common(mine, theirs)
            found[place, number] = _Against(theirs.subject, None, why)
            if not why:
                pairs[place, number] = mine, theirs, places
    compared = []
    for mine, theirs, places in pairs.values():
        (a, units), (b, _) = mine.scored(places[0]), theirs.scored(places[1])
        one = compare(metric, a, b, units, margin, family=len(pairs))
        folds = max(mine.folds, theirs.folds)
        compared.append(widened(metric, one, stretch(folds, trials(a, units))) if folds else one)
    for key, one in zip(pairs, holm_family(compared), strict=True):
        found[key] = _Against(found[key].reference, one)
    return found


def _common(mine: Cell, theirs: Cell) -> tuple[Places, str]:
    """Places of the common rows in both frames, or why there are none."""
    none = np.array([], dtype=np.int64), np.array([], dtype=np.int64)
    other = theirs.subject.name
    if mine.frame is None or theirs.frame is None:
        return none, mine.reason or f"{other}: {theirs.reason}"
    if mine.subject.labels != theirs.subject.labels:
        return none, f"it has other labels than {other}"
    ids = mine.frame["row_id"].to_numpy(), theirs.frame["row_id"].to_numpy()
    _, a, b = np.intersect1d(*ids, assume_unique=True, return_indices=True)
    if not len(a):
        return none, f"no row was scored by it and by {other}"
    golds = zip(mine.frame["gold"].iloc[a], theirs.frame["gold"].iloc[b], strict=True)
    same = np.array([_plain(one) == _plain(two) for one, two in golds], dtype=bool)
    return (a[same], b[same]), "" if same.any() else f"its labels of the rows are others than those of {other}"


def _plain(gold: Any) -> Any:
    return gold if isinstance(gold, str) else tuple(gold)


def _cell(metric: Metric, cell: Cell, name: str, against: _Against | None) -> Document:
    score = Interval(float("nan"), None, None, cell.reason)
    if cell.frame is not None:
        scored, units = cell.scored()
        score = stretched(metric, interval(metric, scored, units), stretch(cell.folds, trials(scored, units)))
    return {
        "entry": cell.subject.name,
        "set": name,
        "score": score_of(score),
        "rows": cell.scored_rows,
        "left_out": cell.rows - cell.scored_rows,
        "origin": cell.origin,
        "home": cell.home,
        "against": None if against is None or against.found is None else _numbers(against.reference, against.found),
        "against_note": "" if against is None else against.why,
    }


def _numbers(reference: Subject, found: Comparison) -> Document:
    """A comparison as the document holds it."""
    values = asdict(found)
    return {
        "entry": reference.name,
        "value": plain(found.value),
        "reference": plain(found.reference),
        "difference": {"value": plain(found.difference), "low": found.low, "high": found.high},
        **{name: values[name] for name in NUMBERS},
        "outcome": found.outcome,
        "note": found.note,
    }


def _summary(
    place: int,
    cells: Sequence[Sequence[Cell]],
    sets: Sequence[str],
    references: Sequence[Subject | None],
    against: Mapping[Key, _Against],
) -> Document:
    """What a run gained on its own domain, and lost on that of its reference."""
    subject, reference = cells[place][0].subject, references[place]
    if reference is None:
        return {"entry": subject.name, "gain": None, "forgetting": None, "note": "the others are compared with it"}
    home = _home(cells[place])
    source = _home(next(row for row in cells if row[0].subject is reference), but=home)
    adapted = subject.starts_from(reference)
    notes = (
        [] if adapted else [f"not adapted from {reference.name}, so nothing was forgotten: never trained on its data"]
    )
    found: dict[str, Document | None] = {"gain": None, "forgetting": None}
    for what, number, whose in (("gain", home, subject), ("forgetting", source, reference)):
        if number is None:
            notes.append(
                f"no {what}: no data set here is {'another one' if whose is reference else 'one'} of {whose.name}"
            )
        elif (one := against[place, number]).found is None:
            notes.append(f"no {what}: {one.why}")
        else:
            found[what] = _numbers(reference, one.found) | {"set": sets[number]}
    return {"entry": subject.name, **found, "note": "; ".join(notes)}


def _home(row: Sequence[Cell], but: int | None = None) -> int | None:
    """The data set that is most of all the run's own."""
    own = [number for number, cell in enumerate(row) if cell.home and number != but]
    return max(own, key=lambda number: row[number].share, default=None)


def _meaning(
    metric: Metric,
    cells: Sequence[Sequence[Cell]],
    references: Sequence[Subject | None],
    against: Mapping[Key, _Against],
) -> list[str]:
    """What is compared, in sentences."""
    family = sum(one.found is not None for one in against.values())
    origins = {cell.origin for row in cells for cell in row if cell.frame is not None}
    said = [
        f"Each cell is the {wording.measure(metric)} of a run on the rows of a data set that neither it nor its base "
        "was trained on."
    ]
    if TEST in origins:
        said.append("“test rows” are a run's own, held out when it was trained.")
    if OUT_OF_FOLD in origins:
        said.append(
            "“out of fold”: the run's own rows were predicted by models of its folds that had not seen them. The score "
            "is that of its procedure, and intervals are wider, because those models share training rows."
        )
    names = dict.fromkeys(one.name for one in references if one is not None)
    said.append(
        f"Each run is compared with its base where that is among the runs, else with the first ({', '.join(names)}), "
        f"on the rows that both were scored on; {family} comparisons are corrected together (Holm)."
    )
    said.append(
        "Gain is the difference on the run's own data, forgetting the difference on the data of the run that it is "
        "compared with: below zero, something was lost."
    )
    return [*said, "Verdicts are on these adapters, with one seed each, not on recipes."]
