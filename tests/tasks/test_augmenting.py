"""Augmentation changes each picture in its own way, by its seed alone, and keeps what it shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ftkit.tasks._augmenting import coloured, cropped, flipped

CHANGES = [flipped, cropped, coloured]
Change = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pixels() -> torch.Tensor:
    """Sixteen times the same picture."""
    return torch.randn(1, 3, 12, 10, generator=seeded(0)).expand(16, -1, -1, -1).contiguous()


@pytest.mark.parametrize("change", CHANGES)
def test_the_seed_decides_and_rows_differ(change: Change, pixels: torch.Tensor) -> None:
    before = pixels.clone()
    one, same, other = (change(pixels, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(pixels, before), "the batch itself stays"
    assert one.shape == pixels.shape and one.dtype == pixels.dtype and one.isfinite().all()
    assert len({tuple(row.flatten().tolist()) for row in one}) == (2 if change is flipped else 16)


def test_flipped_exchanges_left_and_right_of_about_half(pixels: torch.Tensor) -> None:
    found = flipped(pixels.repeat(64, 1, 1, 1), seeded(0))
    mirrored = (found == pixels[0].flip(-1)).all(dim=(1, 2, 3))
    kept = (found == pixels[0]).all(dim=(1, 2, 3))
    assert (mirrored ^ kept).all() and 400 < int(mirrored.sum()) < 624


def test_cropped_shows_a_part_and_nothing_from_outside() -> None:
    ramp = torch.linspace(0, 1, 40).expand(32, 3, 40, 40)
    found = cropped(ramp, seeded(0))
    assert found.min() >= 0 and found.max() <= 1
    spans = found.amax(dim=(1, 2, 3)) - found.amin(dim=(1, 2, 3))
    assert spans.min() >= 0.55 and spans.max() <= 1.0 and spans.std() > 0.05
    assert (found.diff(dim=-1) >= -1e-6).all(), "left stays left"


def test_coloured_keeps_shapes(pixels: torch.Tensor) -> None:
    found = coloured(pixels, seeded(0))
    alike = torch.corrcoef(torch.stack([pixels[0].flatten(), *(row.flatten() for row in found)]))[0, 1:]
    assert alike.min() > 0.95
    grey = coloured(pixels.mean(dim=1, keepdim=True).expand_as(pixels), seeded(0))
    assert torch.allclose(grey[:, 0], grey[:, 1], atol=1e-5), "grey stays grey"
