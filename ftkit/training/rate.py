"""How many rows a second a trained member labels, from the encoded rows on and with nothing cached."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ftkit.training.members import Member
from ftkit.training.passes import Job, predict
from ftkit.training.profiling import Profile

MOST = 128  # rows that are timed: half a second with a small base


def rows_per_second(job: Job, one: Member, positions: np.ndarray) -> float | None:
    """Measured on some of these rows, drawn with a fixed seed so that their lengths are typical; None without rows."""
    if not len(positions):
        return None
    plain = replace(job, examples=replace(job.examples, prefix=None), pooled={}, profile=Profile())
    some = np.random.default_rng(0).permutation(positions)[:MOST]
    predict(plain, one, some[:2])  # what the first pass sets up is no part of the rate
    start = time.perf_counter()
    predict(plain, one, some)
    return len(some) / (time.perf_counter() - start)
