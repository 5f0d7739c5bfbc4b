"""Mean over scenes of the share of a scene's events that are found.

A scene (`data.unit`) with many clips counts no more than one with few. Events are all clips but those of the quiet
label; where there is no such label, all clips are. Scenes without events do not count.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Metric, Scored
from ftkit.metrics._events import events


class SceneRecall(Metric):
    """Recall by scene, averaged."""

    kinds: ClassVar[frozenset[str]] = frozenset({"label"})

    def suits(self, scored: Scored) -> bool:
        """Whether rows are clips whose scene is known."""
        return scored.footage is not None and scored.footage.scene is not None

    def compute(self, scored: Scored) -> float:
        if scored.footage is None or scored.footage.scene is None:
            return float("nan")
        taken = events(scored)
        right, scene = (scored.gold == scored.prediction)[taken], scored.footage.scene[taken]
        if not len(scene):
            return float("nan")
        _, place = np.unique(scene, return_inverse=True)
        return float((np.bincount(place, right) / np.bincount(place)).mean())
