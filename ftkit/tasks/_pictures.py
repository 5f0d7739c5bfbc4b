"""Pictures from bytes: what a file holds as RGB, upright, 8 bits a colour; and small copies of it for a page."""

from __future__ import annotations

import base64
import html
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ftkit.errors import InputError
from ftkit.tasks._files import BadFile

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 100_000_000  # a photo of the largest cameras; a small file can claim thousands of times more
MOST_OBLONG = 100  # times as long as wide: its shorter side is enlarged to what a base takes, and the longer with it
SIDE = 96  # pixels of a thumbnail's longer side
DEEP = ("I;16", "I;16B", "I;16L", "I")
"""Pillow's names for grey of 16 bits"""


def require_pillow() -> None:
    """Raises InputError with what to install where Pillow is missing."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise InputError("pictures need Pillow, which is not installed", 'pip install "ftkit[vision]"') from None


def rgb(raw: bytes) -> np.ndarray:
    """A picture as (height, width, 3) uint8: turned as its EXIF data say, on white where it is transparent.

    Raises BadFile where it is none, is damaged, or would take too much memory.
    """
    with _opened(raw) as image:
        return np.asarray(_upright(image))


def remark(raw: bytes) -> str:
    """What is changed of a picture beyond that; empty for nothing. Only its header is read."""
    try:
        with _opened(raw) as image:
            if image.mode == "CMYK":
                return "CMYK, turned into RGB"
            return "16 bits of grey, brought to 8" if image.mode in DEEP else ""
    except BadFile:
        return ""


def thumbnail(raw: bytes, name: str) -> str:
    """An `<img>` that holds a small copy of the picture; empty where there is no picture any more."""
    try:
        return tag(rgb(raw), name)
    except BadFile:
        return ""


def tag(array: np.ndarray, name: str) -> str:
    """An `<img>` of (height, width, 3) uint8, small; what is smaller than that is shown larger, pixel by pixel."""
    from PIL import Image

    image = Image.fromarray(array)
    tiny = max(image.size) <= SIDE // 2
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    kind = "png" if tiny else "jpeg"
    image.save(stream, kind, **({"optimize": True} if tiny else {"quality": 75}))
    times = SIDE // max(image.size) if tiny else 1
    width, height = (side * times for side in image.size)
    source = f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
    return f'<img src="{source}" alt="{html.escape(name)}" width="{width}" height="{height}">'


def shrunk(array: np.ndarray, side: int) -> np.ndarray:
    """(height, width, 3) uint8 → (side · side · 3,) uint8: mean colours of a grid."""
    from PIL import Image

    return np.asarray(Image.fromarray(array).resize((side, side), Image.Resampling.BOX)).reshape(-1)


@contextmanager
def _opened(raw: bytes) -> Iterator[Image]:
    """A picture of which the header has been read and found possible."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is refused below, or no fault of the user's
            with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise BadFile(f"over {MOST_PIXELS // 1_000_000} megapixels")
                if max(width, height) > MOST_OBLONG * min(width, height):
                    raise BadFile(f"over {MOST_OBLONG} times as long as wide")
                yield image
    except BadFile:
        raise
    except Image.DecompressionBombError:
        raise BadFile(f"over {MOST_PIXELS // 1_000_000} megapixels") from None
    except UnidentifiedImageError:
        raise BadFile("no JPEG, PNG or WebP picture") from None
    except Exception as error:  # for damaged files Pillow raises whatever its decoders stumble over
        raise BadFile("truncated picture" if "truncated" in str(error).lower() else "damaged picture") from None


def _upright(image: Image) -> Image:
    from PIL import Image as pillow
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP:  # Pillow would cut off what is above 255
        image = pillow.fromarray((np.asarray(image).astype(np.float64) / 257).round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        whole = image.convert("RGBA")
        image = pillow.alpha_composite(pillow.new("RGBA", whole.size, "white"), whole)
    return image.convert("RGB")
