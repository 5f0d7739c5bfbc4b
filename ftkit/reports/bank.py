"""The page of a bank: whom an adapter of one's own helped, whom it would have harmed, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

from markupsafe import Markup

from ftkit.reports import charts, listing, similarity, words
from ftkit.reports.bank_text import OUTCOMES, cold, unused
from ftkit.reports.charts import Row
from ftkit.reports.page import page
from ftkit.reports.results import OUTCOMES as ICONS
from ftkit.reports.shape import clean

SECTIONS = {
    "verdict": "Verdict",
    "outcomes": "What became of the groups",
    "gains": "Gains",
    "size": "Gain by number of rows",
    "map": "Similarity of the adapters",
    "groups": "Groups",
}
ENDS = 12  # groups drawn from either end of the order
STEP = 0.05  # of the gains that a bar counts, where they are shares
BARS = 12  # about as many count gains in any other unit
OUT_OF_FOLD = (
    "Each row is predicted by adapters that have not seen it, its text, or its unit, and for this score the "
    "decision which adapter a group uses did not see it either. Intervals are over whole groups."
)
TONES = {"promoted": "good", "harmed": "bad", "failed": "bad"}
Report = Mapping[str, Any]


def render_bank(report: Report) -> str:
    """The whole `bank.html`, from the report alone."""
    whole: dict[str, Any] = clean(dict(report))
    facts = {
        "title": whole["name"],
        "subtitle": [
            f"{words.count(sum(whole['outcomes'].values()), 'group')} by {whole['by']}",
            words.count(whole["rows"], "row"),
            whole["method"],
            *([f"generation {whole['generation']}"] if whole.get("generation", 1) > 1 else []),
        ],
        "sections": {key: name for key, name in SECTIONS.items() if key != "map" or whole.get("map")},
        "verdict": _verdict(whole),
        "scores": _scores(whole),
        "outcomes": [
            (name, said, whole["outcomes"][name]) for name, said in OUTCOMES.items() if name in whole["outcomes"]
        ],
        "harm": _harm(whole),
        "ends": _ends(whole),
        "spread": _spread(whole),
        "size": _size(whole),
        "size_said": pays(whole["by_rows"]),
        "map": similarity.drawn(whole.get("map")),
        "map_said": similarity.caption(whole.get("map")),
        "cold": _sentence(cold(whole)),
        "listed": _listed(whole["groups"], whole["judged_by"]),
        "metric": words.words(whole["judged_by"]),
    }
    return page("bank.html", **facts)


def _sentence(said: str) -> str:
    return f"{said[0].upper()}{said[1:]}."


def pays(bins: Sequence[Mapping[str, Any]]) -> str:
    """From how many rows on an adapter of one's own pays here, as far as the gains of all groups can tell."""
    sure = [one for one in bins if one["error"] is not None and one["groups"] >= 5]
    if not sure:
        return "There are too few groups to say from how many rows on an adapter of one's own pays."
    paying = [one for one in sure if one["gain"] - 2 * one["error"] > 0]
    if not paying:
        return "At no number of rows is the mean gain surely above zero here."
    first = paying[0]["from"]
    if paying[0] is sure[0]:
        return "It pays at every number of rows that was seen here."
    return f"Below {first:,} rows a gain is not shown here; from there on the mean gain is above zero."


def _verdict(report: Report) -> dict[str, Any]:
    found = report["differences"]["bank"]
    metric, used = words.words(report["judged_by"]), report["outcomes"].get("promoted", 0)
    points = words.in_points(report["judged_by"])
    total = sum(report["outcomes"].values())
    said = {
        "better": "The bank is better than its general adapter alone",
        "worse": "The bank is worse than its general adapter alone",
        "equivalent": "The bank is as good as its general adapter alone",
        "not worse": "The bank is not worse than its general adapter alone",
    }.get(found["outcome"], "Nobody can tell whether the bank is better than its general adapter alone")
    gained = words.difference(found["value"], points)
    between = words.differences(found["low"], found["high"], points)
    tone, icon = ICONS.get(found["outcome"], ("neutral", "?"))
    inside = f" ({between})" if between else ""
    rises = words.direction(report["judged_by"])  # of an error, a difference is turned so that it is a gain
    tip = f"{metric} {gained}{inside}" if rises else f"a gain of {gained}{inside} in {metric}"
    sentence = f"{said}: {tip} on {words.count(found['rows'], 'row')}."
    if alike := unused(report):
        sentence = "The bank is its general adapter: no group is shown to gain by one of its own."
    drawn = (
        ""
        if found["value"] is None or alike
        else charts.difference(found["value"], found["low"], found["high"], points, True, tip)
    )
    return {
        "tone": tone,
        "icon": icon,
        "outcome": found["outcome"],
        "size": "",
        "sentence": sentence,
        "details": [
            f"{used:,} of {total:,} groups use an adapter of their own.",
            OUT_OF_FOLD,
            *_new(report, points),
        ],
        "tiles": [],
        "chart": drawn,
        "caption": f"Gain in {metric} over the general adapter.",
    }


def _new(report: Report, points: bool) -> list[str]:
    if not report["new"] or unused(report):
        return []
    found = report["new"]["bank"]
    between = words.differences(found["low"], found["high"], points)
    gained = words.difference(found["value"], points) + (f" ({between})" if between else "")
    return [
        f"For {words.count(found['groups'], 'group')} none of whose rows the general adapter has seen, "
        f"the gain is {gained}."
    ]


def _scores(report: Report) -> list[dict[str, Any]]:
    names = {"general": "general adapter for everybody", "adapted": "every group its own", "bank": "bank as it is used"}
    worst = report["worst_tenth"]
    return [
        {
            "name": said,
            "cells": [
                {
                    "name": words.words(metric),
                    "value": words.score(one["value"]),
                    "interval": words.interval(one["low"], one["high"]),
                }
                for metric, one in report["predictors"][name].items()
            ],
            "worst": words.score(worst[name]),
        }
        for name, said in names.items()
    ]


def _harm(report: Report) -> str:
    found = report["harm"]
    if not found["of"]:
        return "No group has an adapter of its own."
    every = (
        f"Were each of the {words.count(found['of'], 'group')} with an adapter of its own to use it, about "
        f"{found['all']:.1f} would be harmed."
    )
    are = f" Of the {words.count(found['used'])} that do use it, about {found['promoted']:.1f} are."
    return every + (are if found["used"] else " None of them does.")


def _ends(report: Report) -> Markup:
    """The groups with the largest and with the smallest expected gains, with their intervals."""
    known = [one for one in report["groups"] if one["expected"] is not None]
    some = known if len(known) <= 2 * ENDS else [*known[:ENDS], *known[-ENDS:]]
    rows = [
        Row(
            str(one["group"])[:40],
            one["expected"],
            one["low"],
            one["high"],
            f"{words.share(one['harm'])} harm",
            f"{one['group']}: expected {words.difference(one['expected'], points=False)}, {one['outcome']}",
            one["outcome"] == "promoted",
            TONES.get(one["outcome"], ""),
        )
        for one in some
    ]
    return charts.forest(rows, "Expected gain of groups, with 95 % intervals", reference=0.0)


def _spread(report: Report) -> Markup:
    """How many groups saw how much of a gain."""
    gains = [one["gain"] for one in report["groups"] if one["gain"] is not None]
    if not gains:
        return Markup("")
    step = STEP if words.in_points(report["judged_by"]) else _step(max(gains) - min(gains))
    counts = Counter(int(gain // step) for gain in gains)
    rows, digits = [], max(0, 2 if step == STEP else -floor(log10(step)))
    for place in range(max(counts), min(counts) - 1, -1):
        number = counts[place]
        name = f"{words.signed(place * step, digits)} to {words.signed((place + 1) * step, digits)}"
        rows.append(Row(name, float(number), text=words.count(number), main=place >= 0))
    return charts.bars(rows, "Groups by the gain that was seen out of fold")


def _step(width: float) -> float:
    """The 1, 2 or 5 times a power of ten that parts so wide a range into `BARS` or a few less."""
    if width <= 0:
        return STEP
    whole = 10.0 ** floor(log10(width / BARS))
    return next(size * whole for size in (1, 2, 5, 10) if width <= BARS * size * whole)


def _size(report: Report) -> Markup:
    rows = []
    for one in report["by_rows"]:
        name = f"{one['from']} to {one['below'] - 1} rows" if one["below"] else f"{one['from']} rows or more"
        error = one["error"]
        low, high = (None, None) if error is None else (one["gain"] - 1.96 * error, one["gain"] + 1.96 * error)
        text = f"{words.count(one['groups'], 'group')}, {one['promoted']} promoted"
        gained = words.difference(one["gain"], points=False)
        rows.append(Row(name, one["gain"], low, high, text, f"{name}: mean gain {gained}", True))
    return charts.forest(rows, "Mean gain by number of rows, with 95 % intervals", reference=0.0)


def _listed(groups: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    of = listing.shares if words.in_points(metric) else listing.numbers
    shown = groups[: listing.MOST_ROWS]
    names, cut = listing.texts("group", "group", [[str(one["group"])] for one in shown])
    columns = [
        names,
        listing.choices("outcome", "outcome", [one["outcome"] for one in shown], list(OUTCOMES), tones=TONES),
        listing.texts("rows", "rows", [[str(one["rows"])] for one in shown])[0],
        *(of(key, name, [one[key] for one in shown]) for key, name in COLUMNS.items()),
        listing.shares("harm", "harm", [one["harm"] for one in shown]),
        listing.texts("holm", "p (Holm)", [[_p(one["corrected"])] for one in shown])[0],
        listing.choices("new", "new", ["new" if one["new"] else "seen" for one in shown]),
    ]
    left = len(groups) - len(shown)
    more = [f"This page lists the first {words.count(len(shown))} groups; index.sqlite has all."] if left else []
    return {"data": listing.block(columns, "group", "groups"), "notes": [*more, *([cut] if cut else [])]}


COLUMNS = {
    "general": "general",
    "own": "its own",
    "gain": "gain seen",
    "expected": "gain expected",
    "low": "at least",
    "high": "at most",
}


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
