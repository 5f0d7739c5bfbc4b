"""Rows as the backbone takes them, padded to one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from ftkit.features.constants import Constants


@dataclass(frozen=True)
class Batch:
    """Padded inputs, and what enters the first trained block where it is known."""

    inputs: dict[str, torch.Tensor]
    """with a prefix, those of floating point are only looked at for their shape: a `Blank` will do"""
    prefix: torch.Tensor | None = None
    """(rows, …), as `Network.capture` gave it, padded with zeros"""
    pieces: torch.Tensor | None = None
    """(rows, tokens) where the piece that speaks for each token stands, negative where there is none"""
    frames: torch.Tensor | None = None
    """(rows,) pictures of each row, where rows are several; all else then has one entry for each picture"""
    known: tuple[Constants, torch.Tensor] | None = None
    """what frozen modules above the cut make of the rows, where that is looked up"""

    @property
    def mask(self) -> torch.Tensor | None:
        """(rows, positions) of 0 and 1."""
        return self.inputs.get("attention_mask")

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        inputs = {key: value.to(device) for key, value in self.inputs.items()}
        prefix, pieces = (None if one is None else one.to(device) for one in (self.prefix, self.pieces))
        known = None if self.known is None else (self.known[0], self.known[1].to(device))
        return Batch(inputs, prefix, pieces, self.frames, known)
