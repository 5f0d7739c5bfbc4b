"""Every entry on every data set: the scores as a heat map, and what adapting gained and what it forgot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.reports import words
from ftkit.reports.comparison_differences import cell, outcome
from ftkit.reports.palette import HEAT_STEPS
from ftkit.reports.results import OUTCOMES

Document = Mapping[str, Any]
Section = dict[str, Any]

LEAST = 0.1
"""range of scores that takes all shades; a smaller one is not blown up"""


def matrix(document: Document) -> Section | None:
    """Lines of cells in the order of entries and sets."""
    found = document["matrix"]
    if not found or not found["cells"]:
        return None
    metric, sets = found["metric"] or document["primary"], [one["name"] for one in found["sets"]]
    cells = {(one["entry"], one["set"]): one for one in found["cells"]}
    entries = list(dict.fromkeys(one["entry"] for one in found["cells"]))
    shades = _shades(found["cells"], metric)
    summary = {one["entry"]: one for one in found["summary"]}
    lines = [
        {
            "name": entry,
            "cells": [_cell(cells.get((entry, name)), shades, metric) for name in sets],
            "changes": [_change(summary.get(entry, {}).get(key), metric) for key in ("gain", "forgetting")],
            "note": summary.get(entry, {}).get("note") or "",
        }
        for entry in entries
    ]
    return {
        "metric": metric,
        "sets": found["sets"],
        "lines": lines,
        "changed": any(change for line in lines for change in line["changes"]),
        "meaning": found["meaning"],
        "about": _about(found["cells"], metric),
    }


def _about(cells: Sequence[Mapping[str, Any]], metric: str) -> str:
    what = f"{words.words(metric)} with {words.LEVEL} intervals"
    text = f"Each line is an entry, each column a data set, the figures are {what}"
    text += "." if words.direction(metric) else " (lower is better)."
    text += " The stronger the colour, the better."
    if any(one["home"] for one in cells):
        text += " A framed cell is the entry's own data set."
    others = list(dict.fromkeys(one["against"]["entry"] for one in cells if one["against"]))
    if others:
        signs = ", ".join(f"{icon} {word}" for word, (_, icon) in OUTCOMES.items())
        text += f" Signs compare with {' or '.join(_named(other) for other in others)} on the same rows: {signs}."
    return text


def _named(entry: str) -> str:
    """A baseline in words, an entry by its name."""
    return words.PREDICTORS.get(entry, entry)


def _shades(cells: Sequence[Mapping[str, Any]], metric: str) -> dict[int, int]:
    """The step of the heat map of each cell that has a score, by the cell's identity."""
    sign = 1 if words.direction(metric) else -1
    known = {id(one): sign * one["score"]["value"] for one in cells if one["score"].get("value") is not None}
    low, high = min(known.values(), default=0.0), max(known.values(), default=0.0)
    span = max(high - low, LEAST)
    return {key: min(HEAT_STEPS - 1, int((span - (high - value)) / span * HEAT_STEPS)) for key, value in known.items()}


def _cell(one: Mapping[str, Any] | None, shades: Mapping[int, int], metric: str) -> Section | None:
    if one is None:
        return None
    score = one["score"]
    facts = [words.count(one["rows"], "row") if one["rows"] is not None else "", one["origin"]]
    facts += [f"{words.count(one['left_out'], 'row')} left out"] if one["left_out"] else []
    found: Section = {
        "value": words.score(score.get("value")),
        "interval": words.interval(score.get("low"), score.get("high")),
        "step": shades.get(id(one)),
        "home": one["home"],
        "outcome": outcome(one["against"]["outcome"]) if one["against"] else None,
        "note": score.get("note") or "",
        "facts": ", ".join(fact for fact in facts if fact),
    }
    if one["against"]:
        gap = words.difference(one["against"]["difference"]["value"], words.in_points(metric))
        found["facts"] += f"; {gap} against {_named(one['against']['entry'])}"
    return found


def _change(found: Mapping[str, Any] | None, metric: str) -> Section | None:
    """Gain or forgetting as a difference with its outcome, and on which set."""
    if not found:
        return None
    where = f"on {found['set']}" if found["set"] else ""
    against = f"against {_named(found['entry'])}" if found["entry"] else ""
    note = " ".join(part for part in (where, against) if part)
    return cell(found["difference"], words.in_points(metric)) | {"note": note, "outcome": outcome(found["outcome"])}
