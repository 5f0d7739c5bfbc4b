"""What localisation has without any training: neighbours among labelled fingerprints."""

from __future__ import annotations

import numpy as np

COUNTS = (1, 3, 5, 9, 15, 25)
"""neighbours to choose from"""
POWERS = (1.0, 2.0)
"""that signal strengths are raised to: strong ones then count for more (Torres-Sospedra et al. 2015)"""
ROWS = 1500
"""training rows at most that the number of neighbours is chosen by"""
BLOCK = 512  # queries at once, so that memory stays bounded


def weighted_neighbours(known: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(asked, targets) means of the nearest fingerprints, nearer ones counting more (Bahl and Padmanabhan 2000).

    How many, and at which power of the strengths, is chosen on the training rows: each is predicted from those of
    other places, because several readings of one place are nearly the same.
    """
    count, power = _chosen(known, targets)
    return _predicted(_powered(known, power), targets, _powered(asked, power), count)


def nearest_place(known: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(asked, targets) of the labelled place whose mean fingerprint is nearest."""
    place, number = np.unique(targets, axis=0, return_inverse=True)
    number = number.reshape(-1)
    sums = np.zeros((len(place), known.shape[1]))
    np.add.at(sums, number, known)
    means = (sums / np.bincount(number)[:, None]).astype(np.float32)
    return _predicted(means, place, asked, 1)


def _chosen(known: np.ndarray, targets: np.ndarray) -> tuple[int, float]:
    _, place = np.unique(targets, axis=0, return_inverse=True)
    place = place.reshape(-1)
    if place.max() < 2:
        return COUNTS[2], POWERS[0]
    some = np.arange(len(known))
    if len(some) > ROWS:
        some = np.random.default_rng(0).permutation(some)[:ROWS]
    spread = targets.std(axis=0)
    spread[spread == 0] = 1.0
    best = (np.inf, COUNTS[2], POWERS[0])
    for power in POWERS:
        ready = _powered(known, power)
        near, apart = _nearest(ready, ready[some], max(COUNTS), (place, place[some]))
        for count in COUNTS:
            off = (_mean(near[:, :count], apart[:, :count], targets) - targets[some]) / spread
            best = min(best, (float(np.sqrt((off**2).sum(axis=1)).mean()), count, power))
    return best[1], best[2]


def _predicted(known: np.ndarray, targets: np.ndarray, asked: np.ndarray, count: int) -> np.ndarray:
    near, apart = _nearest(known, asked, count)
    return _mean(near, apart, targets)


def _mean(near: np.ndarray, apart: np.ndarray, targets: np.ndarray) -> np.ndarray:
    weight = np.where(np.isfinite(apart), 1 / np.maximum(apart, 1e-3), 0.0)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.einsum("qk,qkt->qt", weight, targets[near]))


def _nearest(
    known: np.ndarray, asked: np.ndarray, count: int, places: tuple[np.ndarray, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(asked, count) positions and distances; with `places` (known, asked) the own place is infinitely far."""
    count = min(count, len(known))
    near, apart = np.empty((len(asked), count), dtype=np.int64), np.empty((len(asked), count))
    squares = (known**2).sum(axis=1)
    for start in range(0, len(asked), BLOCK):
        here = slice(start, start + BLOCK)
        some = asked[here]
        distance = np.sqrt(np.maximum(squares - 2 * some @ known.T + (some**2).sum(axis=1, keepdims=True), 0))
        if places is not None:
            distance[places[1][here, None] == places[0][None]] = np.inf
        near[here] = np.argsort(distance, axis=1, kind="stable")[:, :count]
        apart[here] = np.take_along_axis(distance, near[here], axis=1)
    return near, apart


def _powered(rows: np.ndarray, power: float) -> np.ndarray:
    return rows if power == 1.0 else np.sign(rows) * np.abs(rows) ** power
