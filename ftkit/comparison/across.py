"""A comparison over data sets: the matrix beside what the runs' own test rows say, or alone where they share none."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ftkit import metrics, privacy
from ftkit.comparison.document import SCHEMA, Asked, compare, entry_of
from ftkit.comparison.entries import Entry, entries_of
from ftkit.comparison.settings import NothingCommon, note
from ftkit.data.names import many
from ftkit.errors import InputError
from ftkit.statistics import wording
from ftkit.statistics.summary import ADAPTED

Matrix = Mapping[str, Any]


def runs_of(asked: Asked) -> list[Entry]:
    """The runs that are to be crossed with data sets. Raises InputError for a baseline, which has no adapter."""
    entries = entries_of(asked.runs)
    for entry in entries:
        if entry.predictor != ADAPTED:
            hint = f"name the run alone: {entry.run.path}"
            raise InputError(f"{entry.name}: a baseline cannot be scored on other data", hint)
    return entries


def across(asked: Asked, entries: Sequence[Entry], matrix: Matrix) -> dict[str, Any]:
    """The document of `asked` with its matrix."""
    try:
        return compare(asked) | {"matrix": matrix}
    except NothingCommon as nothing:
        return _alone(asked, entries, matrix, nothing.message)


def outcomes(matrix: Matrix) -> list[dict[str, Any]]:
    """Every cell that was compared, as (a, b, set, outcome)."""
    cells = [cell for cell in matrix["cells"] if cell["against"]]
    return [
        {"a": cell["entry"], "b": cell["against"]["entry"], "set": cell["set"], "outcome": cell["against"]["outcome"]}
        for cell in cells
    ]


def _alone(asked: Asked, entries: Sequence[Entry], matrix: Matrix, why: str) -> dict[str, Any]:
    metric, run = metrics.load(matrix["metric"]), entries[0].run
    return {
        "schema": SCHEMA,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": asked.command,
        "task": run.task,
        "kind": run.kind,
        "labels": list(run.labels),
        "hidden": privacy.hidden(),
        "primary": metric.name,
        "metrics": [{"name": metric.name, "higher_is_better": metric.higher_is_better}],
        "margin": {metric.name: asked.margin},
        "family": len(outcomes(matrix)),
        "pairs": asked.pairs,
        "subject": "adapters",
        "entries": [entry_of(entry, entry is entries[0]) for entry in entries],
        "rows": {"compared": 0, "left_out": [], "units": None, "clustered_by": None},
        "scores": {},
        "comparisons": [],
        "by_fold": [],
        "verdict": _verdict(matrix),
        "flips": [],
        "flips_left_out": 0,
        "slices": [],
        "cost": [],
        "matrix": matrix,
        "findings": [note(f"the runs are compared on the data sets alone: {why}")],
    }


def _verdict(matrix: Matrix) -> dict[str, Any]:
    """All comparisons of the matrix in a sentence, and what each run gained and lost."""
    found = outcomes(matrix)
    counts = Counter(one["outcome"] for one in found)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("better", "worse", "equivalent", "not worse"))
    where = many(len(matrix["sets"]), "data set")
    said = f"Of {many(len(found), 'comparison')} on {where}: {told}, {counts['cannot tell']} undecided."
    outcome = next(iter(counts)) if len(counts) == 1 else ""
    details = [line for one in matrix["summary"] for line in _changes(matrix["metric"], one)]
    return {"sentence": said, "outcome": outcome, "details": details}


def _changes(name: str, one: Mapping[str, Any]) -> list[str]:
    metric = metrics.load(name)
    lines = []
    for what, words in (("gain", "on its own data"), ("forgetting", "on the data of")):
        if (found := one[what]) is None:
            continue
        where = words if what == "gain" else f"{words} {found['entry']}"
        gap = wording.gap(found["difference"]["value"], metric)
        lines.append(f"{one['entry']} against {found['entry']} {where} ({found['set']}): {gap}, {found['outcome']}.")
    return lines
