"""Clips are sampled by time, whatever their frame rate; bad ones have reasons."""

from __future__ import annotations

import hashlib
import io
import sys
import tracemalloc
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from filmed import clip, even, sound_only
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.errors import InputError
from ftkit.tasks import _clips, _footage
from ftkit.tasks._files import BadFile, Reader, digest_of


def told(raw: bytes, fps: float, most: int = 100) -> list[float]:
    """The time, in seconds, that each kept picture shows."""
    found = _clips.decode(io.BytesIO(raw), fps, most, lambda pixels: pixels)
    assert found.dtype == np.uint8 and found.shape[-1] == 3
    return [(float(picture.mean()) - 40) / 20 for picture in found]


def shown_at(times: list[float], fps: float, end: float) -> list[float]:
    """What is on screen in the middle of each 1 / fps seconds."""
    asked = [(number + 0.5) / fps for number in range(round(end * fps) + 1) if (number + 0.5) / fps < end]
    return [max(one for one in times if one <= moment + 1e-9) for moment in asked]


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi", "mov", "webm"])
@pytest.mark.parametrize("rate", [10, 25])
def test_a_clip_of_any_frame_rate_gives_the_same_times(kind: str, rate: int) -> None:
    times = even(2, rate)
    raw = clip(times, kind, "libvpx" if kind == "webm" else "mpeg4")
    np.testing.assert_allclose(told(raw, 2), shown_at(times, 2, 2), atol=0.11)
    assert len(told(raw, 2)) == 4 and len(told(raw, 5)) == 10


def test_a_clock_that_runs_unevenly_is_followed_and_said() -> None:
    times = [0, 0.1, 0.2, 0.3, 1.3, 1.4, 1.5, 2.5, 2.6, 2.7]
    raw = clip(times)
    np.testing.assert_allclose(told(raw, 2), [0.2, 0.3, 0.3, 1.5, 1.5], atol=0.06)
    assert _clips.remark(io.BytesIO(raw), 10) == "variable frame rate, sampled by time stamps"
    assert _clips.remark(io.BytesIO(raw), 0.2) == "", "the rest of the clip is not looked at"
    assert _clips.remark(io.BytesIO(clip(even(2, 24))), 10) == "", "milliseconds make 41 and 42 of one gap"


def test_no_more_than_asked_for_and_one_at_least() -> None:
    assert len(told(clip(even(6, 10)), 2, most=5)) == 5
    assert len(told(clip([0.0]), 2)) == 1, "a clip of one frame"
    assert len(told(clip(even(0.2, 10)), 0.5)) == 1, "a clip that ends before the first time"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(20, 900), min_size=2, max_size=9), st.sampled_from([1.0, 2.0, 4.0]))
def test_each_picture_is_the_one_on_screen(gaps: list[int], fps: float) -> None:
    times = [0.0, *np.cumsum(gaps[:-1]) / 1000]
    found = told(clip(times, "mkv"), fps)
    known = shown_at(times, fps, max(times[-1], 1e-3))
    np.testing.assert_allclose(found[: len(known)], known, atol=0.12)
    assert len(found) <= len(known) + max(1, fps), "the last picture stays for a gap more"


def test_time_stamps_that_stand_still_give_way_to_the_frame_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    class Frame:
        time, duration, time_base, rotation = 0.0, 512, 1 / 12800, 0

        def __init__(self, number: int) -> None:
            self.number = number

        def to_ndarray(self, format: str) -> np.ndarray:
            return np.full((2, 2, 3), self.number, np.uint8)

    class Container:
        streams, duration = [0, 0], None

        def decode(self, stream: Any) -> Any:
            return map(Frame, range(50))

    class Stream:
        guessed_rate, average_rate, duration, sample_aspect_ratio = 25, 1325, None, None

    found = list(_clips._sampled(Container(), Stream(), 2, 100, lambda pixels: pixels))
    assert [int(one.mean()) for one in found] == [6, 18, 31, 43]


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (90, (3, 0)), (-90, (0, 1)), (180, (3, 1))])
def test_a_camera_that_was_held_sideways(turn: int, corner: tuple[int, int]) -> None:
    """A mark in the upper left; counterclockwise by 90 degrees it comes to the lower left."""

    class Frame:
        rotation = turn

        def to_ndarray(self, format: str) -> np.ndarray:
            pixels = np.zeros((2, 4, 3) if turn % 180 else (4, 2, 3), np.uint8)
            pixels[0, 0] = 255
            return pixels

    found = _clips.upright(Frame())
    assert found.shape == (4, 2, 3) and found[corner].min() == 255


def test_bad_files_have_reasons() -> None:
    whole, reasons = clip(even(4, 10)), {}
    for name, raw in {
        "half": whole[: len(whole) // 2],
        "half of mkv": clip(even(4, 10), "mkv")[:1200],
        "text": b"dear reader\n" * 50,
        "sound": sound_only(),
        "playlist": b"#EXTM3U\n/etc/passwd\n",
        "other files": b"ffconcat version 1.0\nfile /tmp/other.mp4\n",
        "nothing but a header": whole[:40],
    }.items():
        with pytest.raises(BadFile) as caught:
            told(raw, 2)
        reasons[name] = str(caught.value)
    assert reasons == {
        "half": "truncated video",
        "half of mkv": "truncated video",
        "text": "not a video",
        "sound": "no video track",
        "playlist": "not a video",
        "other files": "not a video",
        "nothing but a header": "truncated video",
    }


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damage_is_a_reason_and_never_a_crash(data: st.DataObject) -> None:
    raw = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(told(bytes(raw[: data.draw(st.integers(1, len(raw)))]), 2, most=20)) >= 1
    except BadFile as error:
        assert str(error)
    _clips.remark(io.BytesIO(bytes(raw)), 10)


WHOLE = clip(even(2, 10))


def test_memory_does_not_grow_with_the_length_of_a_clip() -> None:
    """A picture of 320 x 240 has 230,400 bytes; 600 of them would be 138 MB. FFmpeg keeps its own few."""
    peaks = []
    for seconds in (2, 30):
        raw = clip(even(seconds, 20), size=(240, 320))
        tracemalloc.start()
        found = _clips.decode(io.BytesIO(raw), 10, 1000, lambda pixels: pixels[::60, ::80])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(found) == 10 * seconds
    assert peaks[1] - peaks[0] < 500_000


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match="needs the package av") as caught:
        _clips.library()
    assert caught.value.hint == 'pip install "ftkit[video]"'


def anamorphic(shape: Fraction, size: tuple[int, int] = (60, 40), codec: str = "libx264", kind: str = "mp4") -> bytes:
    """A clip of a disc as it is stored where pixels are `shape` times as wide as high: shown, it is round."""
    height, width = size
    down, across = np.mgrid[:height, :width]
    round_one = np.hypot(down - height / 2, (across - width / 2) * float(shape)) < 0.3 * min(height, width * shape)
    stream = io.BytesIO()
    with av.open(stream, "w", format=kind) as container:
        track = container.add_stream(codec, rate=10)
        track.height, track.width, track.pix_fmt = height, width, "yuv420p"
        track.codec_context.sample_aspect_ratio = shape
        for _ in range(10):
            pixels = np.repeat(np.uint8(40 + 180 * round_one)[..., None], 3, axis=2)
            container.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(track.encode())
    return stream.getvalue()


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "libx264"), ("matroska", "mpeg4")])
@pytest.mark.parametrize(
    ("shape", "shown"),
    [(Fraction(3, 2), (60, 60)), (Fraction(1, 2), (120, 40)), (Fraction(1), (60, 40)), (Fraction(9), (60, 40))],
)
def test_pixels_that_are_not_square_are_stretched(
    shape: Fraction, shown: tuple[int, int], kind: str, codec: str
) -> None:
    raw = anamorphic(shape, codec=codec, kind=kind)
    picture = _clips.decode(io.BytesIO(raw), 2, 1, lambda pixels: pixels)[0]
    assert picture.shape == (*shown, 3)
    assert bool(_clips.variant(io.BytesIO(raw))) == (shown != (60, 40))
    if shape != 9:  # which no header means
        disc = picture[..., 0] > 130
        assert abs(int(disc.any(axis=0).sum()) - int(disc.any(axis=1).sum())) <= 3, "as wide as high"
    ((_, part),) = _footage.decode(io.BytesIO(raw), [(0.0, 0.5)], 2, 1, lambda pixels: pixels)
    np.testing.assert_array_equal(part[0], picture)


def test_only_files_of_such_pixels_are_known_by_another_hash() -> None:
    reader = Reader("", "clip", lambda file: np.zeros(1), variant=_clips.variant)
    plain = Reader("", "clip", lambda file: np.zeros(1))
    for shape, same in ((Fraction(1), True), (Fraction(3, 2), False)):
        raw = anamorphic(shape)
        found = digest_of(io.BytesIO(raw), reader)
        assert (found == digest_of(io.BytesIO(raw), plain) == hashlib.sha256(raw).hexdigest()[:32]) is same
