"""Stretches of long footage: the same pictures as of a file by itself, from one pass, with flat memory."""

from __future__ import annotations

import io
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from filmed import clip, even
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.tasks import _clips, _footage
from ftkit.tasks._files import BadFile
from ftkit.tasks._footage import Stretch, windows


def plain(pixels: np.ndarray) -> np.ndarray:
    return pixels


def told(raw: bytes, wanted: list[Stretch], fps: float = 2, most: int = 1000) -> dict[int, list[float]]:
    """The times, in seconds, that the pictures of each stretch show."""
    found = _footage.decode(io.BytesIO(raw), wanted, fps, most, plain)
    return {place: [(float(one.mean()) - 40) / 20 for one in pictures] for place, pictures in found}


def moments(stretch: Stretch, fps: float = 2) -> np.ndarray:
    return np.arange(stretch[0] + 0.5 / fps, stretch[1], 1 / fps)


TEN = clip(even(10, 10))


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "mpg", "webm"])
def test_each_stretch_is_what_is_on_screen_then(kind: str) -> None:
    codec = {"webm": "libvpx", "mpg": "mpeg2video"}.get(kind, "mpeg4")
    rate = 25 if kind == "mpg" else 10
    wanted = [(2.0, 4.0), (0.0, 3.0), (7.3, 9.3), (2.0, 4.0)]
    found = told(clip(even(10, rate), kind, codec), wanted)
    assert sorted(found) == [0, 1, 2, 3]
    for place, stretch in enumerate(wanted):
        np.testing.assert_allclose(found[place], moments(stretch), atol=0.16)


@pytest.mark.parametrize("fps", [0.5, 2.0, 7.5])
def test_a_whole_file_is_the_same_pictures_as_a_clip_by_itself(fps: float) -> None:
    alone = _clips.decode(io.BytesIO(TEN), fps, 12, plain)
    ((_, whole),) = _footage.decode(io.BytesIO(TEN), [(0.0, math.inf)], fps, 12, plain)
    np.testing.assert_array_equal(whole, alone)


def test_windows_share_their_pictures_and_a_file_is_gone_through_once() -> None:
    made = list[float]()

    def kept(pixels: np.ndarray) -> np.ndarray:
        made.append(float(pixels.mean()))
        return pixels

    wanted = windows(10, 4, 1)
    assert len(wanted) == 7 and len(list(_footage.decode(io.BytesIO(TEN), wanted, 2, 100, kept))) == 7
    assert len(made) == 20 and made == sorted(made), "two pictures a second, each made once, in their order"


def test_windows_cover_footage() -> None:
    assert windows(25, 10, 10) == [(0, 10), (10, 20), (15, 25)]
    assert windows(20, 10, 10) == [(0, 10), (10, 20)]
    assert windows(20, 10, 5) == [(0, 10), (5, 15), (10, 20)]
    assert windows(10.1, 10, 10) == [(0, 10), (0.1, 10.1)]


@settings(max_examples=100, deadline=None)
@given(st.floats(1, 500), st.floats(0.5, 30), st.floats(0.25, 1))
def test_no_second_is_left_out(seconds: float, span: float, share: float) -> None:
    found = windows(max(seconds, span), span, share * span)
    ends = [0.0, *(end for _, end in found)]
    assert all(start <= until + 2e-3 for (start, _), until in zip(found, ends, strict=False))
    assert found[-1][1] == pytest.approx(max(seconds, span), abs=2e-3)
    assert all(end - start == pytest.approx(span, abs=2e-3) for start, end in found)


LONG = clip(even(100, 5))
"""the grey level of its pictures comes back after 12.8 s"""


@pytest.mark.parametrize(
    ("kind", "codec"), [("mp4", "libx264"), ("mkv", "mpeg4"), ("avi", "mpeg4"), ("mpg", "mpeg2video")]
)
def test_far_stretches_are_jumped_to_and_are_the_same(kind: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = clip(even(100, 25 if kind == "mpg" else 5), kind, codec)
    wanted = [(0.0, 2.0), (60.0, 63.0), (95.0, math.inf)]
    decoded = list[int]()
    plainly = _footage.timed

    def counted(*some: Any) -> Any:
        for one in plainly(*some):
            decoded.append(1)
            yield one

    monkeypatch.setattr(_footage, "timed", counted)
    near = dict(_footage.decode(io.BytesIO(raw), wanted, 2, 100, plain))
    jumped = len(decoded)
    monkeypatch.setattr(_footage, "FAR", 1e9)
    through = dict(_footage.decode(io.BytesIO(raw), wanted, 2, 100, plain))
    assert [len(through[place]) for place in range(3)] == [4, 6, 10]
    for place in range(3):
        np.testing.assert_array_equal(near[place], through[place])
    if kind != "mpg":  # 2,500 frames, with one to begin at in every 12
        assert jumped < 0.8 * (len(decoded) - jumped)


def test_stretches_beyond_the_end() -> None:
    found = told(TEN, [(8.0, 14.0), (9.88, 10.2), (10.5, 12.0), (3.0, 3.05)])
    np.testing.assert_allclose(found[0], [8.2, 8.7, 9.2, 9.7], atol=0.16)
    assert len(found[1]) == 1 and found[2] == [] and len(found[3]) == 1, "one at least, of what is in the file"


def test_what_is_over_before_a_file_breaks_off_can_be_used() -> None:
    raw = clip(even(60, 10), "mkv")
    found = dict[int, Any]()
    with pytest.raises(BadFile):
        for place, pictures in _footage.decode(io.BytesIO(raw[: len(raw) // 2]), windows(60, 10, 10), 2, 100, plain):
            found[place] = pictures
    assert {0, 1} <= set(found) <= {0, 1, 2} and all(len(one) == 20 for one in found.values())


def test_the_length_is_known_without_decoding() -> None:
    for kind in ("mp4", "mkv", "avi"):
        assert _clips.seconds_of(io.BytesIO(clip(even(12, 10), kind))) == pytest.approx(12, abs=0.15)
    # MPEG program streams have no header that says it: FFmpeg goes by the time stamps near the end
    assert 10 < _clips.seconds_of(io.BytesIO(clip(even(12, 25), "mpg", "mpeg2video"))) < 12.5
    with pytest.raises(BadFile, match="not a video"):
        _clips.seconds_of(io.BytesIO(b"dear reader"))


def test_memory_does_not_grow_with_the_length_of_footage() -> None:
    """A window of 20 pictures of 320 x 240 has 4.6 MB; those of 100 seconds would be 46 MB."""
    peaks = []
    for seconds in (20, 100):
        raw = clip(even(seconds, 5), size=(240, 320))
        tracemalloc.start()
        count = sum(len(found) for _, found in _footage.decode(io.BytesIO(raw), windows(seconds, 10, 5), 2, 100, plain))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 20 * (seconds // 5 - 1)
    assert peaks[1] < peaks[0] + 1_000_000
