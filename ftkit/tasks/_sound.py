"""Sound files as one channel of samples at the rate of a base: what decodes them, and what is wrong with some."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

import numpy as np

from ftkit.errors import InputError
from ftkit.tasks._files import BadFile

SILENT = 10 ** (-60 / 20)  # largest amplitude, of 1, of what nobody hears
UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)  # of a WAV whose writer did not know how long it would be
LAST_PAGE = 0x04  # of an Ogg stream


def libraries() -> tuple[Any, Any]:
    """soundfile and soxr; an InputError with what to install where one is missing."""
    try:
        import soundfile
        import soxr
    except (ImportError, OSError) as error:  # OSError: soundfile without its library
        what = f"sounds need the packages soundfile and soxr ({error})"
        raise InputError(what, 'pip install "ftkit[audio]"') from None
    return soundfile, soxr


def decode(raw: bytes, rate: int, seconds: float) -> np.ndarray:
    """(samples,) float32 in [-1, 1] at `rate`: channels averaged, cut after `seconds`.

    A sound that goes on after that has one sample more, which tells that it was cut. Raises BadFile.
    """
    soundfile, soxr = libraries()
    if _ends_early(raw):
        raise BadFile("truncated sound")
    try:
        with soundfile.SoundFile(io.BytesIO(raw)) as file:
            own = int(file.samplerate)
            wanted = min(file.frames, int(seconds * own) + own // 10 + 1)  # the filter looks ahead a little
            block = file.read(wanted, dtype="float32", always_2d=True)  # (samples, channels)
    except soundfile.SoundFileError as error:
        said = str(error).rstrip(".").rpartition(": ")[2]
        raise BadFile("truncated sound" if "lost sync" in said else f"not a sound ({said})") from None
    if not len(block):
        raise BadFile("no samples")
    if len(block) < wanted:
        raise BadFile("truncated sound")
    wave = block.mean(axis=1)
    if not np.isfinite(wave).all():
        raise BadFile("samples that are no numbers")
    wave = soxr.resample(wave, own, rate) if own != rate else wave
    if not len(wave):
        raise BadFile("no samples")
    return np.ascontiguousarray(wave[: int(seconds * rate) + 1], dtype=np.float32)


def seconds_of(file: BinaryIO) -> float:
    """How long a sound is, as its header says; 0 where it cannot be read."""
    soundfile, _ = libraries()
    try:
        found = soundfile.info(file)
    except (soundfile.SoundFileError, OSError):
        return 0.0
    return float(found.frames / found.samplerate)


def silent(wave: np.ndarray) -> bool:
    """Whether there is nothing to hear."""
    return bool(np.abs(wave).max(initial=0.0) < SILENT)


def _ends_early(raw: bytes) -> bool:
    """Whether a WAV or Ogg file is shorter than it says; the decoder takes what is left of one for the whole."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WAVE":
        return _wav_ends_early(raw)
    if raw[:4] == b"OggS":
        last = raw.rfind(b"OggS")
        if len(raw) < last + 27:
            return True
        body = sum(raw[last + 27 : last + 27 + raw[last + 26]])
        return not raw[last + 5] & LAST_PAGE or len(raw) < last + 27 + raw[last + 26] + body
    return False


def _wav_ends_early(raw: bytes) -> bool:
    place = 12
    while place + 8 <= len(raw):
        name, size = raw[place : place + 4], struct.unpack_from("<I", raw, place + 4)[0]
        if name == b"data":
            return size not in UNKNOWN_SIZES and place + 8 + size > len(raw)
        place += 8 + size + size % 2
    return False
