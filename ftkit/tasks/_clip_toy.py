"""Clips made by a formula, and a random base that sees their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ftkit.tasks._clips import library

if TYPE_CHECKING:
    from pathlib import Path

RATE, SIDE = 8, 32
QUALITY = {"qscale": "3", "flags": "+qscale"}
"""of the encoder mpeg4: fine"""


def write_clip(
    path: Path,
    pictures: Iterable[np.ndarray],
    rate: int = RATE,
    codec: str = "mpeg4",
    options: Mapping[str, str] = QUALITY,
) -> None:
    """Pictures (height, width, 3) uint8, of even sides, as a video of so many frames a second."""
    av = library()
    with av.open(str(path), "w") as container:
        stream = None
        for pixels in pictures:
            if stream is None:
                stream = container.add_stream(codec, rate=rate)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt, stream.options = "yuv420p", dict(options)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())


def write_clips(folder: Path, each: int = 12) -> None:
    """`folder/passing`, discs that move, and `folder/normal`, bars that stand: 1 to 1.5 s of 8 frames a second."""
    rng = np.random.default_rng(0)
    down, across = np.mgrid[:SIDE, :SIDE]
    for label in ("normal", "passing"):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            x, y, grey = rng.integers(8, 24), rng.integers(8, 24), rng.integers(150, 256)
            dark = rng.integers(0, 60, (SIDE, SIDE, 3))
            pictures = []
            for time in range(rng.integers(RATE, 3 * RATE // 2 + 1)):
                disc, bar = np.hypot(down - y, (across - x - 2 * time) % SIDE - SIDE / 2) < 9, abs(across - x) < 4
                inside = disc if label == "passing" else bar
                pictures.append((dark + inside[..., None] * (grey - 60)).astype(np.uint8))
            write_clip(folder / label / f"{number:02}.mp4", pictures)


def write_base(folder: Path) -> None:
    """A random ViT of two blocks for pictures of 16 x 16."""
    import torch
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=16, patch_size=4
    )
    ViTModel(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)
