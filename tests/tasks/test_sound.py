"""Sound files of every kind, and what is said of those that are none."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from ftkit.tasks._files import BadFile
from ftkit.tasks._sound import decode, seconds_of, silent
from ftkit.tasks._spectrum import decibels, fingerprint

FORMATS = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None)]


def tone(rate: int, seconds: float, pitch: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def written(wave: np.ndarray, rate: int, kind: str = "WAV", subtype: str | None = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def pitch_of(wave: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))).argmax() * rate / len(wave))


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_every_format_comes_at_the_rate_of_the_base_with_its_pitch_and_length(kind: str, subtype: str | None) -> None:
    for rate in (8000, 44100):
        wave = decode(written(tone(rate, 0.5), rate, kind, subtype), 16000, 30.0)
        assert wave.dtype == np.float32 and wave.ndim == 1
        assert abs(len(wave) - 8000) <= 1 and abs(pitch_of(wave, 16000) - 440) < 3
        assert 0.4 < np.abs(wave).max() < 0.6


def test_channels_are_averaged() -> None:
    left, right = tone(16000, 0.2), tone(16000, 0.2, 1000.0)
    both = decode(written(np.stack([left, right], 1), 16000, "WAV", "FLOAT"), 16000, 30.0)
    np.testing.assert_allclose(both, (left + right) / 2, atol=1e-6)


def test_a_long_sound_is_cut_and_one_sample_more_tells_so() -> None:
    raw = written(tone(8000, 2.0), 8000)
    whole, cut, exact = (decode(raw, 16000, seconds) for seconds in (3.0, 0.5, 2.0))
    assert (len(whole), len(cut), len(exact)) == (32000, 8001, 32000)
    np.testing.assert_allclose(cut[:7900], whole[:7900], atol=1e-4)  # what is cut off does not change what is kept
    assert seconds_of(io.BytesIO(raw)) == 2.0 and seconds_of(io.BytesIO(b"no sound")) == 0.0


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_a_file_that_breaks_off_is_no_shorter_sound(kind: str, subtype: str | None) -> None:
    raw = written(tone(16000, 2.0) + np.random.default_rng(0).normal(0, 0.1, 32000), 16000, kind, subtype)
    for share in (0.9, 0.6, 0.3):
        with pytest.raises(BadFile, match="truncated sound|not a sound"):
            decode(raw[: int(share * len(raw))], 16000, 30.0)


def test_a_recorder_that_did_not_know_the_length_is_believed() -> None:
    raw = bytearray(written(tone(16000, 0.1), 16000))
    at = raw.index(b"data") + 4
    raw[at : at + 4] = struct.pack("<I", 0xFFFFFFFF)
    assert len(decode(bytes(raw), 16000, 30.0)) == 1600


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"hello, this is text" * 9, "not a sound"),
        (b"RIFF\0\0\0\0WAVE", "not a sound"),
        (written(np.zeros(0, np.float32), 16000), "no samples"),
        (written(np.array([0, np.nan, 0], np.float32), 16000, "WAV", "FLOAT"), "samples that are no numbers"),
        (written(np.array([0, np.inf, 0], np.float32), 16000, "WAV", "FLOAT"), "samples that are no numbers"),
    ],
    ids=["text", "header alone", "zero length", "NaN", "infinite"],
)
def test_what_is_wrong_is_said_in_a_few_words(raw: bytes, reason: str) -> None:
    with pytest.raises(BadFile, match=reason):
        decode(raw, 16000, 30.0)


def test_silence_is_told_from_what_is_soft() -> None:
    assert silent(np.zeros(100, np.float32)) and silent(np.full(100, 1e-4, np.float32))
    assert not silent(0.01 * tone(16000, 0.1))


def test_a_spectrogram_has_its_peak_at_the_pitch() -> None:
    low, high = (decibels(tone(16000, 0.3, pitch), 16000, 24).mean(axis=1).argmax() for pitch in (200.0, 3000.0))
    assert low < 4 < 12 < high
    assert decibels(np.zeros(500), 16000, 24).max() == 0


def test_a_fingerprint_does_not_know_how_long_loud_or_late_a_sound_is() -> None:
    one = fingerprint(tone(16000, 0.3), 16000)
    same = fingerprint(np.concatenate([np.zeros(3000), 0.1 * tone(16000, 0.6), np.zeros(900)]), 16000)
    other = fingerprint(tone(16000, 0.3, 2000.0), 16000)
    assert one.shape == same.shape == (24 * 16,)
    assert one @ same > 0.9 > 0.6 > one @ other
