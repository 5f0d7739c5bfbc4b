"""Made-up learning curves: scores at growing numbers of labels, with everything that makes real ones noisy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri

from ftkit.statistics.curve import Observed

Course = Callable[[float], float]
"""labels → true accuracy"""

DRAWN = 0.032
"""variance of the accuracy over draws, times the labels: 4 points with 20 labels, 1 point with 320"""
TRAINING = 0.006
"""standard deviation over trainings on the same labels"""
ALIKE = 0.7
"""correlation of what makes a test row hard for two models"""
REPETITIONS = 3


def law(floor: float, exponent: float, first: float = 0.6) -> Course:
    """A power law with this error at 20 labels."""
    return lambda labels: 1 - floor - (first - floor) * (labels / 20) ** -exponent


def ending(course: Course, at: float) -> Course:
    """A course that goes no further."""
    return lambda labels: course(min(labels, at))


def late(course: Course, start: float) -> Course:
    """A course that begins slowly, as if there were `start` labels more."""
    return lambda labels: course(labels + start)


def observed(random: np.random.Generator, course: Course, labels: np.ndarray, rows: int) -> Observed:
    """What a run would see: nested draws of one pool of labels, and the same test rows throughout."""
    most = int(labels[-1])
    worth = random.normal(0, DRAWN**0.5, most)  # what each label is worth to the score
    hard = random.standard_normal(rows)
    right = np.empty((len(labels), REPETITIONS, rows))
    for repetition in range(REPETITIONS):
        order = random.permutation(most)
        for place, count in enumerate(labels):
            accuracy = course(float(count)) + worth[order[: int(count)]].mean() + random.normal(0, TRAINING)
            own = ALIKE**0.5 * hard + (1 - ALIKE) ** 0.5 * random.standard_normal(rows)
            right[place, repetition] = own < ndtri(np.clip(accuracy, 0.001, 0.999))
    mean = right.mean(axis=1)
    without = (mean.sum(axis=1, keepdims=True) - mean) / (rows - 1)
    return Observed(labels, right.mean(axis=2), without)
