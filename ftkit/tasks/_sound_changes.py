"""Random changes of a batch of sounds that keep what they are; each sound is changed in a way of its own.

They work on what a base is given, samples or log spectrograms, and never touch padding.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

DECIBEL = 0.025
"""in Whisper's features, a quarter of the decimal logarithm of energy; in AST's, scaled by its mean and spread, too"""
QUIETER = 20.0, 50.0  # decibels: from the loudest spot of a spectrogram down to its noise
SOFTER = 10.0, 30.0  # decibels: from the power of a wave down to that of its noise
LOUDER = 6.0  # decibels at most, up or down
MOVED = 0.1  # of the sound's length at most, to either side
MASKED = 0.15  # of its length at most
JITTER = 0.02  # of noise in a spectrogram, from spot to spot


def changed(
    batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """The batch with every change of `names` applied to every row."""
    key = "input_features" if "input_features" in batch else "input_values"
    values = batch[key].clone()
    lengths = _lengths(batch, values.shape[1] if key == "input_values" else values.shape[2])
    for row, length in zip(values, lengths, strict=True):
        # time last: a spectrogram is (bands, frames), a wave (samples)
        sound = (row.T if key == "input_values" and row.ndim == 2 else row)[..., :length]
        for name in names:
            sound.copy_(CHANGES[name](sound, generator))
    return batch | {key: values}


def noise(sound: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """White noise: added to samples; in a spectrogram it hides what is below it."""
    drawn = torch.randn(sound.shape, generator=generator)
    if sound.ndim == 1:
        power = sound.pow(2).mean().sqrt()
        return sound + drawn * power * 10 ** (-_between(*SOFTER, generator) / 20)
    level = sound.max() - DECIBEL * _between(*QUIETER, generator)
    return torch.maximum(sound, level + JITTER * drawn)


def shift(sound: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Earlier or later by a tenth of its length at most; silence comes in at the other end."""
    length = sound.shape[-1]
    by = round(length * MOVED * _between(-1.0, 1.0, generator))
    moved = sound.roll(by, dims=-1)
    silent = slice(0, by) if by > 0 else slice(length + by, length)
    moved[..., silent] = _silence(sound)
    return moved


def gain(sound: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Louder or softer as a whole."""
    decibels = _between(-LOUDER, LOUDER, generator)
    return sound * 10 ** (decibels / 20) if sound.ndim == 1 else sound + DECIBEL * decibels


def time_mask(sound: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A span of silence, as in SpecAugment (Park et al. 2019)."""
    length = sound.shape[-1]
    span = int(length * MASKED * _between(0.0, 1.0, generator))
    start = int((length - span) * _between(0.0, 1.0, generator))
    masked = sound.clone()
    masked[..., start : start + span] = _silence(sound)
    return masked


CHANGES: dict[str, Callable[[torch.Tensor, torch.Generator], torch.Tensor]] = {
    "shift": shift,
    "gain": gain,
    "noise": noise,
    "time_mask": time_mask,
}
"""in the order in which they are applied"""


def _lengths(batch: dict[str, torch.Tensor], longest: int) -> list[int]:
    """Steps of each row that are sound."""
    mask = batch.get("attention_mask", batch.get("pooling_mask"))
    assert mask is not None
    shares = mask.sum(1, dtype=torch.float64) / mask.shape[1]
    return [max(1, round(float(share) * longest)) for share in shares]


def _silence(sound: torch.Tensor) -> torch.Tensor:
    return sound.new_zeros(()) if sound.ndim == 1 else sound.min()


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))
