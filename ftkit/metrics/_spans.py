"""What span metrics share: spans of gold and prediction, counted row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ftkit.data.tags import Span, spans
from ftkit.metrics import Scored
from ftkit.metrics._kinds import MomentMetric, divide

TAGS = frozenset({"tags"})


def pairs(scored: Scored) -> list[tuple[list[Span], list[Span]]]:
    """Gold and predicted spans of each row."""
    return [(spans(gold), spans(said)) for gold, said in zip(scored.gold, scored.prediction, strict=True)]


def exact(scored: Scored) -> np.ndarray:
    """(rows, 3): spans that are right in both borders and type, predicted spans, gold spans."""
    counts = [(len({*gold} & {*said}), len(said), len(gold)) for gold, said in pairs(scored)]
    return np.array(counts, dtype=np.float64).reshape(-1, 3)


def by_type(scored: Scored) -> dict[str, tuple[int, int, int]]:
    """Type: right, predicted and gold spans of all rows together; types sorted."""
    right, predicted, gold = Counter[str](), Counter[str](), Counter[str]()
    for true, said in pairs(scored):
        right.update(kind for kind, _, _ in {*true} & {*said})
        predicted.update(kind for kind, _, _ in said)
        gold.update(kind for kind, _, _ in true)
    return {kind: (right[kind], predicted[kind], gold[kind]) for kind in sorted({*predicted, *gold})}


def overlapping(gold: Sequence[Span], said: Sequence[Span]) -> float:
    """Predicted spans that match a gold span of their type, an exact one counting 1 and an overlapping one half.

    A gold span matches one predicted span, exact ones first, then from left to right.
    """
    hits = {*gold} & {*said}
    left = sorted((one for one in gold if one not in hits), key=lambda span: span[1])
    points = float(len(hits))
    for kind, start, end in sorted((one for one in said if one not in hits), key=lambda span: span[1]):
        place = next((i for i, one in enumerate(left) if one[0] == kind and one[1] < end and start < one[2]), None)
        if place is not None:
            points += 0.5
            del left[place]
    return points


class SpanMetric(MomentMetric):
    """A metric that is a function of right, predicted and gold spans of all rows."""

    kinds: ClassVar[frozenset[str]] = TAGS

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, 3) right, predicted, gold."""
        return exact(scored)


def f1(means: np.ndarray) -> np.ndarray:
    """2 right / (predicted + gold); nan where there is no span at all."""
    below = means[..., 1] + means[..., 2]
    return np.where(below > 0, divide(2 * means[..., 0], below), np.nan)
