"""Pictures drawn for tests, in every way that people's folders hold them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def raw(image: Image.Image, kind: str = "png", **how: Any) -> bytes:
    """The bytes of a picture as a file of a kind."""
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def noise(width: int = 24, height: int = 16, seed: int = 0) -> Image.Image:
    """Smooth enough for JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)


def folder_of(root: Path, each: int = 6, size: int = 24) -> Path:
    """`root/dark/…png` and `root/light/…png`."""
    for place, label in enumerate(("dark", "light")):
        (root / label).mkdir(parents=True)
        for number in range(each):
            pixels = np.random.default_rng(100 * place + number).integers(0, 100, (size, size, 3)) + 150 * place
            Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{number:03}.png")
    return root
