"""Random changes of a batch of pictures that keep what they show; each picture is changed in a way of its own."""

from __future__ import annotations

import torch

SMALLEST = 0.6  # share of each side that a crop leaves at least
STRENGTH = 0.3  # largest change of contrast and colour, as a factor; of light, in standard deviations of a picture


def flipped(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Half of the pictures, left and right exchanged; (rows, colours, height, width)."""
    mirrored = torch.rand(len(pixels), generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)


def cropped(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A part of each picture, enlarged to all of it (bilinear)."""
    rows = len(pixels)
    share = SMALLEST + (1 - SMALLEST) * torch.rand(rows, generator=generator)
    across, down = (2 * torch.rand(2, rows, generator=generator) - 1) * (1 - share)  # of the centre; 1 is the edge
    nought = torch.zeros(rows)
    moves = torch.stack([torch.stack([share, nought, across], 1), torch.stack([nought, share, down], 1)], 1)
    grid = torch.nn.functional.affine_grid(moves, list(pixels.shape), align_corners=False)
    parts: torch.Tensor = torch.nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return parts


def coloured(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Contrast, colour and light of each picture, more or less of each."""
    contrast, colour, light = (STRENGTH * (2 * torch.rand(3, len(pixels), 1, 1, 1, generator=generator) - 1)).to(pixels)
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    spread = pixels.std(dim=(1, 2, 3), keepdim=True)
    grey = pixels.mean(dim=1, keepdim=True)
    strong = grey + (1 + colour) * (pixels - grey)
    changed: torch.Tensor = mean + (1 + contrast) * (strong - mean) + light * spread
    return changed
