"""Share of tokens whose tag is right; with most tokens outside of spans it is high for any model."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ftkit.metrics import Scored
from ftkit.metrics._kinds import MomentMetric, divide
from ftkit.metrics._spans import TAGS


class TokenAccuracy(MomentMetric):
    """All tokens of all rows count alike."""

    kinds: ClassVar[frozenset[str]] = TAGS

    def moments(self, scored: Scored) -> np.ndarray:
        """(rows, 2) right tokens, tokens."""
        rows = zip(scored.gold, scored.prediction, strict=True)
        counts = [(sum(a == b for a, b in zip(gold, said, strict=True)), len(gold)) for gold, said in rows]
        return np.array(counts, dtype=np.float64).reshape(-1, 2)

    def of_moments(self, means: np.ndarray) -> np.ndarray:
        return divide(means[..., 0], means[..., 1])
