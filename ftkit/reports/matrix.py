"""The matrix of a comparison in plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit import metrics as metric_registry
from ftkit.console import table
from ftkit.reports import words

MARKS = {"better": "+", "worse": "-", "equivalent": "=", "not worse": "≥", "cannot tell": "?"}


def lines(matrix: Mapping[str, Any]) -> list[str]:
    """Scores by run and data set, then what each run gained and lost, then what that means."""
    names = [one["name"] for one in matrix["sets"]]
    entries = list(dict.fromkeys(cell["entry"] for cell in matrix["cells"]))
    cells = {(cell["entry"], cell["set"]): cell for cell in matrix["cells"]}
    grid = [[entry, *(_cell(cells[entry, name]) for name in names)] for entry in entries]
    legend = ", ".join(f"{mark} {outcome}" for outcome, mark in MARKS.items())
    points = metric_registry.load(matrix["metric"]).bounds == (0.0, 1.0)
    summary = [
        [one["entry"], _compared(one), *_change(one["gain"], points), *_change(one["forgetting"], points)]
        for one in matrix["summary"]
        if one["gain"] or one["forgetting"]
    ]
    header = ["run", "against", "gain", "on", "forgetting", "on"]
    return [
        *table(grid, [words.words(matrix["metric"]), *names]).splitlines(),
        f"* the run's own data; against the reference: {legend}",
        *_reasons(matrix["cells"]),
        *(["", *table(summary, header).splitlines()] if summary else []),
        *notes(matrix),
        "",
        *matrix["meaning"],
    ]


def notes(matrix: Mapping[str, Any]) -> list[str]:
    """What is to be known of gain and forgetting, runs of which the same is said together."""
    said: dict[str, list[str]] = {}
    for one in matrix["summary"]:
        if one["note"]:
            said.setdefault(one["note"], []).append(one["entry"])
    return [f"{', '.join(entries)}: {note}" for note, entries in said.items()]


def _cell(cell: Mapping[str, Any]) -> str:
    if cell["score"]["value"] is None:
        return "n/a"
    mark = MARKS[cell["against"]["outcome"]] if cell["against"] else ""
    return f"{words.score(cell['score']['value'])}{'*' * cell['home']} {mark}".rstrip()


def _reasons(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"n/a: {cell['entry']} on {cell['set']}: {cell['score'].get('note') or 'not defined'}"
        for cell in cells
        if cell["score"]["value"] is None
    ]


def _compared(one: Mapping[str, Any]) -> str:
    return str((one["gain"] or one["forgetting"])["entry"])


def _change(found: Mapping[str, Any] | None, points: bool) -> tuple[str, str]:
    """`+2.3 points (−0.4 to +5.0 points), cannot tell`, and the data set."""
    if found is None:
        return words.NONE, words.NONE
    numbers = found["difference"]
    between = words.differences(numbers["low"], numbers["high"], points)
    said = words.difference(numbers["value"], points) + (f" ({between})" if between else "")
    return f"{said}, {found['outcome']}".replace(words.SPACE, " "), found["set"]
