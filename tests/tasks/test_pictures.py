"""A picture is read as people see it, whatever its file is like; what is none is refused with a reason."""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib

import numpy as np
import pytest
from drawn import noise, raw
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ftkit.tasks import _pictures
from ftkit.tasks._files import BadFile
from ftkit.tasks._pictures import remark, rgb, shrunk, thumbnail


def pixel(raw: bytes) -> list[int]:
    """The first pixel, as read."""
    return rgb(raw)[0, 0].tolist()


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_three_kinds_of_files(kind: str) -> None:
    found = rgb(raw(noise(), kind))
    assert found.shape == (16, 24, 3) and found.dtype == np.uint8
    assert np.abs(found.astype(int) - np.asarray(noise()).astype(int)).mean() < (1 if kind == "png" else 16)


def test_what_the_camera_was_turned_is_turned_back() -> None:
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    found = rgb(raw(noise(), "jpeg", exif=exif, quality=95))
    assert found.shape == (24, 16, 3)
    np.testing.assert_allclose(found, rgb(raw(noise().rotate(-90, expand=True), "jpeg", quality=95)), atol=12)


def test_transparent_is_white() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert pixel(raw(clear)) == [255, 255, 255]
    assert pixel(raw(Image.new("RGBA", (8, 8), (0, 0, 0, 51)))) == [204, 204, 204]
    assert pixel(raw(Image.new("LA", (8, 8), (0, 0)))) == [255, 255, 255]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([9, 9, 9, 1, 2, 3])
    assert pixel(raw(palette)) == [1, 2, 3]
    assert pixel(raw(palette, transparency=1)) == [255, 255, 255]


def test_grey_of_one_eight_and_sixteen_bits() -> None:
    assert pixel(raw(Image.new("1", (8, 8), 1))) == [255, 255, 255]
    assert pixel(raw(Image.new("L", (8, 8), 77))) == [77, 77, 77]
    deep = raw(Image.fromarray(np.full((8, 8), 77 * 257, np.uint16)))
    assert pixel(deep) == [77, 77, 77]
    assert remark(deep) == "16 bits of grey, brought to 8"
    assert remark(raw(noise())) == ""


def test_cmyk_is_turned_into_rgb_and_said() -> None:
    ink = raw(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "jpeg")
    red, green, blue = pixel(ink)
    assert red > 200 and green < 60 and blue < 60
    assert remark(ink) == "CMYK, turned into RGB"


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is large."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (raw(noise(200, 200), "jpeg")[:-400], "truncated picture"),
        (raw(noise(200, 200))[:300], "truncated picture"),
        (b"", "no JPEG, PNG or WebP picture"),
        (b"no picture at all", "no JPEG, PNG or WebP picture"),
        (raw(noise(), "bmp"), "no JPEG, PNG or WebP picture"),
        (raw(noise(), "gif"), "no JPEG, PNG or WebP picture"),
        (claiming(20_000, 20_000), "over 100 megapixels"),
        (claiming(11_000, 10_000), "over 100 megapixels"),
        (claiming(20_000, 10), "over 100 times as long as wide"),
    ],
)
def test_what_is_refused_has_a_reason(made: bytes, reason: str) -> None:
    with pytest.raises(BadFile, match=f"^{reason}$"):
        rgb(made)
    assert remark(made) in ("", "CMYK, turned into RGB")
    assert thumbnail(made, "x") == ""


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["png", "jpeg", "webp"]), st.integers(0, 2000), st.integers(0, 255), st.integers(0, 3))
def test_a_changed_byte_or_a_lost_end_never_crashes(kind: str, place: int, value: int, lost: int) -> None:
    body = bytearray(raw(noise(60, 40), kind))
    body[place % len(body)] = value
    try:
        found = rgb(bytes(body[: len(body) - lost * 37]))
    except BadFile as error:
        assert str(error) and len(str(error)) < 40
    else:
        assert found.ndim == 3 and found.shape[2] == 3


def test_a_thumbnail_is_small_and_says_what_it_is() -> None:
    found = thumbnail(raw(noise(900, 600)), 'a "<b>.png')
    assert 'alt="a &quot;&lt;b&gt;.png"' in found and 'width="96" height="64"' in found
    (body,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', found)
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (96, 64)
    assert len(found) < 6000


def test_a_tiny_picture_is_shown_pixel_by_pixel() -> None:
    found = thumbnail(raw(noise(16, 12)), "digit")
    assert 'width="96" height="72"' in found
    (body,) = re.findall(r'src="data:image/png;base64,([^"]+)"', found)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(body)))), np.asarray(noise(16, 12)))


def test_shrunk_holds_mean_colours() -> None:
    array = np.zeros((8, 8, 3), np.uint8)
    array[:4, :4] = 200
    assert shrunk(array, 2).reshape(2, 2, 3)[..., 0].tolist() == [[200, 0], [0, 0]]


def test_pillow_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(Exception, match="pictures need Pillow") as caught:
        _pictures.require_pillow()
    assert caught.value.hint == 'pip install "ftkit[vision]"'
