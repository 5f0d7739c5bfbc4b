"""What a bank found, as one dictionary: `report.json`. Its page is drawn from it alone."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit import bank, environment, files, folders, hardware, metrics, runs
from ftkit.bank import predictions, shards, similarity
from ftkit.bank.folder import BankFolder
from ftkit.bank.grouping import units_of
from ftkit.bank.measuring import Measure
from ftkit.bank.records import PROMOTED, Outcome
from ftkit.bank.told import Told, told_by
from ftkit.reports.bank import render_bank
from ftkit.statistics import mcnemar, paired, promotion
from ftkit.statistics.intervals import interval

if TYPE_CHECKING:
    from ftkit.metrics import Scored
    from ftkit.runs.folder import Clock
    from ftkit.statistics.promotion import Prior

SCHEMA = 1
WORST = 0.1  # share of the groups that count as the worst
BINS = (10, 20, 50, 100, 200, 500)  # rows of a group, where gains are told apart
GENERAL, ADAPTED, BANK = "general", "adapted", "bank"
"""predictors: everybody's adapter; each group's own; the bank, whose decisions did not see the row"""


@dataclass(frozen=True, eq=False)
class Rows:
    """Every row of a group, as each predictor sees it."""

    fold: np.ndarray
    group: np.ndarray
    """codes, the places of the groups in `outcomes`"""
    scores: dict[str, np.ndarray]
    seen: dict[str, Scored]
    difference: np.ndarray
    """by how much the group's own adapter is better"""


def now() -> str:
    """The time, in ISO format."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def save(folder: BankFolder, clock: Clock, command: str) -> dict[str, Any]:
    """Write predictions, report and page of a bank as it is now; returns the report."""
    told = told_by(folder)
    rows = _rows(told)
    report = _report(told, rows, command)
    predictions.write(told, rows.scores, rows.fold, list(report["scores"]["test"]))
    report["cost"] = {
        "seconds": clock.total(),
        "peak_memory_bytes": hardware.peak_memory(),
        "adapter_bytes": sum(path.stat().st_size for path in folder.shards.iterdir()),
        "weight_bytes": shards.weight_bytes(folder.shards),
    }
    files.write_json(folder.path / runs.REPORT, report)
    files.write_text(folder.path / bank.PAGE, render_bank(report))
    return report


def report_on(folder: BankFolder) -> dict[str, Any]:
    """The report of a generation, made again from what the bank keeps."""
    told = told_by(folder)
    return _report(told, _rows(told), folder.generation.command)


def _rows(told: Told) -> Rows:
    frame, targets = told.kept.frame, told.targets
    order = {one.record.key: i for i, one in enumerate(told.outcomes)}
    codes = frame["key"].map(order).to_numpy(dtype=np.int64)
    general, own = told.kept.general, told.kept.own
    difference, fold = told.measure.gains(targets, general, own), frame["fold"].to_numpy(dtype=np.int64)
    has = np.array([one.record.place is not None for one in told.outcomes], dtype=bool)[codes]
    chosen = np.zeros(len(frame), dtype=bool)
    units = units_of(frame)
    chosen[has] = promotion.crossed(difference[has], codes[has], units[has], fold[has])
    scores = {GENERAL: general, ADAPTED: own, BANK: told.kept.used(chosen)}
    seen = {name: told.measure.scored(targets, one) for name, one in scores.items()}
    return Rows(fold, codes, scores, seen, difference)


def _report(told: Told, rows: Rows, command: str) -> dict[str, Any]:
    recipe, folder = told.recipe, told.folder
    names = recipe.evaluate.metrics
    measure = told.measure
    scores = {name: _scores(names, seen, rows.group) for name, seen in rows.seen.items()}
    counts = Counter(one.outcome for one in told.outcomes)
    return {
        "schema": SCHEMA,
        "kind": folders.BANK_KIND,
        "status": "complete",
        "name": folder.path.name,
        "created": folder.created,
        "command": command,
        "generation": folder.generation.number,
        "update": dict(folder.generation.counts),
        "task": recipe.task.name,
        "method": recipe.method.name,
        "by": folder.by,
        "labels": list(told.labels),
        "primary": names[0],
        "judged_by": measure.metric.name,
        "hidden": told.mask.on,
        "rows": len(rows.group),
        "outcomes": dict(counts),
        "max_failed": recipe.bank.max_failed,
        "scores": {"test": scores[BANK]},
        "predictors": scores,
        "differences": {name: _difference(measure, rows, name) for name in (ADAPTED, BANK)},
        "new": _new(told, rows),
        "prior": _prior(folder.prior),
        "cold": None if (cold := folder.generation.cold) is None else asdict(cold) | {"pays": cold.pays},
        "harm": _harm(told.outcomes),
        "worst_tenth": _worst(rows, measure.metric),
        "by_rows": _by_rows(told.outcomes),
        "map": _map(told),
        "groups": _groups(told, rows),
        "row_key": told.mask.fingerprint,
        "versions": environment.versions(),
        "machine": hardware.machine(),
        "recipe": (recipe.nameless() if told.mask.on else recipe).to_yaml(),
    }


def _scores(names: Sequence[str], seen: Scored, group: np.ndarray) -> dict[str, Any]:
    """Metric: value with an interval from whole groups."""
    found = {name: interval(metrics.load(name), seen, group) for name in names}
    return {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in found.items()}


def _difference(measure: Measure, rows: Rows, name: str, some: np.ndarray | None = None) -> dict[str, Any]:
    """A predictor against the general adapter on the same rows, whole groups resampled."""
    inside = np.arange(len(rows.group)) if some is None else np.flatnonzero(some)
    one, other = (rows.seen[which].take(inside) for which in (name, GENERAL))
    found = measure.compare(one, other, rows.group[inside])
    return {
        "value": found.difference,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "outcome": found.outcome,
        "rows": found.rows,
        "groups": found.units,
    }


def _new(told: Told, rows: Rows) -> dict[str, Any] | None:
    """The differences for groups that the general adapter has never seen; None where there are none."""
    fresh = np.array([one.record.new for one in told.outcomes])[rows.group]
    return {name: _difference(told.measure, rows, name, fresh) for name in (ADAPTED, BANK)} if fresh.any() else None


def _prior(prior: Prior | None) -> dict[str, Any] | None:
    if prior is None:
        return None
    mean, spread = prior.expected
    return {"mean": mean, "spread": spread, "limit": prior.limit, "row_variance": prior.row_variance}


def _harm(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Groups that are expected to be harmed: were all adapters used, and with those that are."""
    judged = [one for one in outcomes if one.harm is not None]
    used = [one for one in judged if one.outcome == PROMOTED]
    expected = [float(sum(one.harm or 0.0 for one in some)) for some in (judged, used)]
    gain = float(np.mean([one.expected for one in used])) if used else None
    return {"all": expected[0], "promoted": expected[1], "of": len(judged), "used": len(used), "gain": gain}


def _worst(rows: Rows, metric: metrics.Metric) -> dict[str, Any]:
    """Mean score of the worst tenth of the groups, each predictor's own, by groups of 5 rows or more."""
    found = {}
    enough = np.flatnonzero(np.bincount(rows.group) >= 5)
    for name, seen in rows.seen.items():
        means = group_means(rows.group, metric.rows(seen))[enough]
        ordered = np.sort(means if metric.higher_is_better else -means)
        worst = ordered[: max(1, round(WORST * len(ordered)))]
        found[name] = float(abs(worst.mean())) if len(worst) else None
    return {"groups": max(1, round(WORST * len(enough))) if len(enough) else 0, **found}


def group_means(group: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """(groups,) mean of the rows' values; nan for a group without rows."""
    assert values is not None
    with np.errstate(invalid="ignore", divide="ignore"):
        means: np.ndarray = np.bincount(group, values) / np.bincount(group)
    return means


def _by_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Seen gains by number of rows: where adapting pays."""
    judged = [one for one in outcomes if one.record.gain is not None]
    place = np.digitize([one.record.rows for one in judged], BINS)
    found = []
    for number in np.unique(place):
        some = [one for one, here in zip(judged, place, strict=True) if here == number]
        gains = np.array([one.record.gain for one in some], dtype=np.float64)
        error = float(gains.std(ddof=1) / len(gains) ** 0.5) if len(gains) > 1 else None
        found.append(
            {
                "from": BINS[number - 1] if number else 0,
                "below": BINS[number] if number < len(BINS) else None,
                "groups": len(some),
                "gain": float(gains.mean()),
                "error": error,
                "promoted": sum(one.outcome == PROMOTED for one in some),
            }
        )
    return found


def _groups(told: Told, rows: Rows) -> list[dict[str, Any]]:
    """A line for each group, those with the largest expected gain first."""
    count, metric = len(told.outcomes), told.measure.metric
    before, after = (metric.rows(rows.seen[name]) for name in (GENERAL, ADAPTED))
    assert before is not None and after is not None
    means = [
        np.pad(group_means(rows.group, one), (0, count), constant_values=np.nan)[:count] for one in (before, after)
    ]
    corrected = _corrected(rows, told.outcomes)
    lines = []
    for i, one in enumerate(told.outcomes):
        record = one.record
        line = {
            "group": _named(told, one),
            "rows": record.rows,
            "new": record.new,
            "outcome": one.outcome,
            "error": "" if told.mask.on else record.error,
            "general": means[0][i],
            "own": means[1][i] if record.place is not None else None,
            "gain": record.gain,
            "expected": one.expected,
            "low": one.low,
            "high": one.high,
            "harm": one.harm,
            "corrected": corrected.get(i),
            "generation": record.generation,
            "kept": one.kept,
        }
        lines.append(line)
    return sorted(lines, key=lambda line: -(line["expected"] if line["expected"] is not None else -np.inf))


def _map(told: Told) -> dict[str, Any] | None:
    """Where the adapters in use stand to one another; None where they are too few for that."""
    found = similarity.map_of(told.folder, told.outcomes, told.recipe.method.factor_scale)
    if found is None:
        return None
    points = [
        {"group": _named(told, one), "x": float(x), "y": float(y), "expected": one.expected}
        for one, (x, y) in zip(found.groups, found.places, strict=True)
    ]
    return {"of": found.of, "shares": list(found.shares), "points": points}


def _named(told: Told, one: Outcome) -> str | None:
    return told.mask.name("group", one.record.key) if told.mask.on else one.record.name


def _corrected(rows: Rows, outcomes: Sequence[Outcome]) -> dict[int, float]:
    """Holm's p-values of the groups, by their rows' signs: how many are better against how many worse."""
    up, down = (
        np.bincount(rows.group, sign, minlength=len(outcomes)) for sign in (rows.difference > 0, rows.difference < 0)
    )
    tested = [i for i, one in enumerate(outcomes) if one.record.place is not None]
    return dict(zip(tested, paired.holm([mcnemar.exact(int(up[i]), int(down[i])) for i in tested]), strict=True))
