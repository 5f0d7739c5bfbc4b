"""Clips of video as pictures at even steps of time: what decodes them, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    try:
        with _opened(file) as (container, stream):
            found = list(_sampled(container, stream, fps, most, kept))
    except BadFile:
        raise
    except Exception as error:  # what decoders stumble over in a damaged file
        said = getattr(error, "strerror", None) or str(error)
        raise BadFile(f"damaged video ({said})") from None
    if not found:
        raise BadFile("no frames")
    return np.stack(found)


def remark(file: BinaryIO, seconds: float) -> str:
    """What is unusual about the clock of a clip's first `seconds`; empty for nothing. Nothing is decoded."""
    times = list[float]()
    try:
        with _opened(file) as (container, stream):
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


def _sampled(container: Any, stream: Any, fps: float, most: int, kept: Picture) -> Iterator[np.ndarray]:
    """The frames of one clip; a frame counts from its own time until the next one's."""
    shown: Any = None
    until, taken = 0.0, 0
    for at, end, frame in _timed(container, stream):
        picture = None
        while shown is not None and taken < most and (taken + 0.5) / fps < at:
            picture = kept(_upright(shown)) if picture is None else picture
            yield picture
            taken += 1
        if taken == most:
            return
        shown, until = frame, end
    if shown is None:
        return
    picture = kept(_upright(shown))
    while taken < most and ((taken + 0.5) / fps < until or not taken):
        yield picture
        taken += 1


def _timed(container: Any, stream: Any) -> Iterator[tuple[float, float, Any]]:
    """Frames from when to when, in seconds since the first; a BadFile where they end before the time that is promised.

    Where time stamps are missing, or do not move on, the frame rate says when the next one is due.
    """
    av, usual = library(), stream.guessed_rate or stream.average_rate
    promised = float(stream.duration * stream.time_base) if stream.duration else 0.0
    if not promised and len(container.streams) == 1:  # else the sound may be the longer one
        promised = (container.duration or 0) / av.time_base
    start: float | None = None
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


def _upright(frame: Any) -> np.ndarray:
    """(height, width, 3) uint8, turned as the camera was held."""
    pixels: np.ndarray = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


@contextmanager
def _opened(file: BinaryIO) -> Iterator[tuple[Any, Any]]:
    """A container and its first track of pictures. Raises BadFile."""
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
