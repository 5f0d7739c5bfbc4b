"""What the terminal says at the end of `ftkit train`, and what `ftkit check` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.console import table
from ftkit.reports import doubtful, labels_curve, origin, results, search, words
from ftkit.reports.shape import filled, filled_data

Lines = list[str]

MOST_FINDINGS = 5
MOST_METRICS = 4
"""columns; more do not fit into 100 characters"""
MOST_LABELS = 20
MOST_MODULES = 8


def summary_lines(report: Mapping[str, Any]) -> Lines:
    """The verdict, the scores beside the baselines, and what was found in the data."""
    whole = filled(report)
    said = results.banner(whole)
    lines = [" ".join(said)] if said else []
    lines.append(results.verdict(whole, drawn=False)["sentence"])
    if found := results.scores(whole, drawn=False):
        lines += ["", *_score_table(found), *_about_scores(whole)]
    shown, hidden = _findings(whole["data"]["findings"], MOST_FINDINGS)
    if shown:
        more = [f"… and {hidden} more in report.html"] if hidden else []
        lines += ["", *shown, *more]
    if review := doubtful.short(whole):
        lines += [review]
    return _plain(lines)


def following(report: Mapping[str, Any], run: str, command: str = "") -> str:
    """What to type after a `run`: what may be better where it is worse than a baseline and the `command` is known."""
    found = report.get("verdict") or {}
    if found.get("outcome") != "worse" or not command:
        return f"ftkit predict {run} FILE"
    if found["reference"] == "linear_probe":
        return f"{command} --method head, the linear probe, which does better"
    return f"{command} --base NAME, another base: {words.predictor(found['reference'])} does better than this one"


def evaluation_lines(report: Mapping[str, Any]) -> Lines:
    """Which run was scored on which rows, and how it did."""
    rows = f"{words.count(report.get('rows'), 'row')} of {report.get('file', 'other data')}"
    out = report.get("left_out")
    left = f"; {words.count(out, 'row')} left out, because it was trained on them" if out else ""
    return [*_plain([f"{report.get('run', 'run')} on {rows}{left}"]), *summary_lines(report)]


def warning_lines(findings: Sequence[Mapping[str, Any]]) -> Lines:
    """What was noticed of data that one would regret not knowing, with what to do about it."""
    return _plain(_findings([one for one in findings if one["level"] == "warning"], MOST_FINDINGS)[0])


def check_lines(data: Mapping[str, Any], told: str = "") -> Lines:
    """The whole data report: rows, what was dropped, what was detected, labels, what would train, findings.

    `told` is a file of which what was detected has been said before.
    """
    whole = filled_data(data)
    detected = [line for line in whole["detected"] if not (told and line.startswith(f"{told}: "))]
    lines = [*detected, *_rows(whole)]
    if whole["label_counts"]:
        lines += ["", *_label_table(whole["label_counts"])]
    if spread := origin.number_rows(whole["distributions"]):
        names, figures = spread
        lines += ["", *table([[name, *values] for name, values in figures], ["numbers", *names]).splitlines()]
    lines += ["", *map(_trains, data.get("trains") or [])]
    shown, _ = _findings(whole["findings"], None)
    lines += ["", *shown] if shown else ["", "nothing to complain about"]
    return _plain(lines)


def _score_table(found: Mapping[str, Any]) -> Lines:
    """The primary metric with its interval, then others without."""
    shown = [found["primary"], *(name for name in found["metrics"] if name != found["primary"])][:MOST_METRICS]
    rows = []
    for line in found["lines"]:
        cells = dict(zip(found["metrics"], line["cells"], strict=True))
        figures = [_figure(cells[name], first=name == shown[0]) for name in shown]
        rows.append([line["name"], *figures])
    return table(rows, ["model", *(words.words(name) for name in shown)]).splitlines()


def _figure(cell: Mapping[str, Any], first: bool) -> str:
    return f"{cell['value']} ({cell['interval']})" if first and cell["interval"] else str(cell["value"])


def _about_scores(report: Mapping[str, Any]) -> Lines:
    """How the scores came about, where one could take them for more than they are."""
    lines = []
    if report["procedure"] == "out_of_fold":
        lines.append(f"scores of {report['folds']} folds: each row was predicted by a model that had not seen it")
    if spread := results.spread(report):
        lines.append(spread)
    more = labels_curve.sentence(report)
    return [*lines, *search.sentences(report), *([more] if more else [])]


def _findings(findings: Sequence[Mapping[str, Any]], most: int | None) -> tuple[Lines, int]:
    """The weightiest findings with their hints, and how many were left out."""
    order = origin.by_weight(findings)
    lines: Lines = []
    for finding in order[:most]:
        lines.append(f"{finding['level']}: {' '.join(str(finding['what']).split())}")
        hint = str(finding["hint"]).splitlines()
        lines += [f"  → {line}" if place == 0 else f"    {line}" for place, line in enumerate(hint)]
    return lines, len(order) - len(order[:most])


def _rows(data: Mapping[str, Any]) -> Lines:
    dropped = sum(rows or 0 for rows in data["dropped"].values())
    lines = []
    if data["rows_read"] is not None:
        said = f"{words.count(data['rows_read'], 'row')} read, {words.count(data['rows_used'])} used"
        lines.append(f"{said}, {words.count(dropped)} dropped" if dropped else said)
    for reason, rows in data["dropped"].items():
        places = ", ".join(data["examples"].get(reason) or [])
        lines.append(f"  dropped, {reason}: {words.count(rows)}" + (f" ({places})" if places else ""))
    if data["split_rows"]:
        splits = ", ".join(f"{split} {words.count(rows)}" for split, rows in data["split_rows"].items())
        several = f", in {data['folds']} folds: each row is tested once" if data["folds"] else ""
        lines.append(f"splits: {splits}{several}")
    for share, what in ((data["truncation_rate"], "rows cut"), (data["unknown_share"], "tokens unknown to the base")):
        if share is not None:
            lines.append(f"{what}: {words.share(share)}")
    return lines


def _trains(found: Mapping[str, Any]) -> str:
    """What a method would train, in one line."""
    if not found["weights"]:
        return f"trains, {found['method']}: the head alone; the base stays as it is"
    modules = ", ".join(found["modules"][:MOST_MODULES]) + (", …" if len(found["modules"]) > MOST_MODULES else "")
    where = f"{words.count(len(found['blocks']))} of {words.count(found['all_blocks'], 'block')}"
    where += f" (from number {found['blocks'][0]} on)" if found["blocks"] else ""
    where += " and outside them" if found["outside"] and found["blocks"] else ""
    many = f"{words.count(found['weights'], 'weight')} beside {words.count(found['of'])} of the base"
    return f"trains, {found['method']}: {modules} in {where}; {many}, and the head"


def _label_table(counts: Mapping[str, Mapping[str, int]]) -> Lines:
    found = origin.label_rows(counts)
    rows = [[line["label"], *(words.count(number) for number in line["rows"])] for line in found[:MOST_LABELS]]
    left = len(found) - len(rows)
    lines = table(rows, ["label", *counts]).splitlines()
    return [*lines, f"… and {left} more labels"] if left else lines


def _plain(lines: Lines) -> Lines:
    """One entry a line, blanks that any terminal knows, and none at the very start."""
    flat = [part for line in lines for part in (line.replace(words.SPACE, " ").splitlines() or [""])]
    while flat and not flat[0]:
        flat.pop(0)
    return flat
