"""The invented movements of recipes/data/hand_movements.csv: twelve people, four movements, one wrist sensor.

python tests/made_movements.py > recipes/data/hand_movements.csv
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

RATE = 10  # Hz, about: the clock of a cheap logger
SECONDS = 5.0  # of each movement
MOVEMENTS = ("rest", "wave", "stir", "knock")
PEOPLE = ("ada", "ben", "cem", "dia", "eli", "fay", "gus", "hal", "ivo", "jun", "kim", "lea")
GRAVITY = 9.8  # m/s²


def lines() -> Iterator[str]:
    """The file, line by line: acceleration of the wrist along three axes in m/s², gravity included."""
    random = np.random.default_rng(20)
    yield "person,time_s,acc_x,acc_y,acc_z,movement"
    for person in PEOPLE:
        tilt = random.normal(0, 0.25, 2)  # how the sensor sits on this wrist
        pace, force = random.uniform(0.8, 1.25), random.uniform(0.7, 1.4)
        start = 0.0
        for movement in MOVEMENTS:
            steps = random.uniform(0.7, 1.3, round(SECONDS * RATE)) / RATE
            times = start + np.cumsum(steps)
            signal = moved(movement, (times - start) * pace, force, random)
            signal[:, 0] += GRAVITY * np.sin(tilt[0])
            signal[:, 1] += GRAVITY * np.sin(tilt[1])
            signal[:, 2] += GRAVITY * np.cos(tilt[0]) * np.cos(tilt[1])
            for moment, row in zip(times, signal, strict=True):
                yield f"{person},{moment:.2f}," + ",".join(f"{value:.2f}" for value in row) + f",{movement}"
            start = float(times[-1])


def moved(movement: str, times: np.ndarray, force: float, random: np.random.Generator) -> np.ndarray:
    """(samples, 3) acceleration without gravity.

    Resting trembles; waving swings sideways twice a second; stirring turns once a second in the plane; knocking is a
    short blow along z, three in two seconds.
    """
    noise = random.normal(0, 0.35, (len(times), 3))
    still = np.zeros_like(times)
    if movement == "wave":
        swing = 3.0 * np.sin(2 * np.pi * 2.0 * times + random.uniform(0, 6))
        return noise + force * np.column_stack([swing, 0.5 * np.abs(swing), still])
    if movement == "stir":
        turn = 2 * np.pi * 1.0 * times + random.uniform(0, 6)
        return noise + force * 1.6 * np.column_stack([np.cos(turn), np.sin(turn), still])
    if movement == "knock":
        blow = np.clip(np.sin(2 * np.pi * 1.5 * times + random.uniform(0, 6)), 0, 1) ** 4
        return noise + force * 4.0 * np.column_stack([still, 0.3 * blow, blow])
    return noise


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
