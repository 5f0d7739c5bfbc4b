"""A sound on a page: its waveform, its spectrogram, and a player, all inside the page itself."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from html import escape

import numpy as np

from ftkit.tasks._sound import libraries
from ftkit.tasks._spectrum import RANGE, decibels

PLAYED = 3.0  # seconds of a sound at most: 13 kB, so that thirty of them are no burden to a page
COLUMNS, BANDS, LEVELS = 160, 48, 16
HEIGHT = 40  # of the waveform
INK = 0x2F, 0x78, 0xB5  # seen on light and on dark paper alike; loudness is how opaque it is


def drawn(wave: np.ndarray, rate: int, name: str) -> str:
    """HTML of a sound; of a long one only the beginning can be played, and that is said."""
    seconds = len(wave) / rate
    said = f"{seconds:.1f} s, spectrogram up to {rate / 2000:g} kHz"
    start = wave[: int(PLAYED * rate)]
    if seconds > PLAYED:
        said += f"; the first {PLAYED:g} s can be played"
    called = escape(name, quote=True)
    return (
        f'<figure class="sound">{_waveform(wave)}'
        f'<img src="{_uri("image/png", _spectrogram(wave, rate))}" alt="Spectrogram of {called}">'
        f'<audio controls preload="metadata" aria-label="Play {called}" src="{_uri("audio/mpeg", _mp3(start, rate))}">'
        f"</audio><figcaption>{said}</figcaption></figure>"
    )


def _waveform(wave: np.ndarray) -> str:
    """The span of samples in each column, scaled to the loudest."""
    parts = np.array_split(wave, min(COLUMNS, len(wave)))
    loudest = max(float(np.abs(wave).max()), 1e-6)
    strokes = []
    for column, part in enumerate(parts):
        low, high = (HEIGHT / 2 * (1 - float(edge) / loudest) for edge in (part.min(), part.max()))
        strokes.append(f"M{column}.5 {high - 0.5:.0f}V{low + 0.5:.0f}")
    box = f'viewBox="0 0 {len(parts)} {HEIGHT}" preserveAspectRatio="none"'
    return f'<svg {box} role="img" aria-label="Waveform"><path d="{"".join(strokes)}" stroke="var(--accent)"/></svg>'


def _spectrogram(wave: np.ndarray, rate: int) -> bytes:
    """A PNG, low notes at the bottom."""
    level = decibels(wave, rate, BANDS)
    parts = np.array_split(level, min(COLUMNS, level.shape[1]), axis=1)
    shrunk = np.stack([part.max(axis=1) for part in parts], axis=1)[::-1]
    return _png(np.round((shrunk / RANGE + 1) * (LEVELS - 1)).astype(np.uint8))


def _png(levels: np.ndarray) -> bytes:
    """(rows, columns) of 0 to 15 as a palette PNG of four bits, from transparent to opaque."""
    height, width = levels.shape
    even = np.pad(levels, ((0, 0), (0, width % 2)))
    packed = (even[:, ::2] << 4) | even[:, 1::2]
    lines = np.pad(packed, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter: none
    alpha = bytes(range(0, 256, 255 // (LEVELS - 1)))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),
        (b"PLTE", bytes(INK) * LEVELS),
        (b"tRNS", alpha),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    ]
    body = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _mp3(wave: np.ndarray, rate: int) -> bytes:
    """Every browser plays it, at a tenth of a WAV; equal sounds give equal bytes, which Ogg's do not."""
    soundfile, soxr = libraries()
    playable = next((one for one in (8000, 16000, 22050, 24000, 32000, 44100, 48000) if one >= rate), 48000)
    wave = soxr.resample(wave, rate, playable) if playable != rate else wave
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave, -1, 1), playable, format="MP3")
    return buffer.getvalue()


def _uri(kind: str, raw: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"
