"""The invented fingerprints of recipes/data/office_fingerprints.csv: two floors of an office, twelve access points.

python tests/made_fingerprints.py > recipes/data/office_fingerprints.csv
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

WIDTH, DEPTH = 24.0, 12.0  # metres of a floor
POINTS, PLACES, READINGS = 12, 60, 5
PHONES = {"blue": 0.0, "red": -4.0, "grey": 3.0}
"""dB by which a phone hears more than another"""
SILENT, WEAKEST = 100, -90.0


def lines() -> Iterator[str]:
    """The file, line by line: strengths in dBm, 100 where nothing is heard, then where and with which phone."""
    random = np.random.default_rng(12)
    masts = np.column_stack(
        [random.uniform(0, WIDTH, POINTS), random.uniform(0, DEPTH, POINTS), np.arange(POINTS) % 2 + 1]
    )
    walls = random.normal(0, 3.0, (POINTS, 4, 2))  # shadows that change slowly from place to place
    yield ",".join([f"ap{number:02d}" for number in range(1, POINTS + 1)] + ["x", "y", "floor", "phone"])
    for _ in range(PLACES):
        place = np.array([random.uniform(0, WIDTH), random.uniform(0, DEPTH), random.integers(1, 3)]).round(1)
        for _ in range(READINGS):
            phone = str(random.choice(list(PHONES)))
            level = strength(masts, walls, place) + PHONES[phone] + random.normal(0, 2.5, POINTS)
            cells = np.where(level < WEAKEST, SILENT, np.minimum(level.round(), -25)).astype(int)
            yield ",".join([*map(str, cells), f"{place[0]:g}", f"{place[1]:g}", f"{place[2]:g}", phone])


def strength(masts: np.ndarray, walls: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(points,) dBm at (x, y, floor): 28 less for each tenfold distance, 14 for a ceiling, and shadows of walls."""
    apart = np.hypot(*(masts[:, :2] - place[:2]).T)
    ceilings = np.abs(masts[:, 2] - place[2])
    waves = np.array([place[0] / 3, place[1] / 3, place[0] / 5, place[1] / 5])
    shadow = (walls[:, :, 0] * np.sin(waves) + walls[:, :, 1] * np.cos(waves)).sum(axis=1)
    return np.asarray(-40 - 28 * np.log10(np.maximum(apart, 1.0)) - 14 * ceilings + shadow)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
