"""Clips whose pictures tell the time at which they were taken: their lightness is that of a clock."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from transformers import (
    TimesformerConfig,
    TimesformerModel,
    VideoMAEConfig,
    VideoMAEImageProcessorPil,
    VideoMAEModel,
)

from ftkit.bases import Base

SIDE = 32
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 16,
    "patch_size": 4,
}


def clip(
    times: Sequence[float], kind: str = "mp4", codec: str = "mpeg4", size: tuple[int, int] = (SIDE, SIDE)
) -> bytes:
    """A video of one picture at each of `times` (seconds); the picture at t seconds has the grey level 40 + 20 t."""
    stream = io.BytesIO()
    with av.open(stream, "w", format={"mkv": "matroska", "mpg": "mpeg"}.get(kind, kind)) as container:
        track = container.add_stream(codec, rate=25 if kind == "mpg" else 1000)
        track.height, track.width = size
        track.pix_fmt, track.options = "yuv420p", {"qscale": "2", "flags": "+qscale"}
        track.time_base = Fraction(1, 1000)
        for time in times:
            frame = av.VideoFrame.from_ndarray(
                np.full((*size, 3), round(40 + 20 * time) % 256, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(track.encode(frame))
        container.mux(track.encode())
    return stream.getvalue()


def sound_only() -> bytes:
    """An MP4 without pictures."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        container.mux(track.encode(frame))
        container.mux(track.encode())
    return stream.getvalue()


def even(seconds: float, rate: float) -> list[float]:
    """Times of a clip with an even clock."""
    return [number / rate for number in range(round(seconds * rate))]


def video_encoder(kind: str, folder: Path, frames: int = 4) -> Base:
    """A random video encoder of two blocks that is given four pictures of 16 x 16."""
    if kind == "videomae":
        VideoMAEModel(VideoMAEConfig(**SMALL, num_frames=frames, tubelet_size=2)).save_pretrained(folder)
    else:
        TimesformerModel(TimesformerConfig(**SMALL, num_frames=frames)).save_pretrained(folder)
    processor = VideoMAEImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    processor.save_pretrained(folder)
    return Base("toy", folder, "local", "", "folder")
