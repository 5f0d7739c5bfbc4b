"""The runs of a folder as a table needs them: what their recipes say, and what they scored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftkit import folders, runs
from ftkit.errors import InputError
from ftkit.recipe import yaml_text
from ftkit.search.combinations import PATHS, flat, spelled
from ftkit.search.sweep import document_of


@dataclass(frozen=True)
class Entry:
    """One run."""

    name: str
    """its folder, below the one that was asked for"""
    state: str
    """complete, failed, or anything else for a run that was cut short"""
    keys: Mapping[str, str]
    """dotted recipe key: its value, spelled"""
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """metric: its value on the test rows, one for each seed that was scored"""
    primary: str = ""
    """the metric that the run was chosen by"""
    tested: str = ""
    """equal for runs that were scored on the same rows"""


@dataclass(frozen=True)
class Gathered:
    """The runs of a folder; those of a sweep in the order in which it was planned."""

    entries: tuple[Entry, ...]
    varied: tuple[str, ...] = ()
    """keys of the sweep that the folder is, in the order of its command; empty for any other folder"""
    missing: int = 0
    """runs of sweeps that were not begun"""


def gather(folder: Path) -> Gathered:
    """Every run in a folder and in the sweeps in it. A run that cannot be read counts as one without a score."""
    sweeps = {path: document_of(path) for path in (folder, *sorted(folder.iterdir())) if folders.is_sweep(path)}
    planned = {path / run["name"]: run["values"] for path, sweep in sweeps.items() for run in sweep["runs"]}
    place = {path: number for number, path in enumerate(planned)}
    found = sorted(folders.runs_in(folder), key=lambda path: place.get(path, len(place)))
    alone = folder in sweeps and all(path in planned for path in found)
    varied = tuple(sweeps[folder]["vary"]) if alone else ()
    entries = tuple(_entry(path, folder, planned.get(path, {})) for path in found)
    return Gathered(entries, varied, len(planned.keys() - set(found)))


def _entry(path: Path, folder: Path, values: Mapping[str, Any]) -> Entry:
    name, state, recipe = path.relative_to(folder).as_posix(), folders.state(path) or "", _recipe(path)
    # what was varied as it was typed, so that `auto` stays what it was; but paths as they were understood
    typed = {key: value for key, value in values.items() if key not in PATHS or key not in recipe}
    keys = {key: spelled(value) for key, value in (recipe | typed).items()}
    if state != "complete":
        return Entry(name, state, keys)
    try:
        report = json.loads((path / runs.REPORT).read_text(encoding="utf-8"))
        return Entry(name, state, keys, _scores(report), report["primary"], _tested(report, recipe))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Entry(name, "damaged", keys)


def _recipe(path: Path) -> dict[str, Any]:
    """Dotted key: value of a run's recipe; a map of labels stays where it is."""
    try:
        tree = yaml_text.read(path / runs.RECIPE).tree
    except InputError:
        return {}
    return {key: value for key, value in flat(tree).items() if not key.startswith("data.label_map")}


def _scores(report: Mapping[str, Any]) -> dict[str, list[float]]:
    """Metric: values. A report holds the primary metric of every seed, the others of the delivered one."""
    found = {name: [score["value"]] for name, score in report["scores"]["test"].items()}
    if report.get("seeds"):
        found[report["primary"]] = report["seeds"]["values"]
    kept = {name: [float(value) for value in values if value is not None] for name, values in found.items()}
    return {name: values for name, values in kept.items() if values}


def _tested(report: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """Which rows were scored: the files that they come from, how they were chosen, and how many each label has."""
    test = recipe.get("data.test") or []
    named = {test} if isinstance(test, str) else set(test)
    apart = [sha256 for source, sha256 in report["data"]["files"].items() if source in named]
    how = [] if apart else [recipe.get("data.split_seed"), report["folds"]]
    counts = [line["rows"] for line in report.get("per_label") or []]
    return json.dumps([sorted(apart or report["data"]["files"].values()), how, counts])
