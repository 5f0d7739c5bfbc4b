"""Stretches of long footage: many at once, in one pass through a file, with no more in memory than those under way."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from ftkit.tasks._clips import Picture, opened, shape_of, timed, upright

FAR = 20.0  # seconds without a wanted picture that are jumped over; there is a frame to begin at every few seconds
EARLY = 2.0  # seconds before what is wanted at which a file is entered: what decoders need to come to rest
Stretch = tuple[float, float]
"""start and end in seconds since the footage began; the end may be infinite"""
Made = Callable[[Any], np.ndarray]
"""what makes a picture of a frame"""
Frames = Iterator[tuple[float, float, Any]]


def windows(seconds: float, span: float, step: float) -> list[Stretch]:
    """Windows of `span` seconds every `step`; what would be left over at the end gets one that ends with the footage.

    >>> windows(25, 10, 10)
    [(0.0, 10.0), (10.0, 20.0), (15.0, 25.0)]
    """
    whole = max(0, math.floor((seconds - span) / step + 1e-6)) + 1
    found = [(round(turn * step, 3), round(turn * step + span, 3)) for turn in range(whole)]
    return found if seconds - found[-1][1] < 1e-3 else [*found, (round(seconds - span, 3), round(seconds, 3))]


def decode(
    file: BinaryIO, wanted: Sequence[Stretch], fps: float, most: int, kept: Picture
) -> Iterator[tuple[int, np.ndarray]]:
    """(place in `wanted`, pictures) of each stretch as soon as it is over; (0, …) of one that begins after the end.

    Pictures are those in the middle of each 1 / fps seconds since the start of their stretch, at most `most` of them.
    The file is gone through once, forwards; a picture that several stretches share is made once. Raises BadFile, after
    all stretches that are over by then.
    """
    with opened(file) as (container, stream):
        first: float | None = None
        shape = shape_of(stream)

        def made(frame: Any) -> np.ndarray:
            return kept(upright(frame, shape))

        for places in _neighbours(wanted):
            begins = wanted[places[0]][0]
            if begins <= FAR:
                frames = timed(container, stream)
            else:
                first = _first(container, stream) if first is None else first
                frames = _entered(container, stream, begins, first)
            some = [_Open(place, *wanted[place], fps, most) for place in places]
            for one in _over(frames, some, made):
                yield one.place, np.stack(one.pictures) if one.pictures else np.zeros((0, 1, 1, 3), np.uint8)


@dataclass
class _Open:
    """A stretch under way."""

    place: int
    start: float
    end: float
    fps: float
    most: int
    pictures: list[np.ndarray] = field(default_factory=list)

    @property
    def due(self) -> float:
        """When its next picture is taken; infinite when it has them all. One is taken at least."""
        moment = self.start + (len(self.pictures) + 0.5) / self.fps
        if moment < self.end and len(self.pictures) < self.most:
            return moment
        return math.inf if self.pictures else (self.start + self.end) / 2


def _neighbours(wanted: Sequence[Stretch]) -> Iterator[list[int]]:
    """Places of stretches in the order of their starts, parted where there is nothing to see for long."""
    some, until = list[int](), -math.inf
    for place in sorted(range(len(wanted)), key=lambda place: wanted[place]):
        start, end = wanted[place]
        if some and start > until + FAR:
            yield some
            some = []
        some, until = [*some, place], max(until, end)
    if some:
        yield some


def _first(container: Any, stream: Any) -> float | None:
    """The time stamp of the first frame."""
    container.seek(0)
    frame = next(container.decode(stream), None)
    return None if frame is None or frame.time is None else float(frame.time)


def _entered(container: Any, stream: Any, moment: float, first: float | None) -> Frames:
    """Frames from a little before `moment` on, or from the beginning; `first` is the time stamp of the first of all."""
    if first is None:
        container.seek(0)
        return timed(container, stream)
    container.seek(round((first + moment - EARLY) / stream.time_base), stream=stream)
    frames = timed(container, stream, first)
    begun = next(frames, None)
    if begun is not None and begun[0] <= moment - EARLY / 2:
        return chain([begun], frames)
    container.seek(0)  # an index that leads elsewhere
    return timed(container, stream)


def _over(frames: Frames, stretches: list[_Open], made: Made) -> Iterator[_Open]:
    """Stretches as they are over, given in the order of their starts."""
    waiting, under_way = deque(stretches), list[_Open]()
    shown: Any = None
    until = 0.0
    for at, end, frame in frames:
        yield from _taken(shown, at, waiting, under_way, made)
        if not waiting and not under_way:
            return
        shown, until = frame, end
    yield from _taken(shown, until, waiting, under_way, made)
    for one in [*under_way, *waiting]:
        if not one.pictures and one.start < until:  # it begins within the last frame
            one.pictures.append(made(shown))
        yield one


def _taken(shown: Any, until: float, waiting: deque[_Open], under_way: list[_Open], made: Made) -> Iterator[_Open]:
    """Give the frame that is shown `until` then to all that want it; yields those that are over."""
    while waiting and waiting[0].start < until:
        under_way.append(waiting.popleft())
    picture = None
    for one in list(under_way):
        while one.due < until:
            picture = made(shown) if picture is None else picture
            one.pictures.append(picture)
        if one.due == math.inf:
            under_way.remove(one)
            yield one
