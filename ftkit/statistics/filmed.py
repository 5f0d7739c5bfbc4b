"""Clips of video in the long table of predictions: how long each is, and which label says that nothing happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ftkit.metrics import Footage

SECONDS, QUIET = "seconds", "quiet"
"""columns that no other rows have"""


def columns(footage: Footage) -> dict[str, list[Any]]:
    """The columns of clips."""
    return {SECONDS: footage.seconds.tolist(), QUIET: [footage.quiet] * len(footage.seconds)}


def footage(frame: pd.DataFrame, units: np.ndarray | None) -> Footage | None:
    """What the columns say, with the scene of each clip, a whole number; None for rows that are no clips."""
    if SECONDS not in frame:
        return None
    quiet = frame[QUIET].iloc[0] if len(frame) else None
    return Footage(frame[SECONDS].to_numpy(np.float64), quiet if isinstance(quiet, str) else None, units)
