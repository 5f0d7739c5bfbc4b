"""The learning curve of a run, as the report tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftkit import metrics
from ftkit.statistics import curve

if TYPE_CHECKING:
    from ftkit.training.fitting import Outcome


def curve_of(outcome: Outcome) -> dict[str, Any] | None:
    """Scores by number of labels, and what more of them would buy; None where no curve was asked for."""
    traced = outcome.curve
    if traced is None:
        return None
    recipe, splits = outcome.session.recipe, outcome.session.splits
    metric = metrics.load(recipe.evaluate.metrics[0])
    adapted = traced.seen["adapted"]
    found = curve.forecast(adapted, metric)
    return {
        "metric": recipe.evaluate.metrics[0],
        "sentence": curve.sentence(found, metric),
        "labels": len(splits.parts[-1].train),
        "rows": sum(len(part.test) for part in splits.parts),
        "seeds": recipe.curve.seeds,
        "points": {name: curve.points_of(seen, metric) for name, seen in traced.seen.items()},
        "left_out": list(traced.left_out),
        **curve.described(found, adapted, metric),
    }
