"""Tables of one predictor: per label, confusions, reliability, slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ftkit.metrics import Metric, Scored
from ftkit.metrics._kinds import count
from ftkit.metrics.accuracy import Accuracy
from ftkit.metrics.ece import equal_mass_bins, top_label
from ftkit.statistics import tagged
from ftkit.statistics.coding import UNKNOWN
from ftkit.statistics.folded import stretched
from ftkit.statistics.intervals import Interval, interval

MOST_CONFUSED = 20

ACROSS = ("matthews", "roc_auc", "pearson", "spearman", "quadratic_kappa", "false_alarms_per_hour")
"""metrics of how answers change from row to row, of which the same answer to all rows has nothing to show"""
CONSTANT = "one answer for all rows: chance by definition"

Entry = dict[str, Any]


def entry(found: Interval, note: str = "") -> Entry:
    """A score of the report: value, low, high, and a note where there is something to say."""
    notes = "; ".join(part for part in (found.note, note) if part)
    numbers: Entry = {"value": plain(found.value), "low": found.low, "high": found.high}
    return numbers | ({"note": notes} if notes else {})


def plain(value: float | None) -> float | None:
    """None for what JSON cannot hold."""
    return float(value) if value is not None and np.isfinite(value) else None


def scores_of(
    scored: Scored, metrics: Mapping[str, Metric], units: np.ndarray | None = None, note: str = "", times: float = 1.0
) -> dict[str, Entry]:
    """Every metric with its interval, so many `times` as wide as of independent rows; `note` is said of each."""
    found = {name: interval(metric, scored, units) for name, metric in metrics.items()}
    return {name: entry(stretched(metrics[name], one, times), note) for name, one in found.items()}


def by_chance(scored: Scored, folds: np.ndarray, metrics: Mapping[str, Metric], note: str = "") -> dict[str, Entry]:
    """The metrics of `ACROSS` for a predictor that answers all rows of a fold alike; nothing for any other.

    Each fold by itself, averaged, and without an interval. Over pooled folds they would be an
    artefact: a label's share of the training rows is lowest where most of its rows are tested,
    which reads as ranking worse than chance.
    """
    if scored.kind == "tags":
        return {}
    each = [scored.take(np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    if len(scored) == len(each) or not all(map(_constant, each)):
        return {}
    found = {name: [metric.compute(one) for one in each] for name, metric in metrics.items() if name in ACROSS}
    means = {name: [value for value in values if not np.isnan(value)] for name, values in found.items()}
    chance = Interval(float("nan"), None, None, CONSTANT)
    return {
        name: entry(replace(chance, value=float(np.mean(values)) if values else chance.value), note)
        for name, values in means.items()
    }


def _constant(scored: Scored) -> bool:
    answers = scored.prediction if scored.scores is None else scored.scores
    return bool((answers == answers[0]).all())


def slices_of(
    scored: Scored,
    rows: pd.DataFrame,
    columns: Sequence[str],
    metrics: Mapping[str, Metric],
    units: np.ndarray | None = None,
    times: float = 1.0,
) -> dict[str, dict[str, Entry]]:
    """Scores of the rows that share a value of a column; `rows` are those of `scored`, in its order."""
    tables: dict[str, dict[str, Entry]] = {}
    for column in columns:
        values = rows[f"slice.{column}"].astype(str).to_numpy()
        tables[column] = {}
        for value in sorted(set(values)):
            mine = np.flatnonzero(values == value)
            part = None if units is None else units[mine]
            tables[column][value] = {"rows": len(mine)} | scores_of(scored.take(mine), metrics, part, times=times)
    return tables


def per_label(scored: Scored) -> list[Entry]:
    """Precision, recall and F1 of each label, None where undefined; rows are gold rows."""
    if scored.kind == "tags":
        return tagged.per_type(scored)
    whole = count(scored)
    lines = []
    for place, label in enumerate(_names(scored)):
        right, predicted, gold = (int(part[place]) for part in (whole.right, whole.predicted, whole.gold))
        lines.append(
            {
                "label": label,
                "rows": gold,
                "precision": right / predicted if predicted else None,
                "recall": right / gold if gold else None,
                "f1": 2 * right / (predicted + gold) if predicted + gold else None,
            }
        )
    return lines


def confusion(scored: Scored) -> Entry | None:
    """Rows by gold and predicted label; None where no label of a row is mistaken for one other."""
    if scored.kind != "label":
        return None
    names = _names(scored)
    cells = (scored.gold % (len(scored.labels) + 1)) * len(names) + scored.prediction
    counts = np.bincount(cells, minlength=len(names) ** 2).reshape(len(names), len(names))
    return {"labels": names, "counts": counts.tolist()}


def confused(scored: Scored) -> list[Entry]:
    """The most frequent pairs of gold label and wrong prediction; of tags, of types of spans."""
    if scored.kind == "tags":
        return tagged.confused(scored)
    found = confusion(scored)
    if found is None:
        return []
    counts = np.array(found["counts"])
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [(int(gold), int(guess)) for gold, guess in zip(*np.unravel_index(order, counts.shape), strict=True)]
    names = found["labels"]
    return [
        {"gold": names[gold], "prediction": names[guess], "rows": int(counts[gold, guess])}
        for gold, guess in pairs
        if counts[gold, guess]
    ]


def reliability(scored: Scored, units: np.ndarray | None = None) -> Entry | None:
    """Mean confidence and accuracy of each bin; None where there are no scores, or no top label."""
    if scored.scores is None or scored.multi_label or not len(scored):
        return None
    confidence, right = top_label(scored)
    bins = equal_mass_bins(confidence)
    points = []
    for number in range(bins.max() + 1):
        rows = np.flatnonzero(bins == number)
        found = interval(Accuracy(), scored.take(rows), None if units is None else units[rows])
        mean = float(confidence[rows].mean())
        points.append(
            {"confidence": mean, "accuracy": found.value, "rows": len(rows), "low": found.low, "high": found.high}
        )
    return {"ece": float(np.abs(np.bincount(bins, right - confidence)).sum() / len(scored)), "bins": points}


def _names(scored: Scored) -> list[str]:
    """Labels in the order of the counts, with one more where a gold label was not in training."""
    unknown = not scored.multi_label and bool((scored.gold < 0).any())
    return [*scored.labels, *([UNKNOWN] if unknown else [])]
