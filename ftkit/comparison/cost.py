"""What each entry costs, beside its score, and which of them nothing else beats on every count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ftkit.comparison.entries import Entry
from ftkit.metrics import Metric
from ftkit.statistics.summary import ADAPTED
from ftkit.statistics.tables import plain

LESS = ("seconds", "adapter_bytes", "trainable_parameters")
MORE = ("predictions_per_second",)


def costs(entries: Sequence[Entry], metric: Metric, values: Mapping[str, float]) -> list[dict[str, Any]]:
    """A line for each entry; what a run did not record is null, and a baseline records nothing."""
    lines = [_line(entry, values[entry.name]) for entry in entries]
    for line in lines:
        known = line["score"] is not None and any(line[key] is not None for key in (*LESS, *MORE))
        line["pareto"] = known and not any(_beats(other, line, metric.higher_is_better) for other in lines)
    return lines


def _line(entry: Entry, score: float) -> dict[str, Any]:
    found: Mapping[str, Any] = entry.run.report["cost"] if entry.predictor == ADAPTED else {}
    numbers = {key: found.get(key) for key in (*LESS, *MORE)}
    numbers["seconds"] = (found.get("seconds") or {}).get("total")
    return {"name": entry.name, **numbers, "score": plain(score)}


def _beats(other: Mapping[str, Any], line: Mapping[str, Any], higher: bool) -> bool:
    """As good on every count that both have, and better on one; the score is one of them."""
    if other["score"] is None:
        return False
    gains = [(other["score"] - line["score"]) * (1 if higher else -1)]
    counts = [(key, sign) for keys, sign in ((LESS, -1), (MORE, 1)) for key in keys]
    pairs = [(other[key], line[key], sign) for key, sign in counts]
    known = [sign * (theirs - mine) for theirs, mine, sign in pairs if theirs is not None and mine is not None]
    gains += known
    return bool(known) and min(gains) >= 0 and max(gains) > 0
