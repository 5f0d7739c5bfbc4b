"""Random bases of every way to hear, in folders, as `save_pretrained` leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from architectures import ARCHITECTURES

from ftkit.bases import Base
from ftkit.tasks._sound_toy import write_base

WAYS = ("whisper", "ast", "wav2vec2", "wav2vec2 without a mask")


def base_that_hears(way: str, folder: Path) -> Base:
    """A base of about ten thousand weights."""
    if way == "whisper":
        write_base(folder)
    elif way == "ast":
        ARCHITECTURES["AST"].build().save_pretrained(folder)
        transformers.ASTFeatureExtractor(num_mel_bins=16, max_length=24).save_pretrained(folder)
    else:
        model: Any = ARCHITECTURES["Wav2Vec2"].build()
        model.save_pretrained(folder)
        extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=way == "wav2vec2")
        extractor.save_pretrained(folder)
    return Base("toy", folder, "local", "", "folder")
