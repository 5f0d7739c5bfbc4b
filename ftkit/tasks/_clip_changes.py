"""Random changes of a batch of clips that keep what they show; the pictures of one clip are all changed alike."""

from __future__ import annotations

import torch

from ftkit.tasks import FRAMES, _augmenting

PIXELS = "pixel_values"
CHANGES = {"flip": _augmenting.flipped, "crop": _augmenting.cropped}


def changed(
    batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """A clip counts as one picture of many colours: where it lies is all that these changes look at."""
    whole = batch[PIXELS]
    clips = torch.split(whole, batch[FRAMES].tolist()) if FRAMES in batch else whole.unbind()
    found = []
    for clip in clips:
        pixels = clip.flatten(0, 1)[None]  # (1, pictures · colours, height, width)
        for name in names:
            pixels = CHANGES[name](pixels, generator)
        found.append(pixels.view(clip.shape))
    return batch | {PIXELS: torch.cat(found) if FRAMES in batch else torch.stack(found)}
