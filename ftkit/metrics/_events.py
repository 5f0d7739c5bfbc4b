"""What metrics of footage share: which clips are events, and how much each looks like one."""

from __future__ import annotations

import numpy as np

from ftkit.metrics import Scored


def quiet(scored: Scored) -> int | None:
    """Place of the label of footage in which nothing happens; None where there is none."""
    name = None if scored.footage is None else scored.footage.quiet
    return scored.labels.index(name) if name in scored.labels else None


def events(scored: Scored) -> np.ndarray:
    """(rows,) bool: all but those of the quiet label."""
    place = quiet(scored)
    return np.ones(len(scored), dtype=bool) if place is None else scored.gold != place


def alarm(scored: Scored) -> np.ndarray:
    """(rows,) how much each looks like an event: all that the quiet label's probability leaves."""
    place = quiet(scored)
    assert place is not None and scored.scores is not None
    return np.asarray(1 - scored.scores[:, place].astype(np.float64))
