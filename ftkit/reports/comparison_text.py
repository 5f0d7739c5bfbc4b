"""What the terminal says at the end of `ftkit compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.console import table
from ftkit.reports import matrix, words

Document = Mapping[str, Any]
Lines = list[str]

MOST_METRICS = 4
"""columns; more do not fit into 100 characters"""
MOST_PAIRS = 20
MOST_SLICES = 6
"""lines; the page has all of them"""
COST = {
    "seconds": ("time in total", words.seconds),
    "adapter_bytes": ("size", words.size),
    "trainable_parameters": ("trainable", words.magnitude),
    "predictions_per_second": ("rows/s", words.count),
}


def lines(found: Document) -> Lines:
    """The verdict, what it rests on, scores, pairs, slices, cost and findings."""
    parts = [
        [found["verdict"]["sentence"], *(f"  {line}" for line in found["verdict"]["details"])],
        _rows(found),
        _scores(found),
        _pairs(found),
        _others(found),
        _slices(found),
        _cost(found),
        matrix.lines(found["matrix"]) if found["matrix"] else [],
        [f"{one['level']}: {one['text']}" for one in found["findings"]],
    ]
    text = [line for part in parts if part for line in ("", *part)][1:]
    return [line.replace(words.SPACE, " ") for line in text]


def best_run(found: Document) -> str:
    """The run folder of the entry that scores highest by the primary metric."""
    if not found["scores"]:
        return str(found["entries"][0]["run"])
    primary = found["primary"]
    higher = next(one["higher_is_better"] for one in found["metrics"] if one["name"] == primary)

    def rank(entry: Mapping[str, Any]) -> float:
        value = found["scores"][entry["name"]][primary]["value"]
        return float("-inf") if value is None else float(value if higher else -value)

    return str(max(found["entries"], key=rank)["run"])


def _rows(found: Document) -> Lines:
    rows = found["rows"]
    if not rows["compared"]:
        return []
    told = [f"compared on {words.count(rows['compared'], 'row')} that all of them were tested on"]
    told += [f"  left out: {words.count(one['rows'], 'row')}, because {one['why']}" for one in rows["left_out"]]
    return told


def _scores(found: Document) -> Lines:
    if not found["scores"]:
        return []
    primary = found["primary"]
    shown = [primary, *(one["name"] for one in found["metrics"] if one["name"] != primary)][:MOST_METRICS]
    body = []
    for entry in found["entries"]:
        scores = found["scores"][entry["name"]]
        figures = [_figure(scores[name], spelled=name == primary) for name in shown]
        body.append([entry["name"] + (" (reference)" if entry["reference"] else ""), *figures])
    return table(body, ["entry", *(words.words(name) for name in shown)]).splitlines()


def _figure(score: Mapping[str, Any], spelled: bool) -> str:
    span = words.interval(score["low"], score["high"])
    return f"{words.score(score['value'])} ({span})" if spelled and span else words.score(score["value"])


def _pairs(found: Document) -> Lines:
    """Every pair by the primary metric, where there are several: of one pair the sentence has said it."""
    mine = [one for one in found["comparisons"] if one["metric"] == found["primary"]]
    if len(mine) < 2:
        return []
    body = [_pair(one) for one in mine[:MOST_PAIRS]]
    head = ["pair", words.words(found["primary"]), "interval", "corrected p", "fixed", "broken", "outcome"]
    return [*table(body, head).splitlines(), *_more(len(mine) - len(body), "pairs")]


def _pair(one: Mapping[str, Any]) -> list[str]:
    gap, points = one["difference"], words.in_points(one["metric"])
    tested = [words.differences(gap["low"], gap["high"], points) or words.NONE, words.probability(one["corrected"])]
    counts = [words.count(one["fixed"]), words.count(one["broken"])]
    return [f"{one['a']} against {one['b']}", words.difference(gap["value"], points), *tested, *counts, one["outcome"]]


def _others(found: Document) -> Lines:
    """The other metrics of few pairs; of many the page has them."""
    rest = [one for one in found["comparisons"] if one["metric"] != found["primary"]]
    if not rest or len(rest) > MOST_PAIRS:
        return [f"{len(rest)} comparisons by other metrics are in comparison.html"] if rest else []
    body = []
    for one in rest:
        pair, gap, span, p, _, _, outcome = _pair(one)
        body.append([pair, words.words(one["metric"]), gap, span, p, outcome])
    head = ["pair", "other metrics", "difference", "interval", "corrected p", "outcome"]
    return table(body, head).splitlines()


def _slices(found: Document) -> Lines:
    """The worst tenth of each column, and slices where an entry harms."""
    told = []
    reference = found["entries"][0]["name"]
    for block in found["slices"]:
        name = words.words(block["metric"])
        for entry, worst in block["worst_tenth"].items():
            which = ", ".join(worst["values"][:3]) + (", …" if len(worst["values"]) > 3 else "")
            what = f"{name} {words.score(worst['score']['value'])} on {words.count(worst['rows'], 'row')} ({which})"
            told.append(f"{entry}, worst of {block['column']}: {what}")
    harmed = [
        f"{entry} harms {block['column']} {line['value']}: {_difference(gap, block)} against {reference} "
        f"on {words.count(line['rows'], 'row')}"
        for block in found["slices"]
        for line in block["values"]
        for entry, gap in line["against"].items()
        if gap["harms"]
    ]
    return [*_first(told), *_first(harmed)]


def _difference(gap: Mapping[str, Any], block: Mapping[str, Any]) -> str:
    return words.difference(gap["difference"]["value"], words.in_points(block["metric"]))


def _cost(found: Document) -> Lines:
    known = [key for key in COST if any(one[key] is not None for one in found["cost"])]
    if not known:
        return []
    body = []
    for one in found["cost"]:
        figures = [COST[key][1](one[key]) for key in known]
        body.append([one["name"], words.score(one["score"]), *figures, "nothing beats it" if one["pareto"] else ""])
    head = ["cost", words.words(found["primary"]), *(COST[key][0] for key in known), "score and cost"]
    return table(body, head).splitlines()


def _first(told: Sequence[str]) -> Lines:
    return [*told[:MOST_SLICES], *_more(len(told) - MOST_SLICES, "of these")]


def _more(number: int, what: str) -> Lines:
    return [f"… and {number} more {what} in comparison.html"] if number > 0 else []
