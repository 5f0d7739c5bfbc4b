"""What a run's page says of its results: verdict, scores, seeds and slices.

Every function takes a filled report (see `shape`) and returns None where its section has nothing
to say; texts stay plain here and are escaped by the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ftkit.reports import charts, words
from ftkit.reports.charts import Row

Report = Mapping[str, Any]
Section = dict[str, Any]

SIZES = ((130, ""), (260, "long"))
"""characters of a verdict up to which its type has this size"""
UNREAD = "unknown "
"""how checks begin of what the base does not know"""
MOST_SLICES = 20
"""in a chart; the table has all of them"""

OUTCOMES = {
    "better": ("good", "↑"),
    "worse": ("bad", "↓"),
    "equivalent": ("neutral", "="),
    "not worse": ("neutral", "≥"),
    "cannot tell": ("neutral", "?"),
}
BANNERS = {
    "partial": (
        "This run is not finished.",
        "This is what was done before it stopped; ftkit train RUN/recipe.yaml does it again, in a new folder.",
    ),
    "running": ("This run is still going on.", "The page shows how far it had come when it was written."),
    "failed": ("This run failed.", "This is what was done before it failed."),
}


def banner(report: Report) -> tuple[str, str] | None:
    """What to say first of a run that is not complete."""
    return None if report["status"] == "complete" else BANNERS.get(report["status"], BANNERS["partial"])


def verdict(report: Report, drawn: bool = True) -> Section:
    """The answer in words, its badge, and the difference that it rests on; without `drawn`, no chart."""
    found = report["verdict"]
    said = found["sentence"] or "There is no verdict, because this run has no scores."
    tone, icon = OUTCOMES.get(found["outcome"], ("neutral", "?"))
    return {
        "sentence": said,
        "size": size(said),
        "details": [*_unread(report), *found["details"]],
        "outcome": found["outcome"],
        "tone": tone,
        "icon": icon,
        "tiles": _tiles(report),
        "chart": _difference(found) if drawn else Markup(""),
        "caption": _caption(found),
    }


def _unread(report: Report) -> list[str]:
    """That the base hardly reads the rows: what explains the score goes before all that is said of it."""
    return [f"{one['what']}." for one in report["data"]["findings"] if one["check"].startswith(UNREAD)]


def size(sentence: str) -> str:
    """The size of a verdict's type."""
    return next((name for most, name in SIZES if len(sentence) <= most), "longest")


def _tiles(report: Report) -> list[tuple[str, str, str]]:
    """(name, figure, remark) of the four numbers that people ask for first."""
    found, cost = report["verdict"], report["cost"]
    mine = words.primary_score(report["scores"].get("test", {}), report["primary"])
    points = words.in_points(found["metric"])
    gap = found["difference"]
    span = words.interval(mine.get("low"), mine.get("high"))
    changed = f"{found['fixed']} mended, {found['broken']} broken" if found["fixed"] is not None else ""
    if changed and report["kind"] == "values":
        changed = f"{found['fixed']} closer, {found['broken']} further off"
    memory = f"peak memory {words.size(cost['peak_memory_bytes'])}" if cost["peak_memory_bytes"] is not None else ""
    tiles = [
        (words.words(report["primary"]), words.score(mine["value"]), span),
        (f"against {words.predictor(found['reference'])}", words.difference(gap["value"], points),
         words.differences(gap["low"], gap["high"], points)),
        ("rows scored", words.count(found["rows"]), changed),
        ("time in total", words.seconds(cost["seconds"].get("total")), memory),
    ]  # fmt: skip
    return [tile for tile in tiles if tile[1] != words.NONE]


def _difference(found: Mapping[str, Any]) -> Markup:
    gap, points = found["difference"], words.in_points(found["metric"])
    if gap["value"] is None:
        return Markup("")
    span = words.differences(gap["low"], gap["high"], points)
    tip = f"{words.difference(gap['value'], points)} in {words.words(found['metric'])} against "
    tip += words.predictor(found["reference"]) + (f", {words.LEVEL} interval {span}" if span else "")
    return charts.difference(
        gap["value"], gap["low"], gap["high"], points, True, tip
    )  # already turned: positive is better


def _caption(found: Mapping[str, Any]) -> str:
    """What the drawing of the difference shows, and how small a difference these rows could have shown."""
    text = f"Difference against {words.predictor(found['reference'])}"
    text += f", with its {words.LEVEL} interval" if found["difference"]["low"] is not None else ""
    corrected = f"{found['correction']}-corrected " if found["correction"] else ""
    text += f" ({corrected}{words.probability(found['p_value'])})." if found["p_value"] is not None else "."
    if found["smallest_effect"] is not None and found["rows"] is not None:
        least = words.amount(found["smallest_effect"], words.in_points(found["metric"]))
        text += f" With {words.count(found['rows'], 'row')}, a true difference of {least} would be found 4 times in 5, "
        text += "a smaller one less often."
    return text


def procedure(report: Report) -> str:
    """How the scored rows were kept from training, as a sentence."""
    if not report["procedure"]:
        return ""
    said = "The rows scored here were kept apart from training and from every choice."
    if report["procedure"] == "out_of_fold":
        said = (
            f"Every row was predicted by a model that had not seen it ({report['folds']} folds). "
            "The scores belong to this procedure; what is delivered was then trained on all rows."
        )
    if report["choices"].get("validation_rows") == 0:
        said += " Nothing was chosen on validation rows: every fit used all of its training rows for training."
    return said


def scores(report: Report, drawn: bool = True) -> Section | None:
    """The run beside its baselines, for every metric; without `drawn`, no chart."""
    test = report["scores"].get("test", {})
    entries = {"adapted": test, **report["baselines"]}
    entries |= {f"adapted, {split}": found for split, found in report["scores"].items() if split != "test"}
    metrics = list(dict.fromkeys(name for entry in entries.values() for name in entry))
    if not metrics:
        return None
    primary = report["primary"] if report["primary"] in metrics else metrics[0]
    compared = {name: entry for name, entry in entries.items() if name == "adapted" or name in report["baselines"]}
    order = sorted(compared, key=lambda name: _rank(compared[name], primary))
    order += [name for name in entries if name not in compared]
    best = {metric: _best(compared, metric) for metric in metrics}
    lines = [
        {
            "name": words.predictor(name) if name in compared else name.replace("adapted", "adapted model"),
            "about": words.ABOUT.get(name, ""),
            "main": name == "adapted",
            "cells": [_cell(entries[name].get(metric), best[metric] == name) for metric in metrics],
        }
        for name in order
    ]
    rows = _score_rows({name: compared[name] for name in order if name in compared}, primary)
    said = "; ".join(row.tip for row in rows if row.value is not None)
    text = f"{words.words(primary)} with {words.LEVEL} intervals. {said}."
    chart = charts.forest(rows, text) if drawn else Markup("")
    caption = (
        f"{words.sentence(words.words(primary))} with {words.LEVEL} intervals, best first; the round mark is this run."
    )
    far = charts.outside(rows)
    caption += f" The arrow is a value beyond the axis: {far.name}, {words.score(far.value)}." if far else ""
    found: Section = {"metrics": metrics, "primary": primary, "lines": lines, "chart": chart, "caption": caption}
    return found | {"procedure": procedure(report), "remark": _shared_notes(lines)}


def _shared_notes(lines: list[Section]) -> str:
    """Takes what every cell notes out of the cells, to say it once; that scores are of folds, `procedure` says."""
    cells = [cell for line in lines for cell in line["cells"] if cell["sort"] is not None]
    notes = [cell["note"].split("; ") if cell["note"] else [] for cell in cells]
    shared = [part for part in (notes[0] if notes else []) if all(part in others for others in notes)]
    for cell, parts in zip(cells, notes, strict=True):
        cell["note"] = "; ".join(part for part in parts if part not in shared)
    return "; ".join(part for part in shared if not part.startswith("out of fold"))


def _rank(entry: Mapping[str, Any], metric: str) -> tuple[bool, float]:
    """Best first, what has no value last."""
    value = words.primary_score(entry, metric)["value"]
    return (value is None, 0.0 if value is None else -value if words.direction(metric) else value)


def _best(entries: Mapping[str, Mapping[str, Any]], metric: str) -> str:
    first = min(entries, key=lambda name: _rank(entries[name], metric))
    return "" if words.primary_score(entries[first], metric)["value"] is None else first


def _cell(score: Mapping[str, Any] | None, best: bool) -> Section:
    """One score as a table shows it."""
    found = score or {}
    value, low, high = found.get("value"), found.get("low"), found.get("high")
    span = words.interval(low, high)
    return {"value": words.score(value), "sort": value, "interval": span, "note": found.get("note") or "", "best": best}


def _score_rows(entries: Mapping[str, Mapping[str, Any]], metric: str) -> list[Row]:
    return [
        _forest_row(words.predictor(name), words.primary_score(entry, metric), main=name == "adapted")
        for name, entry in entries.items()
    ]


def _forest_row(name: str, found: Mapping[str, Any], main: bool, remark: str = "") -> Row:
    value, low, high = found["value"], found.get("low"), found.get("high")
    span = words.interval(low, high)
    text = words.score(value) + (f"  ({span})" if span else "")
    return Row(name, value, low, high, text, f"{name}: {text}{remark}", main)


def seeds(report: Report) -> Section | None:
    """The spread over repeated training."""
    found = report["seeds"]
    if not found or not found["values"]:
        return None
    pairs = list(zip(found["seeds"], found["values"], strict=False))
    rows = [
        Row(f"seed {seed}" + (" (delivered)" if seed == found["delivered"] else ""), value, text=words.score(value),
            tip=f"seed {seed}: {words.score(value)}", main=seed == found["delivered"])
        for seed, value in pairs
    ]  # fmt: skip
    sentence = words.sentence(spread(report)) + "."
    said = "; ".join(row.tip for row in rows)
    return {"sentence": sentence, "chart": charts.forest(rows, f"{sentence} {said}.", found["mean"])}


def _slice_line(name: str, entry: Mapping[str, Any], metrics: list[str]) -> Section:
    return {"name": name, "rows": entry.get("rows"), "cells": [_cell(entry.get(metric), False) for metric in metrics]}


def spread(report: Report) -> str:
    """Mean and standard deviation over seeds, in words; nothing where only one was trained."""
    found = report["seeds"]
    if not found or not found["values"]:
        return ""
    figures = f"mean {words.score(found['mean'])}, standard deviation {words.score(found['sd'])}"
    return f"{words.words(report['primary'])} over {len(found['values'])} seeds: {figures}"


def slices(report: Report) -> list[Section]:
    """Scores of parts of the test rows, worst first."""
    found = []
    primary = report["primary"]
    overall = words.primary_score(report["scores"].get("test", {}), primary)["value"]
    for column, values in report["slices"].items():
        order = sorted(values, key=lambda value: _rank(values[value], primary), reverse=True)
        metrics = list(dict.fromkeys(name for entry in values.values() for name in entry if name != "rows"))
        lines = [_slice_line(value, values[value], metrics) for value in order]
        rows = [
            _forest_row(value, words.primary_score(values[value], primary), main=True,
                        remark=f", {words.count(values[value].get('rows'), 'row')}")
            for value in order[:MOST_SLICES]
        ]  # fmt: skip
        said = "; ".join(row.tip for row in rows if row.value is not None)
        text = f"{words.words(primary)} by {column}, worst first; all rows: {words.score(overall)}. {said}."
        worst = f", the {MOST_SLICES} worst of {len(order)}" if len(order) > MOST_SLICES else ", worst first"
        caption = f"{words.sentence(words.words(primary))} with {words.LEVEL} intervals{worst}. "
        caption += f"The dashed line is the score of all rows, {words.score(overall)}."
        chart = charts.forest(rows, text, overall)
        found.append({"column": column, "metrics": metrics, "lines": lines, "chart": chart, "caption": caption})
    return found
