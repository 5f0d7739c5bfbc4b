"""Sounds made by a formula, and a random base that hears them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.tasks._sound import libraries

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8000


def write_sounds(folder: Path, each: int = 12, seconds: float = 0.25) -> None:
    """`folder/click` and `folder/tone`: FLAC, some of it stereo, of several pitches and lengths."""
    soundfile, _ = libraries()
    rng = np.random.default_rng(0)
    for label in ("click", "tone"):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            time = np.arange(round(RATE * seconds * rng.uniform(0.7, 1.3))) / RATE
            pitch = rng.uniform(400, 900)
            sharp = 0.9 * (rng.random(len(time)) < 0.005)
            wave = sharp if label == "click" else 0.5 * np.sin(2 * np.pi * pitch * time)
            wave = wave + 0.01 * rng.standard_normal(len(time))
            channels = np.stack([wave, 0.5 * wave], axis=1) if number % 4 == 0 else wave
            soundfile.write(folder / label / f"{number:02}.flac", channels, RATE)


def write_base(folder: Path) -> None:
    """A random Whisper of two encoder blocks, for windows of up to a second."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=8,
        d_model=32,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_mel_bins=16,
        max_source_positions=50,
        max_target_positions=8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        init_std=0.2,  # else the sinusoids of its positions drown what it hears
    )
    WhisperModel(config).save_pretrained(folder)
    extractor: Any = WhisperFeatureExtractor
    extractor(feature_size=16, chunk_length=1).save_pretrained(folder)
