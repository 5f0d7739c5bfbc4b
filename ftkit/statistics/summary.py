"""Everything that a report says of its test rows, computed from the predictions alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ftkit import metrics as metric_registry
from ftkit.metrics import Metric, Scored
from ftkit.statistics import tables
from ftkit.statistics.folded import stretch, trials
from ftkit.statistics.places import places
from ftkit.statistics.predictions import scored, select
from ftkit.statistics.residuals import residuals
from ftkit.statistics.verdict import judge

ADAPTED = "adapted"


def summarise(
    frame: pd.DataFrame,
    labels: Sequence[str],
    kind: str,
    metrics: Sequence[str],
    primary: str,
    delivered_seed: int,
    slices: Sequence[str] = (),
    folds: int = 0,
    subject: str = "adapter",
) -> dict[str, Any]:
    """The report's scores, baselines, slices, per_label, confusion, confused, reliability, verdict and seeds.

    Where numbers are predicted the tables of labels are empty, and `values` is there beside them; `places` where they
    are a position.

    Names are written as they stand in `frame` and `labels`: where rows are hidden, pass both masked.
    With units all intervals are by unit. With folds every note says that the score belongs to the
    procedure, and intervals are wider, because its models share training rows. `subject` is what the
    verdict calls the delivered model.
    """
    adapted, units = scored(frame, ADAPTED, delivered_seed, labels, kind)
    known = metrics_of(kind, dict.fromkeys([primary, *metrics]), adapted)
    rows = select(frame, ADAPTED, delivered_seed)
    others = [name for name in frame["predictor"].unique() if name != ADAPTED]
    baselines = {name: scored(frame, name, delivered_seed, labels, kind)[0] for name in others}
    note = f"out of fold: of the procedure in {folds} folds, not of one adapter" if folds else ""
    times = stretch(folds, trials(adapted, units))
    chance = {name: tables.by_chance(one, rows["fold"].to_numpy(), known, note) for name, one in baselines.items()}
    rivals = {name: one for name, one in baselines.items() if primary not in chance[name]}
    by_row = ["accuracy"] if "accuracy" in known else []  # needs the fewest rows
    sliced = {name: known[name] for name in dict.fromkeys([primary, *metrics, *by_row])}
    seeds = _seeds(frame, labels, kind, known[primary], delivered_seed)
    return {
        "scores": {"test": tables.scores_of(adapted, known, units, note, times)},
        "baselines": {
            name: tables.scores_of(one, known, units, note, times) | chance[name] for name, one in baselines.items()
        },
        "slices": tables.slices_of(adapted, rows, slices, sliced, units, times),
        **_tables(adapted, units),
        "places": places(adapted, baselines) if kind == "values" else None,
        "verdict": judge(known[primary], adapted, rivals, units, folds, _number(seeds), subject),
        "seeds": seeds,
    }


def metrics_of(kind: str, asked: Iterable[str], scored: Scored) -> dict[str, Metric]:
    """The metrics that are asked for, and all others of their kind that say anything of these rows."""
    known = {name: metric_registry.load(name) for name in asked}
    more = {name: metric_registry.load(name) for name in metric_registry.family(kind) if name not in known}
    return known | {name: metric for name, metric in more.items() if metric.suits(scored)}


def _tables(adapted: Scored, units: np.ndarray | None) -> dict[str, Any]:
    if adapted.kind == "values":
        nothing: dict[str, Any] = {"per_label": [], "confusion": None, "confused": [], "reliability": None}
        return nothing | {"values": residuals(adapted)}
    return {
        "per_label": tables.per_label(adapted),
        "confusion": tables.confusion(adapted),
        "confused": tables.confused(adapted),
        "reliability": tables.reliability(adapted, units),
    }


def _seeds(
    frame: pd.DataFrame, labels: Sequence[str], kind: str, metric: Metric, delivered: int
) -> dict[str, Any] | None:
    """The primary metric of each seed, or None where only one was trained."""
    found = sorted({int(seed) for seed in frame.loc[frame["predictor"] == ADAPTED, "seed"]})
    if len(found) < 2:
        return None
    values = np.array([metric.compute(_of(frame, seed, labels, kind)) for seed in found])
    return {
        "seeds": found,
        "values": [tables.plain(value) for value in values],
        "mean": tables.plain(values.mean()),
        "sd": tables.plain(values.std(ddof=1)),
        "delivered": delivered,
    }


def _of(frame: pd.DataFrame, seed: int, labels: Sequence[str], kind: str) -> Scored:
    return scored(frame, ADAPTED, seed, labels, kind)[0]


def _number(seeds: Mapping[str, Any] | None) -> int:
    return len(seeds["seeds"]) if seeds else 1
