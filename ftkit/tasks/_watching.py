"""How a base watches a clip: which pictures of it, one by one or all at once, and what its forward takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ftkit.errors import InputError
from ftkit.tasks import FRAMES, _seeing

if TYPE_CHECKING:
    import torch

    from ftkit.bases import Base

Auto = Literal["auto"]
FPS, SPAN = 2.0, 10.0
"""pictures a second, and seconds at most, of a base of single pictures"""
ENCODER_FPS = 7.5
"""of video encoders, which were trained on every fourth frame of 30 (Tong et al. 2022, VideoMAE)"""
ENCODERS = ("videomae", "timesformer", "vivit")
MOST = 512  # pictures of a clip: 77 MB at 224 pixels a side
COST = 128  # positions that a picture counts as: four of them fill a pass on a CPU, and more at once are no faster
PIXELS = "pixel_values"


@dataclass(frozen=True)
class Eye:
    """A base's image processor, and at which times it looks."""

    images: Any
    fps: float
    most: int
    """pictures of a clip at most; a video encoder is given exactly so many"""
    at_once: bool
    """whether the base is a video encoder"""
    config: dict[str, Any]

    @property
    def span(self) -> float:
        """Seconds of a clip, from its start."""
        return self.most / self.fps

    @property
    def settings(self) -> str:
        """All that changes which pictures of a clip are kept, and how."""
        return json.dumps([self.fps, self.most, self.images.to_dict()], sort_keys=True, default=str)

    def lengths(self, frames: np.ndarray) -> np.ndarray:
        """(rows,) what each row costs; clips of equal cost share a pass."""
        return COST * (np.full(len(frames), self.most) if self.at_once else np.minimum(frames, self.most))

    def batch(self, clips: list[np.ndarray]) -> dict[str, torch.Tensor]:
        """`pixel_values` of all pictures one after the other and `frames`, how many are of each row.

        Of a video encoder (rows, frames, 3, height, width), shorter clips standing still at their end.
        """
        import torch

        seen = [clip[: self.most] for clip in clips]
        if not self.at_once:
            pixels = _seeing.scaled(self.images, [picture for clip in seen for picture in clip])
            return {PIXELS: pixels, FRAMES: torch.tensor([len(clip) for clip in seen])}
        filled = [clip[np.minimum(np.arange(self.most), len(clip) - 1)] for clip in seen]
        return {PIXELS: torch.stack([_seeing.scaled(self.images, list(clip)) for clip in filled])}

    def outline(self, lengths: np.ndarray) -> dict[str, torch.Tensor]:
        """The same of nothing but its shape."""
        import torch

        height, width, colours = _seeing.shape(self.images)
        counts = torch.from_numpy(lengths // COST)
        nothing = torch.zeros(())
        if self.at_once:
            return {PIXELS: nothing.expand(len(counts), self.most, colours, height, width)}
        return {PIXELS: nothing.expand(int(counts.sum()), colours, height, width), FRAMES: counts}


def eye_of(base: Base, fps: Auto | float, span: Auto | float, suggested: str) -> Eye:
    """How a base watches, sampled as the recipe says.

    Raises InputError for a base that takes no pictures, for more of them than a clip may have, and for a video encoder
    that is to see another number than it takes.
    """
    from transformers import AutoConfig

    from ftkit.bases import explain

    images = _seeing.processor_of(base, suggested, "clip")
    try:
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=False, local_files_only=True).to_dict()
    except Exception as error:
        raise explain(error, base) from error
    if config.get("model_type") in ENCODERS:
        return _encoder(base, images, config, fps, span)
    rate = FPS if fps == "auto" else fps
    most = max(1, round(rate * (SPAN if span == "auto" else span)))
    if most > MOST:
        what = f"task.fps times task.span are {most} pictures of a clip, and {MOST} is the most"
        raise InputError(what, "a smaller task.fps, or cut the footage into clips")
    return Eye(images, rate, most, at_once=False, config=config)


def _encoder(base: Base, images: Any, config: dict[str, Any], fps: Auto | float, span: Auto | float) -> Eye:
    whole = int(config["num_frames"])
    if fps == "auto":
        fps = ENCODER_FPS if span == "auto" else whole / span
    elif span != "auto" and round(fps * span) != whole:
        what = f"{base.name} takes {whole} pictures of a clip, and task.fps times task.span are {fps * span:g}"
        raise InputError(what, f"leave out one of them, or --set task.span={whole / fps:g}")
    return Eye(images, fps, whole, at_once=True, config=config)
