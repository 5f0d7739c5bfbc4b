"""A bank on the terminal: what it came to, its groups, and one group by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.console import table
from ftkit.reports import words

OUTCOMES = {
    "promoted": "use their own adapter",
    "general": "stay with the general one: no gain is shown",
    "harmed": "stay with the general one: their own would harm",
    "few rows": "use the general one: too few rows",
    "one label": "use the general one: all their rows are labelled alike",
    "failed": "use the general one: training failed",
}
"""outcome: what becomes of such groups"""


def candidates(found: Sequence[Mapping[str, Any]]) -> str:
    """Columns that could part a table."""
    if not found:
        return "no column repeats as users, domains or devices do"
    cells = [[one["column"], f"{one['groups']:,}", f"{one['enough']:,}", str(one["median"])] for one in found]
    return table(cells, ["column", "groups", "with rows enough", "rows of a group (median)"])


def summary(report: Mapping[str, Any]) -> list[str]:
    """A few lines: outcomes, scores, gains."""
    counts = report["outcomes"]
    total = sum(counts.values())
    lines = [
        f"{total:,} groups by {report['by']}, {report['rows']:,} rows, each predicted by adapters that never saw it"
    ]
    lines += [f"  {counts[name]:,} {said}" for name, said in OUTCOMES.items() if counts.get(name)]
    metric = words.words(report["primary"])
    for name, said in (
        ("general", "the general adapter"),
        ("adapted", "every group with its own"),
        ("bank", "the bank as it is used"),
    ):
        score = report["predictors"][name][report["primary"]]
        lines.append(f"{metric}, {said}: {_score(score)}")
    return [*lines, _gain(report), *_worst(report), *_new(report), *_harm(report), cold(report)]


def _score(score: Mapping[str, Any]) -> str:
    between = words.interval(score["low"], score["high"])
    return words.score(score["value"]) + (f" ({between})" if between else "")


def unused(report: Mapping[str, Any]) -> bool:
    """Whether no group uses an adapter of its own, for no row either: there is then no gain to be uncertain of."""
    return not report["outcomes"].get("promoted") and not report["differences"]["bank"]["value"]


def _gain(report: Mapping[str, Any]) -> str:
    metric = words.words(report["judged_by"])
    if unused(report):
        return f"gain of the bank in {metric}: none, since every group uses the general adapter"
    found = report["differences"]["bank"]
    return f"gain of the bank in {metric}: {difference(found)}: {found['outcome']}"


def difference(found: Mapping[str, Any]) -> str:
    """`+0.021 (−0.003 to +0.045)`."""
    between = words.differences(found.get("low"), found.get("high"), points=False)
    return words.difference(found["value"], points=False) + (f" ({between})" if between else "")


def turned(metric: str) -> str:
    """What a difference in errors must say, which is turned so that it is a gain."""
    return "" if words.direction(metric) else ", positive meaning better"


def _worst(report: Mapping[str, Any]) -> list[str]:
    found = report["worst_tenth"]
    if found["general"] is None or unused(report):
        return []
    return [f"the worst tenth of the groups: {found['general']:.3f} before, {found['bank']:.3f} after"]


def _new(report: Mapping[str, Any]) -> list[str]:
    if report["new"] is None or unused(report):
        return []
    found = report["new"]["bank"]
    return [f"gain for {found['groups']:,} groups none of whose rows the general adapter saw: {difference(found)}"]


def _harm(report: Mapping[str, Any]) -> list[str]:
    found = report["harm"]
    if not found["of"]:
        return []
    every = f"were every group to use its own adapter, about {found['all']:.0f} of {found['of']:,} would be harmed"
    return [f"{every}; of the {found['used']:,} that do, about {found['promoted']:.1f}" if found["used"] else every]


def cold(report: Mapping[str, Any]) -> str:
    """What a group gets that the bank does not know, and what was measured for that."""
    found = report.get("cold")
    if found is None:
        why = "no group's mean is kept of rows that are hidden" if report.get("hidden") else "no other was measured"
        return f"a group that the bank does not know gets the general adapter: {why}"
    given = "the nearest group's adapter" if found["pays"] else "the general adapter"
    placed = f"{found['groups']:,} of {found['of']:,} groups, left out in turn and placed by {found['few']} rows each"
    gained = difference({"value": found["gain"]} | {key: found[key] for key in ("low", "high")})
    with_it = f"gained {gained} in {words.words(report['judged_by'])} with the nearest other's"
    return f"a group that the bank does not know gets {given}: {placed}, {with_it}"


def groups(lines: Sequence[Mapping[str, Any]]) -> str:
    """A table of groups."""
    cells = [
        [
            " ".join(str(one["group"]).split())[:40],
            f"{one['rows']:,}",
            one["outcome"],
            words.difference(one["gain"], points=False),
            words.difference(one["expected"], points=False),
            "–" if one["harm"] is None else f"{one['harm']:.0%}",
        ]
        for one in lines
    ]
    return table(cells, ["group", "rows", "outcome", "gain seen", "gain expected", "harm"]) if cells else "no groups"


def group(found: Mapping[str, Any]) -> str:
    """One group by itself."""
    lines = [f"{found['group']}: {found['rows']:,} rows; {OUTCOMES[found['outcome']]}"]
    if found["error"]:
        lines.append(f"  {found['error']}")
    if found.get("kept"):
        lines.append(f"  a newer adapter is not in service: {found['kept']}")
    if found["expected"] is not None:
        seen = f"gain seen on {found['tested']:,} rows {words.difference(found['gain'], points=False)}"
        lines.append(f"{seen}; expected {difference({**found, 'value': found['expected']})}")
        lines.append(f"probability of harm {found['harm']:.0%}")
        lines.append(f"shard {found['shard']}, sha256 {found['sha256'][:16]}…, trained {found['trained']}")
    return "\n".join(lines)
