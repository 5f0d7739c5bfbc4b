"""The page of a comparison: a single HTML file, drawn from the document of `comparison.json` alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ftkit.reports import comparison_differences as differences
from ftkit.reports import words
from ftkit.reports.comparison_cost import cost
from ftkit.reports.comparison_flips import flips
from ftkit.reports.comparison_matrix import matrix
from ftkit.reports.comparison_shape import filled
from ftkit.reports.comparison_slices import slices
from ftkit.reports.page import page
from ftkit.reports.results import OUTCOMES, size

Document = Mapping[str, Any]
Section = dict[str, Any]

TITLES = {
    "verdict": "Verdict",
    "scores": "Scores",
    "comparisons": "Comparisons",
    "folds": "Fold by fold",
    "flips": "Changed rows",
    "slices": "Slices",
    "cost": "Cost",
    "matrix": "Data sets",
    "rows": "Rows",
    "findings": "Findings",
    "entries": "Compared",
}


def render_comparison(document: Mapping[str, Any]) -> str:
    """The whole `comparison.html`."""
    whole = filled(document)
    parts = {
        "verdict": verdict(whole),
        "scores": scores(whole),
        "comparisons": differences.comparisons(whole),
        "folds": differences.by_fold(whole),
        "flips": flips(whole),
        "slices": slices(whole),
        "cost": cost(whole),
        "matrix": matrix(whole),
        "rows": rows(whole),
        "findings": findings(whole),
        "entries": entries(whole),
    }
    shown = {key: TITLES[key] for key, part in parts.items() if part}
    names = [entry["name"] for entry in whole["entries"]]
    facts = [words.words(whole["task"]), f"{len(names)} entries" if len(names) > 2 else ""]
    facts += [words.moment(whole["created"]) if whole["created"] else ""]
    title = " and ".join(names) if 0 < len(names) <= 2 else f"Comparison with {names[0]}" if names else "Comparison"
    subtitle = [fact for fact in facts if fact]
    return page("comparison.html", document=whole, part=parts, sections=shown, title=title, subtitle=subtitle)


def verdict(document: Document) -> Section:
    """The answer in words, and the differences that it rests on."""
    found = document["verdict"]
    said = found["sentence"] or "There is no verdict, because nothing was compared."
    tone, icon = OUTCOMES.get(found["outcome"], ("neutral", "?"))
    chart, caption = differences.charts_of(document)
    return {
        "sentence": said,
        "size": size(said),
        "details": [*found["details"], *_gate(document)],
        "outcome": found["outcome"],
        "tone": tone,
        "icon": icon,
        "tiles": _tiles(document),
        "chart": chart,
        "caption": caption,
    }


def _gate(document: Document) -> list[str]:
    """Whether what was required is met."""
    found = document["gate"]
    if not found["require"]:
        return []
    failed = ", ".join(f"{one['a']} against {one['b']}: {one['outcome']}" for one in found["failed"])
    return [
        f"What was required (--require {found['require']}) is " + ("met." if found["met"] else f"not met. {failed}.")
    ]


def _tiles(document: Document) -> list[tuple[str, str, str]]:
    """(name, figure, remark) of the numbers that people ask for first."""
    primary, counted = document["primary"], document["rows"]
    mine = differences.of_metric(document, primary)
    left_out = sum(one["rows"] or 0 for one in counted["left_out"])
    remark = f"{words.count(left_out)} left out" if left_out else ""
    if counted["units"] is not None:
        remark = ", ".join([words.count(counted["units"], "unit"), *([remark] if remark else [])])
    if not counted["compared"] and document["matrix"]:
        return []  # the data sets say how many
    tiles = [("rows compared", words.count(counted["compared"]), remark)]
    if len(mine) == 1:
        one, points = mine[0], words.in_points(primary)
        gap = one["difference"]
        changed = f"{one['fixed']} fixed, {one['broken']} broken" if one["fixed"] is not None else ""
        span = words.differences(gap["low"], gap["high"], points)
        tiles = [(one["a"], words.score(one["value"]), words.words(primary)),
                 (one["b"], words.score(one["reference"]), words.words(primary)),
                 ("difference", words.difference(gap["value"], points), span),
                 ("rows compared", tiles[0][1], ", ".join(part for part in (changed, remark) if part))]  # fmt: skip
    elif mine:
        counts = Counter(one["outcome"] for one in mine)
        tiles += [(word, words.count(counts[word]), f"of {len(mine)}") for word in OUTCOMES if counts[word]]
    return [tile for tile in tiles if tile[1] != words.NONE]


def scores(document: Document) -> Section | None:
    """Every entry by every metric, with intervals."""
    found = document["scores"]
    named = [one["name"] for one in document["metrics"]]
    metrics = list(dict.fromkeys([*named, *(name for entry in found.values() for name in entry)]))
    order = [one for one in document["entries"] if one["name"] in found]
    if not metrics or not order:
        return None
    best = {metric: _best(found, metric) for metric in metrics}
    lines = [
        {
            "name": one["name"],
            "about": ", ".join(_about(one)),
            "reference": one["reference"],
            "cells": [_cell(found[one["name"]], metric, best[metric] == one["name"]) for metric in metrics],
        }
        for one in order
    ]
    notes = {cell["note"] for line in lines for cell in line["cells"] if cell["sort"] is not None}
    shared = notes.pop() if len(notes) == 1 else ""
    for line in lines if shared else []:
        line["cells"] = [cell | {"note": ""} for cell in line["cells"]]
    return {"metrics": metrics, "lines": lines, "remark": words.sentence(shared) + "." if shared else ""}


def _cell(entry: Mapping[str, Any], metric: str, best: bool) -> Section:
    found = words.primary_score(entry, metric)
    span = words.interval(found.get("low"), found.get("high"))
    figure = {"value": words.score(found["value"]), "sort": found["value"]}
    return figure | {"interval": span, "note": found.get("note") or "", "best": best}


def _best(found: Mapping[str, Any], metric: str) -> str:
    sign = 1 if words.direction(metric) else -1
    known = {name: words.primary_score(entry, metric)["value"] for name, entry in found.items()}
    named = {name: sign * value for name, value in known.items() if value is not None}
    return max(named, key=named.__getitem__) if len(named) > 1 else ""


def _about(entry: Mapping[str, Any]) -> list[str]:
    """What an entry is, in a few words."""
    made, seeds = words.words(entry["method"]), len(entry["seeds"])
    facts = [f"{made} on {entry['base']}" if made and entry["base"] else made or entry["base"]]
    if entry["predictor"] not in ("", "adapted"):
        facts = [words.predictor(entry["predictor"]), words.ABOUT.get(entry["predictor"], "")]
    facts += [f"{seeds} seeds"] if seeds > 1 else []
    facts += [f"{entry['folds']} folds"] if entry["folds"] else []
    return [fact for fact in facts if fact]


def rows(document: Document) -> Section | None:
    """Which rows were compared, and which were not."""
    found = document["rows"]
    if found["compared"] is None or (not found["compared"] and document["matrix"]):
        return None
    text = f"{words.count(found['compared'], 'row was', 'rows were')} compared."
    if found["units"] is not None:
        by = f" of {found['clustered_by']}" if found["clustered_by"] else ""
        text += f" They belong to {words.count(found['units'], 'unit')}{by}; intervals and tests are by unit."
    return {"sentence": text, "left_out": [one for one in found["left_out"] if one["rows"]]}


def findings(document: Document) -> list[Section]:
    """What to know of the comparison, warnings first."""
    order = sorted(document["findings"], key=lambda one: one["level"] != "warning")
    return [{"level": one["level"], "what": one["text"], "hint": ""} for one in order]


def entries(document: Document) -> Section | None:
    """What was compared, and how to do it again."""
    if not document["entries"]:
        return None
    lines = [
        {"name": one["name"], "reference": one["reference"], "run": one["run"],
         "cells": [words.predictor(one["predictor"] or "adapted"), words.words(one["method"]), one["base"],
                   ", ".join(str(seed) for seed in one["seeds"]), str(one["folds"] or words.NONE)]}
        for one in document["entries"]
    ]  # fmt: skip
    return {"lines": lines, "command": document["command"]}
