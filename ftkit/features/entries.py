"""What a pass says of a batch, row by row and without padding, as a cache keeps it."""

from __future__ import annotations

import torch

from ftkit.features.batch import Batch
from ftkit.features.network import TOLERANCE, Network
from ftkit.tasks import NO_TOKEN


def un_padded(network: Network, batch: Batch, entering: torch.Tensor) -> list[torch.Tensor]:
    """What enters the cut of each row: (positions, …), or (pictures, positions, …)."""
    lengths, whole = network.lengths(batch, entering), entering.cpu()
    if batch.frames is not None:
        return [row.clone() for row in torch.split(whole, batch.frames.tolist())]
    real = [whole.shape[1]] * len(whole) if lengths is None else lengths
    return [row[:length].clone() for row, length in zip(whole, real, strict=True)]


def each_token(seen: torch.Tensor, batch: Batch) -> list[torch.Tensor]:
    """Vectors of the tokens with a piece -> (tokens, width) of each row, nan for tokens without one."""
    assert batch.pieces is not None
    pieces = batch.pieces.cpu()
    whole = seen.new_full((*pieces.shape, seen.shape[-1]), float("nan"))
    whole[pieces >= 0] = seen
    return [row[:length].clone() for row, length in zip(whole, (pieces != NO_TOKEN).sum(1).tolist(), strict=True)]


def doubt_of_padding(network: Network, padded: Batch, alone: Batch) -> str:
    """Why rows cannot be read un-padded, seen at the last row of a batch, all its pictures; empty where they can."""
    many, one = network.entering(padded.inputs), network.entering(alone.inputs)
    if many is None or one is None or many.shape[2:] != one.shape[2:]:
        return "its rows are of several shapes"
    same = many[-len(one) :, : one.shape[1]]
    off = float((same - one).abs().max() / one.abs().max().clamp(min=1e-12))
    exact = max(TOLERANCE, 8 * torch.finfo(one.dtype).eps)
    return "" if off < exact else f"padding changes what the model makes of a row, by {off:.0e}"
