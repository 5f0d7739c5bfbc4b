"""Log spectrograms: small ones of one size that can be compared, and pictures of them."""

from __future__ import annotations

import numpy as np

FRAME = 0.032  # seconds
SHIFT = 0.008  # seconds from frame to frame
RANGE = 80.0  # decibels below the loudest spot; what is softer counts as silence
LOWEST = 60.0  # Hz: the lower edge of the lowest band


def decibels(wave: np.ndarray, rate: int, bands: int) -> np.ndarray:
    """(bands, frames) in decibels from -80 to 0, the loudest spot at 0; bands are equally wide in mel."""
    size, step = max(16, round(FRAME * rate)), max(1, round(SHIFT * rate))
    padded = np.pad(wave, (size // 2, size // 2 + size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: len(wave) + 1 : step]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    energy = power @ _filters(size, rate, bands).T
    level = 10 * np.log10(np.maximum(energy.T, 1e-20))
    found: np.ndarray = np.maximum(level - level.max(), -RANGE)
    return found


def fingerprint(wave: np.ndarray, rate: int, bands: int = 24, steps: int = 16) -> np.ndarray:
    """(bands × steps,) float32 of any sound: its spectrogram without silent ends, stretched to so many `steps`."""
    level = decibels(wave, rate, bands)
    loud = np.flatnonzero(level.max(axis=0) > -RANGE / 2)
    level = level[:, loud[0] : loud[-1] + 1]
    places = np.linspace(0, level.shape[1] - 1, steps)
    stretched = np.stack([np.interp(places, np.arange(level.shape[1]), band) for band in level])
    centred = stretched - stretched.mean()
    scaled: np.ndarray = (centred / max(float(np.linalg.norm(centred)), 1e-6)).astype(np.float32).ravel()
    return scaled


def _filters(size: int, rate: int, bands: int) -> np.ndarray:
    """(bands, frequencies): triangles, as wide as the grid of frequencies at least."""
    frequencies = np.fft.rfftfreq(size, 1 / rate)
    edges = 700 * (10 ** (np.linspace(_mel(LOWEST), _mel(rate / 2), bands + 2) / 2595) - 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    grid = frequencies[1]
    rising = (frequencies - low) / np.maximum(centre - low, grid)
    falling = (high - frequencies) / np.maximum(high - centre, grid)
    found: np.ndarray = np.maximum(0, np.minimum(rising, falling))
    return found


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
