"""Windows of sensor data: time stamps made even, recordings cut, and what a window is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ftkit.data.items import Item

GAP = "gap of time stamps longer than a window"
SHORT = "recording shorter than a window"
MISSING = "window with a missing value (NaN)"
BACKWARDS = "time stamps run backwards"


class Window(Item):
    """A window as a row's input: its name, its content hash, and its samples."""

    values: np.ndarray
    """(time, channels) float32"""

    def __new__(cls, name: str, values: np.ndarray) -> Window:
        values = np.ascontiguousarray(values, dtype=np.float32)
        digest = hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()[:32]
        made: Window = super().__new__(cls, name, digest)
        made.values = values
        return made

    def __getnewargs__(self) -> tuple[str, np.ndarray]:  # type: ignore[override]
        return str(self), self.values


@dataclass(frozen=True)
class Grid:
    """Where windows lie in a recording."""

    rate: float
    """samples a second that a window has, whatever the recording has"""
    window: float
    """seconds"""
    step: float
    """seconds from the start of a window to that of the next"""

    @property
    def points(self) -> int:
        """Samples of a window."""
        return max(2, round(self.rate * self.window))


@dataclass(frozen=True)
class Cut:
    """One window of a recording."""

    start: float
    """seconds since the recording began"""
    first: int
    """the first sample that it holds"""
    stop: int
    """one past the last"""
    values: np.ndarray
    """(points, channels) float32"""
    held: np.ndarray
    """(points,) the sample that holds at each point: the last one before it"""


@dataclass(frozen=True)
class Flaw:
    """What is wrong in a recording, at which sample."""

    sample: int
    reason: str


def cut(times: np.ndarray, values: np.ndarray, grid: Grid) -> Iterator[Cut | Flaw]:
    """Windows of one recording in the order of time, and one flaw for each thing that costs windows.

    `times` (samples,) are seconds that never fall, `values` (samples, channels). Windows begin every
    `step` seconds from the first sample on, and anew behind a gap that is longer than a window.
    Samples between two time stamps are interpolated linearly; those that share one count once, the last.
    """
    if len(times) and not np.isfinite(times).all():
        yield Flaw(int(np.flatnonzero(~np.isfinite(times))[0]), "time stamp that is no number")
        return
    if (np.diff(times) < 0).any():
        yield Flaw(int(np.argmax(np.diff(times) < 0)) + 1, BACKWARDS)
        return
    starts = np.flatnonzero(np.diff(times) > grid.window) + 1
    origin = float(times[0]) if len(times) else 0.0
    for number, piece in enumerate(np.split(np.arange(len(times)), starts)):
        if number:
            yield Flaw(int(piece[0]), GAP)
        if len(piece):
            yield from _of_piece(times, values, piece, grid, origin)


def _of_piece(
    times: np.ndarray, values: np.ndarray, piece: np.ndarray, grid: Grid, origin: float
) -> Iterator[Cut | Flaw]:
    """Windows of samples without a gap."""
    moments = times[piece]
    between = 1 / grid.rate
    # the last sample stands for the time until the next one: 100 samples at 50 Hz are a window of 2 s
    whole = float(moments[-1] - moments[0]) + between
    count = int(np.floor((whole - grid.window) / grid.step + 1e-6)) + 1 if whole + 1e-6 * between >= grid.window else 0
    if count < 1 or len(piece) < 2:
        yield Flaw(int(piece[0]), SHORT)
        return
    for turn in range(count):
        start = float(moments[0]) + turn * grid.step
        asked = start + np.arange(grid.points) * between
        # all samples that a point of the window lies between; 1.9 s may be 1.9000000000000001 here
        slack = 1e-6 * between
        low = max(0, int(np.searchsorted(moments, asked[0] + slack, side="right")) - 1)
        high = min(len(piece), int(np.searchsorted(moments, asked[-1] - slack, side="left")) + 1)
        inside = piece[low:high]
        if not np.isfinite(values[inside]).all():
            wrong = ~np.isfinite(values[inside]).all(axis=1)
            yield Flaw(int(inside[np.argmax(wrong)]), MISSING)
            continue
        held = piece[np.maximum(np.searchsorted(moments, asked + slack, side="right") - 1, 0)]
        yield Cut(start - origin, int(inside[0]), int(inside[-1]) + 1, at(times[inside], values[inside], asked), held)


def at(times: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(points, channels) float32: values at other times, on straight lines between those that are known.

    >>> at([0, 1], [[0.0], [2.0]], [0.25])
    [[0.5]]
    """
    last = np.append(np.diff(times) > 0, True)  # of equal time stamps the last
    kept, known = times[last], values[last]
    out = np.empty((len(asked), values.shape[1]), dtype=np.float32)
    for channel in range(values.shape[1]):
        out[:, channel] = np.interp(asked, kept, known[:, channel])
    return out


def stretched(values: np.ndarray, points: int) -> np.ndarray:
    """(points, channels) float32: the same course in another number of evenly spaced samples."""
    if len(values) == points:
        return np.asarray(values, dtype=np.float32)
    return at(np.linspace(0.0, 1.0, len(values)), values, np.linspace(0.0, 1.0, points))
