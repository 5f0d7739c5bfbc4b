"""How method and learning rate were chosen on validation rows: the ladder that was climbed, the rates that were tried.

A report of a run that searched for nothing, or that is older than searching, has neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ftkit.reports import ladder, words
from ftkit.reports.ladder import Baseline, Rung

Report = Mapping[str, Any]
Section = dict[str, Any]

FINAL = "final"
"""the part that is delivered"""
TITLES = {"head": "linear probe", "full": "full fine-tuning"}
"""methods that a reader knows by another name"""


def search(report: Report) -> Section | None:
    """The ladder and the learning rates, as far as they were searched for."""
    found = {"ladder": _ladder(report), "rates": _rates(report)}
    return found if any(found.values()) else None


def sentences(report: Report) -> list[str]:
    """What was climbed and which learning rate was taken."""
    return [said for said in (climbed(report), rated(report)) if said]


def climbed(report: Report) -> str:
    """The ladder in one sentence; nothing where none was climbed."""
    ends = _ends(report)
    if not ends:
        return ""
    rungs, folds, goal = report["ladder"]["rungs"], _folds(ends), _goal(ends)
    counted = Counter(ends[part] for part in folds)
    first, here = spoken(rungs[0]["label"]), spoken(rungs[goal]["label"])
    said = f"Climbed from {first} to {here}" if goal else f"Stayed with {first}"
    if len(folds) > 1:
        said += f" in {counted[goal]} of {len(folds)} folds"
        others = [
            f"{counted[place]} ended at {spoken(rungs[place]['label'])}" for place in sorted(counted) if place != goal
        ]
        said += f" ({', '.join(others)})" if others else ""
    above = rungs[goal + 1] if goal + 1 < len(rungs) else None
    return said + (_left(report, above, [part for part in folds if ends[part] == goal]) if above else "") + "."


def rated(report: Report) -> str:
    """The learning rates in one sentence; nothing where none was searched for."""
    found = report["rates"]
    chosen = {part: rate for part, rate in (found["chosen"] if found else {}).items() if rate is not None}
    if not chosen:
        return ""
    goal, folds = _goal(chosen), _folds(chosen)
    *others, last = [words.rate(rate) for rate in found["candidates"]] or [words.rate(goal)]
    several = f"{', '.join(others)} and {last}" if others else last
    said = f"The best learning rate of {several} was {words.rate(goal)}"
    return said + (
        f" in {sum(chosen[part] == goal for part in folds)} of {len(folds)} folds." if len(folds) > 1 else "."
    )


def title(label: str) -> str:
    """A rung by itself: `lora, last 2 blocks` becomes `LoRA, last 2 blocks`."""
    name, comma, where = label.partition(", ")
    return TITLES.get(name, words.words(name)) + comma + where


def spoken(label: str) -> str:
    """A rung inside a sentence: `lora, last 2 blocks` becomes `LoRA on the last 2 blocks`."""
    name, _, where = title(label).partition(", ")
    if name == "linear probe":
        return "the linear probe"
    return name + (f" on {where}" if where.startswith("all ") else f" on the {where}" if where else "")


def _ladder(report: Report) -> Section | None:
    found = report["ladder"]
    if not found or not found["rungs"]:
        return None
    ends, metric = _ends(report), words.words(report["primary"])
    rungs = [_rung(rung, place, ends) for place, rung in enumerate(found["rungs"])]
    baselines = _baselines(report)
    near = ladder.near(rungs, baselines)
    said = "; ".join(rung.tip for rung in rungs if rung.score is not None)
    text = f"The ladder, by validation {metric}. {said}. {climbed(report)}"
    return {
        "sentence": climbed(report),
        "metric": metric,
        "chart": ladder.chart(rungs, near, metric, text),
        "caption": _caption(near, [one for one in baselines if one not in near]),
        "key": _key(rungs),
        "lines": [_line(report, rung, place, ends) for place, rung in enumerate(found["rungs"])],
        "parts": [
            _part_line(report, rung, part) for rung in found["rungs"] for part in rung["parts"]
        ],
    }  # fmt: skip


def _rung(rung: Mapping[str, Any], place: int, ends: Mapping[str, int]) -> Rung:
    scores = {part: one["score"] for part, one in rung["parts"].items() if one["score"] is not None}
    folds = _folds(ends)
    count = sum(ends[part] == place for part in folds)
    remark = f"chosen in {count or 'none'} of {len(folds)} folds" if len(folds) > 1 else ""
    return Rung(title(rung["label"]), rung["score"], scores, remark, bool(ends) and place == _goal(ends))


def _caption(near: list[Baseline], far: list[Baseline]) -> str:
    text = "Validation score by rung."
    if near:
        text += " Baselines are drawn for comparison, but were scored on the test rows, which are other rows."
    left = ", ".join(f"{name} {words.score(value)}" for name, value in far)
    return text + (f" Too far off to be drawn: {left}." if left else "")


def _key(rungs: list[Rung]) -> str:
    """What is drawn only where there is room for it."""
    several = max((len(rung.parts) for rung in rungs), default=0) > 1
    text = "Thin lines are folds, the thick one is all of them pooled, as far as every fold climbed." if several else ""
    return text + (" The ring marks what is delivered." if any(rung.delivered for rung in rungs) else "")


def _line(report: Report, rung: Mapping[str, Any], place: int, ends: Mapping[str, int]) -> Section:
    """A rung in the table, over all parts that tried it."""
    tried = [rung["parts"][part] for part in _folds(rung["parts"])]
    gain, needed, points = _mean(tried, "gain"), _mean(tried, "needed"), words.in_points(report["primary"])
    figures = [
        words.score(rung["score"]),
        words.difference(gain, points),
        words.amount(needed, points) if gain is not None else words.NONE,
        _count(tried, several=len(_folds(ends)) > 1) if gain is not None else words.NONE,
        words.magnitude(rung["arithmetic"]),
    ]
    return {"name": title(rung["label"]), "figures": figures, "delivered": bool(ends) and place == _goal(ends)}


def _count(tried: list[Mapping[str, Any]], several: bool) -> str:
    """How many of the parts that tried a rung climbed it."""
    climbs = sum(bool(one["climbed"]) for one in tried)
    return f"{climbs} of {words.count(len(tried), 'fold')}" if several else "yes" if climbs else "no"


def _part_line(report: Report, rung: Mapping[str, Any], part: str) -> Section:
    one, points = rung["parts"][part], words.in_points(report["primary"])
    figures = [
        words.count(one["rows"]), words.score(one["score"]), words.difference(one["gain"], points),
        words.amount(one["standard_error"], points), words.amount(one["needed"], points),
        "yes" if one["climbed"] else words.NONE if one["gain"] is None else "no",
    ]  # fmt: skip
    return {"part": part, "name": title(rung["label"]), "figures": figures}


def _left(report: Report, above: Mapping[str, Any], parts: list[str]) -> str:
    """What the rung above would have brought on the parts that did not climb it."""
    tried = [above["parts"][part] for part in parts if part in above["parts"]]
    gain, needed, points = _mean(tried, "gain"), _mean(tried, "needed"), words.in_points(report["primary"])
    name = spoken(above["label"])
    if gain is None:
        return ""
    size = words.amount(gain, points)
    if gain < 0:
        return f"; {name} lost {size}, and was left"
    least = words.amount(needed, points)
    wanted = f", {'not more' if least == size else 'less'} than the {least.partition(words.SPACE)[0]} needed"
    return f"; {name} gained {size}{wanted if needed else ''}, and was left"


def _rates(report: Report) -> Section | None:
    found = report["rates"]
    if not found or not found["candidates"]:
        return None
    lines = []
    for part, scores in found["scores"].items():
        by_rate = {_number(rate): score for rate, score in scores.items()}
        taken = found["chosen"].get(part)
        cells = [{"value": words.score(by_rate.get(rate)), "best": rate == taken} for rate in found["candidates"]]
        lines.append({"part": part, "cells": cells})
    return {
        "sentence": rated(report),
        "metric": words.words(report["primary"]),
        "candidates": [words.rate(rate) for rate in found["candidates"]],
        "lines": lines,
    }


def _ends(report: Report) -> dict[str, int]:
    """The number of the rung that each part ended at."""
    found = report["ladder"]
    labels = [rung["label"] for rung in found["rungs"]] if found else []
    return {part: labels.index(label) for part, label in (found["chosen"] if found else {}).items() if label in labels}


def _goal(ends: Mapping[str, Any]) -> Any:
    """What is delivered: what the final part says, else what most parts do; of equals the lowest."""
    if FINAL in ends:
        return ends[FINAL]
    counted = Counter(ends.values())
    return max(counted, key=lambda value: (counted[value], -value))


def _folds(names: Iterable[str]) -> list[str]:
    """The parts that are scored: the folds, or the final one where there are none."""
    every = list(names)
    return [name for name in every if name != FINAL] or every


def _mean(parts: list[Mapping[str, Any]], key: str) -> float | None:
    """Over parts, weighted by their rows."""
    known = [(one[key], one["rows"] or 1) for one in parts if one[key] is not None]
    return sum(value * rows for value, rows in known) / sum(rows for _, rows in known) if known else None


def _baselines(report: Report) -> list[Baseline]:
    scores = {
        name: words.primary_score(entry, report["primary"])["value"] for name, entry in report["baselines"].items()
    }
    return [(words.predictor(name), value) for name, value in scores.items() if value is not None]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
