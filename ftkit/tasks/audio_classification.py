"""One label, or several, for a sound."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from pydantic import Field

from ftkit.tasks import Encoded, _sound
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._files import BadFile, FileTask, Reader, opened, root_of
from ftkit.tasks._snippet import Snippet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold, Table
    from ftkit.tasks._hearing import Ear

MOST = 30.0  # seconds of a sound, unless the recipe says more
WAVE = "wave"
SMALL = {  # of whichever of these a base's config has
    "d_model": 64,
    "encoder_layers": 2,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_layers": 1,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 64,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
CHANNELS = 32
"""of the convolutions that a small model hears samples through; with the 512 of wav2vec 2.0 a second takes 0.3 s"""


@final
class AudioClassification(FileTask):
    """Sounds in, label probabilities out, through the encoder of Whisper, wav2vec 2.0 and its kin, or AST.

    Kept decoded is the waveform at the base's rate. A log-mel spectrogram is made of it for each batch, which
    takes 3 to 5 % of the time that Whisper's smallest encoder then does.
    """

    max_seconds: Literal["auto"] | Annotated[float, Field(gt=0, le=3600)] = "auto"
    """at which a sound is cut, and counted; `auto`: as long as the longest to train on, and 30 at most"""

    default_base: ClassVar[str] = ""
    suggested_base: ClassVar[str] = "openai/whisper-tiny (or facebook/wav2vec2-base, …)"
    cut_by: ClassVar[str] = "max_seconds"
    suffixes: ClassVar[tuple[str, ...]] = (".wav", ".flac", ".ogg", ".mp3")
    noun: ClassVar[str] = "sound"
    augmentations: ClassVar[tuple[str, ...]] = ("shift", "gain", "noise", "time_mask")

    @property
    def seconds(self) -> float:
        """At which a sound is cut."""
        return MOST if self.max_seconds == "auto" else self.max_seconds

    def resolve(self, table: Table) -> Self:
        """Decide columns, multi-label and length from the training table, where they are `auto`."""
        task = super().resolve(table)
        if task.max_seconds != "auto" or task.file not in table.frame:
            return task
        longest = max((_seconds(cell, table) for cell in table.frame[task.file].to_list()), default=0.0)
        return task.model_copy(update={"max_seconds": float(min(MOST, math.ceil(longest) or MOST))})

    # ---- model ----

    def processor(self, base: Base) -> Ear:
        """How the base hears."""
        from ftkit.tasks._hearing import ear_of

        _sound.libraries()
        return ear_of(base, self.seconds)

    def load(self, base: Base) -> torch.nn.Module:
        """The bare encoder; Whisper's with positions for `max_seconds`."""
        backbone = backbone_of(base)
        self.processor(base).fit(backbone)
        return backbone

    def reader(self, processor: Ear) -> Reader:
        """Samples at the base's rate."""
        import soundfile
        import soxr

        rate, seconds = processor.rate, self.seconds
        versions = f"libsndfile {soundfile.__libsndfile_version__}, soxr {soxr.__version__}"
        return Reader(
            settings=f"sounds {rate} Hz {seconds} s {versions}",
            name=WAVE,
            decode=lambda file: _sound.decode(file.read(), rate, seconds),
            note=lambda wave: "silence only" if _sound.silent(wave) else "",
        )

    def encode(self, inputs: list[tuple[str, ...]], processor: Ear) -> Encoded:
        """Sounds as decoded, with what each costs the base, and how many are longer than it hears."""
        from ftkit.data.decoded import Decoded

        rows = super().encode(inputs, processor).rows
        assert isinstance(rows, Decoded)
        cut = int((rows.lengths > processor.limit).sum())
        rows = dataclasses.replace(rows, lengths=processor.lengths(rows.lengths), settings=processor.settings)
        return Encoded(rows, truncated=cut, unknown=0, pieces=0)

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Ear) -> dict[str, torch.Tensor]:
        """What the base's feature extractor makes of the waves."""
        import torch

        batch = processor.batch([row[WAVE][: processor.limit] for row in rows])
        return {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in batch.items()}

    def poolings(self, backbone: torch.nn.Module) -> tuple[str, ...]:
        """The mean over what is heard; AST has a token for the whole sound as well."""
        return ("mean", "first") if any("cls_token" in name for name, _ in backbone.named_parameters()) else ("mean",)

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Each sound changed in its own way: moved, louder or softer, with noise, with a gap."""
        from ftkit.tasks._sound_changes import changed

        return changed(batch, tuple(name for name in self.augmentations if name in names), generator)

    # ---- baselines and pages ----

    def scratch(self, inputs: list[tuple[str, ...]], processor: Ear) -> dict[str, Any]:
        """A base of the same kind, with narrow convolutions and two narrow blocks."""
        small: dict[str, Any] = {key: value for key, value in SMALL.items() if key in processor.config}
        if "conv_dim" in processor.config:
            small["conv_dim"] = [min(CHANNELS, width) for width in processor.config["conv_dim"]]
        return processor.config | small

    def raw(self, rows: Sequence[dict[str, np.ndarray]], processor: Ear) -> np.ndarray:
        """Small spectrograms, all of one size."""
        from ftkit.data.decoded import Decoded
        from ftkit.tasks._spectrum import fingerprint

        assert isinstance(rows, Decoded)
        return rows.digested("raw", lambda wave: fingerprint(wave, processor.rate))

    def show(
        self, input: tuple[str, ...], row: dict[str, np.ndarray], processor: Ear, answer: tuple[Gold, Gold]
    ) -> str:
        """Its waveform, its spectrogram, and a player."""
        from ftkit.tasks._sound_page import drawn

        return drawn(row[WAVE][: processor.limit], processor.rate, input[0])

    def snippet(self, processor: Ear) -> Snippet:
        """Files through soundfile, soxr and the feature extractor."""
        from ftkit.tasks._sound_snippet import lines

        return lines(processor)

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four clicks and tones, and a Whisper of two blocks that hears a second."""
        from ftkit.tasks._sound_toy import write_base, write_sounds

        write_sounds(folder / "toy")
        write_base(folder / "base")
        return {
            "base": str(folder / "base"),
            "task": {"name": "audio_classification", "file": "file", "label": "label"},
            "data": {"train": str(folder / "toy"), "folds": 2},
        }


def _seconds(cell: Any, table: Table) -> float:
    """How long a sound is by its header; 0 for what `parse` will find fault with."""
    try:
        with opened(cell, root_of(table)) as (_, file):
            return _sound.seconds_of(file)
    except BadFile:
        return 0.0
