"""False alarms in an hour of quiet footage, at the threshold that finds 90 % of the events.

The threshold is a point of these rows' own curve, the highest that finds so many, as in the false positive rate at
95 % recall. So the number says what the order of the scores allows. A threshold that was set on other rows would find
more or fewer events. Each quiet clip is one alarm or none, whatever its length. Hours are of the quiet clips that are
scored, so that how many events a test set holds makes no difference.

Where it is the first metric, validation rows are judged by their loss: their footage is not at hand.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._events import alarm, events, quiet
from ftkit.metrics._kinds import InfluenceMetric

RECALL = 0.9
REACH = 0.05  # of recall, on either side: over so much of the curve its slope is taken
HOUR = 3600.0


class FalseAlarmsPerHour(InfluenceMetric):
    """Alarms on quiet clips by the hour, at 90 % recall."""

    kinds: ClassVar[frozenset[str]] = frozenset({"label"})
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))
    needs_scores: ClassVar[bool] = True
    by_label: ClassVar[bool] = True

    def suits(self, scored: Scored) -> bool:
        """Whether rows are clips some of whose labels stand for events."""
        return quiet(scored) is not None

    def compute(self, scored: Scored) -> float:
        return _rate(scored, RECALL) if _both(scored) else float("nan")

    def contributions(self, scored: Scored) -> np.ndarray:
        """A quiet row moves the number of alarms and the hours, an event the threshold.

        How many more alarms a lower threshold brings is the slope of the curve of alarms against recall.
        """
        if not _both(scored):
            return np.full(len(scored), np.nan)
        assert scored.footage is not None
        happens, score = events(scored), alarm(scored)
        value, raised = _rate(scored, RECALL), score >= _threshold(score[happens], RECALL)
        seconds = np.where(happens, 0.0, scored.footage.seconds)
        slope = (_rate(scored, RECALL + REACH) - _rate(scored, RECALL - REACH)) / (2 * REACH)
        alone = (HOUR * raised - value * seconds) / seconds.mean()
        moved = np.where(happens, -slope * (raised - raised[happens].mean()) / happens.mean(), alone)
        return np.asarray(value + moved - moved.mean())


def _both(scored: Scored) -> bool:
    """Whether there are events and quiet footage, and scores to order them by."""
    if quiet(scored) is None or scored.scores is None or scored.footage is None:
        return False
    happens = events(scored)
    return bool(happens.any()) and bool(scored.footage.seconds[~happens].sum() > 0)


def _rate(scored: Scored, recall: float) -> float:
    assert scored.footage is not None
    happens, score = events(scored), alarm(scored)
    raised = score[~happens] >= _threshold(score[happens], recall)
    return float(HOUR * raised.sum() / scored.footage.seconds[~happens].sum())


def _threshold(scores: np.ndarray, recall: float) -> float:
    """The highest that so large a share of the events reaches."""
    wanted = min(len(scores), max(1, int(np.ceil(recall * len(scores) - 1e-9))))
    return float(np.sort(scores)[len(scores) - wanted])
