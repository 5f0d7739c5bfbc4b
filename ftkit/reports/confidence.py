"""How far a confidence can be trusted: calibration before and after scaling, and answering only where sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ftkit.reports import charts, words
from ftkit.reports.marks import as_is, layer, line, mark, plain
from ftkit.reports.svg import draw

Report = Mapping[str, Any]
Section = dict[str, Any]

PREDICT = "ftkit predict --calibrated"


def calibration(report: Report) -> Section | None:
    """Whether a confidence of 80 % means right in 80 of 100 cases, and what a temperature mends."""
    found = report["calibration"]
    if not found or report["kind"] == "values":
        return None
    drawn = [_reliability(found["reliability"][when]) for when in ("before", "after")]
    names = ["as it is"] + ([f"divided by {words.score(found['temperature'])}"] if found["after"] else [])
    columns = [found["before"], found["after"]][: len(names)]
    return {
        "sentences": _temperature(report, found),
        "charts": [chart for chart in drawn[: len(names)] if chart],
        "names": names,
        "lines": [(metric, [_cell(column[metric]) for column in columns]) for metric in found["before"]],
    }


def _temperature(report: Report, found: Mapping[str, Any]) -> list[str]:
    """What the temperature is, what it did to the test rows, and what it was fitted on."""
    if found["temperature"] is None:
        return [f"There is no temperature: {found['why_not']}." if found["why_not"] else "There is no temperature."]
    direction = "less sure" if found["temperature"] < 1 else "surer"
    said = [
        f"The model is {direction} than it should be; dividing its logits by {words.score(found['temperature'])} "
        f"(temperature scaling) mends that as far as one number can. {_change(found['change'])}"
    ]
    rows = f"It was fitted on {words.count(found['fitted_on_rows'], 'validation row')}, never on test rows."
    folds = " Each fold has fitted its own, which its test rows are divided by." if report["folds"] else ""
    kept = f"No prediction changes, only how sure it is, and only where {PREDICT} asks for it."
    return [*said, f"{rows}{folds} {kept}"]


def _change(change: Mapping[str, Any] | None) -> str:
    """What scaling does to the log-loss of the test rows."""
    if not change or change["value"] is None:
        return ""
    if change["outcome"] == "worse":
        turned = [None if change[key] is None else -change[key] for key in ("value", "high", "low")]
        return f"On the test rows it does harm: log-loss rises by {_with_interval(*turned)}."
    found = _with_interval(change["value"], change["low"], change["high"])
    if change["outcome"] == "better":
        return f"On the test rows log-loss falls by {found}."
    return f"Whether that helps on the test rows cannot be told: log-loss falls by {found}."


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    span = words.interval(low, high)
    return words.score(value) + (f" ({words.LEVEL} interval {span})" if span else "")


def _reliability(table: Mapping[str, Any] | None) -> Markup:
    if not table or not table["bins"]:
        return Markup("")
    said = "; ".join(
        f"sure to {words.share(item['confidence'])}: {words.share(item['accuracy'])} right"
        for item in table["bins"]
        if item["rows"]
    )
    return charts.reliability(table["bins"], f"Reliability. {said}.")


def _cell(score: Mapping[str, Any]) -> Section:
    """One score as a table shows it."""
    span = words.interval(score["low"], score["high"])
    note = score.get("note") or ""
    return {"value": words.score(score["value"]), "sort": score["value"], "interval": span, "note": note, "best": False}


def selective(report: Report) -> Section | None:
    """How accurate the answers are when the unsure ones are left out."""
    found = report["selective"]
    if not found or not found["curve"]:
        return None
    ends = [found["curve"][0], found["curve"][-1]]
    course = "; ".join(f"{words.share(end['coverage'])} answered: {words.share(end['accuracy'])} right" for end in ends)
    return {
        "chart": _curve(found["curve"], f"Accuracy by coverage. {course}."),
        "sentences": _thresholds(report, found),
        "lines": [_line(item, found["rows"]) for item in found["wanted"]],
    }


def _thresholds(report: Report, found: Mapping[str, Any]) -> list[str]:
    whole = " An answer is right where all of its labels are." if report["kind"] == "labels" else ""
    said = f"The surest answers are right most often; who leaves out the others answers less, and better.{whole}"
    if found["chosen_on"] == "test":
        chosen = (
            "There are no validation rows, so these thresholds were chosen on the very rows that they are scored on: "
        )
        return [said, chosen + "expect less of them."]
    chosen = f"The thresholds were chosen on {words.count(found['rows'], 'validation row')}, as the lowest confidence "
    chosen += "at which the lower end of Wilson's one-sided 95 % interval reaches what is wanted"
    chosen += "; each fold has chosen its own for its test rows" if report["folds"] else ""
    return [said, f"{chosen}. They are of the confidence that ftkit predict writes without --calibrated."]


def _line(item: Mapping[str, Any], rows: int | None) -> Section:
    """One wanted accuracy: from which confidence on, how much is answered, and what the test rows say of it."""
    score = item["accuracy"]
    reached = item["threshold"] is not None
    return {
        "wanted": words.NONE if item["wanted"] is None else f"{100 * item['wanted']:g}{words.SPACE}%",
        "threshold": f"{item['threshold']:.4f}" if reached else f"not shown by {words.count(rows, 'row')}",
        "coverage": words.share(item["coverage"]),
        "accuracy": None if score is None else _cell(score),
        "holds": words.NONE if score is None else _holds(item["wanted"], score),
    }


def _holds(wanted: float | None, score: Mapping[str, Any]) -> str:
    if wanted is None or score["low"] is None or score["high"] is None:
        return words.NONE
    return "yes" if score["low"] >= wanted else "no" if score["high"] < wanted else "cannot tell"


def _curve(points: Sequence[Mapping[str, Any]], description: str) -> Markup:
    """Accuracy against the share of rows that are answered, with its band."""
    known = [
        dict(point)
        | {"tip": f"{words.share(point['coverage'])} answered, from a confidence of {words.share(point['confidence'])} "
                  f"on: {words.share(point['accuracy'])} right"}
        for point in points
        if point["coverage"] is not None and point["accuracy"] is not None
    ]  # fmt: skip
    if not known:
        return Markup("")
    ends = [point for point in known if point["low"] is not None and point["high"] is not None]
    lowest = min([point["accuracy"] for point in known] + [point["low"] for point in ends])
    axis = {"format": ".0%", "tickCount": 5, "labelFlush": False}
    x = {"field": "coverage", "type": "quantitative", "scale": {"domain": [0, 1]}}
    x["axis"] = axis | {"title": "share of rows that are answered"}
    y = {"field": "accuracy", "type": "quantitative", "scale": {"domain": [max(0.0, lowest - 0.02), 1.0]}}
    y["axis"] = axis | {"title": "share of answers that is right"}
    band = {"type": "area", "fill": "var(--accent)", "opacity": 0.15}
    spec = plain(284, 250, {"left": 56, "right": 20, "top": 16, "bottom": 48})
    spec["layer"] = [
        layer(ends, band, x=x, y=y | {"field": "low"}, y2={"field": "high"}),
        layer(known, line("line", "accent", 2), x=x, y=y),
        layer([point | {"size": 22} for point in known], mark("circle"), x=x, y=y, size=as_is("size"),
              description={"field": "tip"}),
    ]  # fmt: skip
    return draw(spec, description, "square")
