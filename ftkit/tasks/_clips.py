"""Clips of video as pictures at even steps of time: what decodes them, and what is wrong with some."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any, BinaryIO

import numpy as np

from ftkit.errors import InputError
from ftkit.tasks._files import BadFile
from ftkit.tasks._pictures import MOST_PIXELS

FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
"""containers; no playlists, which have other files opened, and no single pictures"""
MISSING, SHARE = 0.3, 0.05  # seconds, and share of a clip, that its header may promise more than there is
ASSUMED = 25.0  # frames a second of a file that says nothing of them
UNEVEN = 1.75  # times the usual gap between two frames; clocks of milliseconds alone make 33 and 34 of one
OBLONG = 4.0  # times as wide as high, or as high as wide, that a pixel may be; headers that say more are wrong
HEADERS = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"RIFF"), (0, b"\x1aE\xdf\xa3"), (0, b"OggS"), (0, b"FLV"))
"""(place, bytes) with which files of video begin"""
Picture = Callable[[np.ndarray], np.ndarray]


def library() -> Any:
    """PyAV; an InputError with what to install where it is missing."""
    try:
        import av
    except ImportError as error:
        what = f"video needs the package av, which is not installed ({error})"
        raise InputError(what, 'pip install "ftkit[video]"') from None
    return av


def decode(file: BinaryIO, fps: float, most: int, kept: Picture) -> np.ndarray:
    """(frames, …) of what is on screen in the middle of each 1 / fps seconds, as `kept` makes it smaller at once.

    At most `most` of them, and one at least. By time stamps, so that the rate at which a clip was recorded, or a
    rate that changes, makes no difference. No more than one frame of full size is in memory. Raises BadFile.
    """
    with opened(file) as (container, stream):
        found = list(_sampled(container, stream, fps, most, kept))
    if not found:
        raise BadFile("no frames")
    return np.stack(found)


def remark(file: BinaryIO, seconds: float) -> str:
    """What is unusual about the clock of a clip's first `seconds`; empty for nothing. Nothing is decoded."""
    times = list[float]()
    try:
        with opened(file) as (container, stream):
            for packet in container.demux(stream):
                if packet.pts is not None:
                    times.append(float(packet.pts * packet.time_base))
                if times and times[-1] - times[0] > seconds + 1:  # frames come in the order of decoding
                    break
    except Exception:  # what is wrong with it, decoding says
        return ""
    ordered = np.sort(times)
    gaps = np.diff(ordered[ordered - ordered[:1] <= seconds])
    if len(gaps) < 3:
        return ""
    if not np.median(gaps):
        return "time stamps that stand still, sampled by the frame rate"
    return "variable frame rate, sampled by time stamps" if gaps.max() > UNEVEN * np.median(gaps) else ""


def seconds_of(file: BinaryIO) -> float:
    """How long a video is, as its header says, or else its last packet. Nothing is decoded. Raises BadFile."""
    with opened(file) as (container, stream):
        if promised := _promised(container, stream):
            return promised
        spans = ((one.pts, one.pts + (one.duration or 0)) for one in container.demux(stream) if one.pts is not None)
        first, last = reduce(lambda a, b: (min(a[0], b[0]), max(a[1], b[1])), spans, (math.inf, 0))
        return max(0.0, float((last - first) * stream.time_base))


def _sampled(container: Any, stream: Any, fps: float, most: int, kept: Picture) -> Iterator[np.ndarray]:
    """The frames of one clip; a frame counts from its own time until the next one's."""
    shown: Any = None
    shape = shape_of(stream)
    until, taken = 0.0, 0
    for at, end, frame in timed(container, stream):
        picture = None
        while shown is not None and taken < most and (taken + 0.5) / fps < at:
            picture = kept(upright(shown, shape)) if picture is None else picture
            yield picture
            taken += 1
        if taken == most:
            return
        shown, until = frame, end
    if shown is None:
        return
    picture = kept(upright(shown, shape))
    while taken < most and ((taken + 0.5) / fps < until or not taken):
        yield picture
        taken += 1


def timed(container: Any, stream: Any, start: float | None = None) -> Iterator[tuple[float, float, Any]]:
    """Frames from when to when, in seconds since the first, whose time stamp is `start` unless this is the first.

    Where time stamps are missing, or do not move on, the frame rate says when the next one is due. A BadFile where
    frames end before the time that is promised.
    """
    av, usual = library(), stream.guessed_rate or stream.average_rate
    promised = _promised(container, stream)
    at = until = 0.0
    try:
        for frame in container.decode(stream):
            start = frame.time if start is None else start
            time = until if frame.time is None or start is None else frame.time - start
            at = time if time > at else until
            until = at + (float(frame.duration * frame.time_base) if frame.duration else 1 / float(usual or ASSUMED))
            yield at, until, frame
    except av.error.FFmpegError:
        if until < promised - MISSING - SHARE * promised:
            raise BadFile("truncated video") from None
        raise
    if until < promised - MISSING - SHARE * promised:
        raise BadFile("truncated video")


def _promised(container: Any, stream: Any) -> float:
    """Seconds that a header promises; 0 where it says nothing."""
    promised = float(stream.duration * stream.time_base) if stream.duration else 0.0
    if not promised and len(container.streams) == 1:  # else the sound may be the longer one
        promised = (container.duration or 0) / library().time_base
    return promised


def variant(file: BinaryIO) -> str:
    """How pictures are stretched to what is shown, where pixels are not square; empty for most files."""
    try:
        with opened(file) as (_, stream):
            shape = shape_of(stream)
    except BadFile:
        return ""
    return "" if shape == 1 else f"pixels of {shape:.4f}"


def shape_of(stream: Any) -> float:
    """Width of a pixel by its height, as it is shown; 1 where nothing is said of it."""
    shape = float(stream.sample_aspect_ratio or 1)
    return shape if 1 / OBLONG <= shape <= OBLONG else 1.0


def upright(frame: Any, shape: float = 1.0) -> np.ndarray:
    """(height, width, 3) uint8, turned as the camera was held, with pixels that are square where `shape` was theirs."""
    if shape != 1:
        frame = frame.reformat(
            width=round(frame.width * max(1.0, shape)), height=round(frame.height / min(1.0, shape)), format="rgb24"
        )
    pixels: np.ndarray = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


@contextmanager
def opened(file: BinaryIO) -> Iterator[tuple[Any, Any]]:
    """A container and its first track of pictures. Raises BadFile, also for what decoders stumble over within."""
    try:
        with _container(file) as (container, stream):
            yield container, stream
    except BadFile:
        raise
    except Exception as error:  # FFmpeg's own errors, and whatever PyAV says of damaged files
        said = getattr(error, "strerror", None) or str(error)
        raise BadFile(f"damaged video ({said})") from None


@contextmanager
def _container(file: BinaryIO) -> Iterator[tuple[Any, Any]]:
    av = library()
    try:
        container = av.open(file, options={"format_whitelist": FORMATS}, metadata_errors="replace")
    except Exception:  # of a damaged header PyAV says more than FFmpeg's own errors
        raise BadFile("truncated video" if _begins_well(file) else "not a video") from None
    with container:
        if not container.streams.video:
            raise BadFile("no video track" if len(container.streams) else "truncated video")
        stream = container.streams.video[0]
        if stream.width * stream.height > MOST_PIXELS:
            raise BadFile(f"over {MOST_PIXELS // 1_000_000} megapixels")
        yield container, stream


def _begins_well(file: BinaryIO) -> bool:
    """Whether the first bytes are those of a video: the index of an MP4 stands at its end, and goes missing first."""
    file.seek(0)
    head = file.read(16)
    return any(head[place : place + len(mark)] == mark for place, mark in HEADERS)
