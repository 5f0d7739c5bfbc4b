"""How a base hears: from samples to what its forward takes, and which of its positions are sound and not padding."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from ftkit.errors import InputError

if TYPE_CHECKING:
    from ftkit.bases import Base

CHOICE = "choose a base for sound, such as --base openai/whisper-tiny or facebook/wav2vec2-base"


@dataclass(frozen=True)
class Ear(ABC):
    """A base's feature extractor, and the shape of what its network makes of a batch."""

    LEAST: ClassVar[int] = 0
    """samples that make one position; a shorter sound is filled up with silence"""

    extractor: Any
    config: dict[str, Any]
    seconds: float
    """at which sound is cut"""

    @property
    def rate(self) -> int:
        """Samples a second."""
        return int(self.extractor.sampling_rate)

    @property
    def limit(self) -> int:
        """Samples that are heard at most."""
        return round(self.seconds * self.rate)

    @property
    def settings(self) -> str:
        """All that changes what `batch` makes of a wave."""
        return json.dumps([type(self).__name__, self.seconds, self.extractor.to_dict()], sort_keys=True, default=str)

    @abstractmethod
    def batch(self, waves: list[np.ndarray]) -> dict[str, np.ndarray]:
        """What forward takes, by name, and `pooling_mask` (rows, positions) where padding is heard like silence."""

    @abstractmethod
    def lengths(self, samples: np.ndarray) -> np.ndarray:
        """(rows,) what each row costs, in whatever unit: rows of equal length share a pass."""

    def fit(self, backbone: Any) -> None:
        """Make the network ready for batches of this kind, where it is not."""
        return

    def _extracted(self, waves: list[np.ndarray], **padding: Any) -> Any:
        return self.extractor(waves, sampling_rate=self.rate, return_tensors="np", **padding)


class Window(Ear):
    """Whisper: a log-mel spectrogram of a window of fixed length, silence and all (Radford et al. 2023).

    The published window is 30 s. One as long as the longest sound keeps what a linear probe makes of spoken
    digits (accuracy 0.99 at 3 s and 0.98 at 30 s, of 120) at a sixteenth of the time.
    """

    STRIDE = 2  # of its second convolution: frames a position

    @classmethod
    def within(cls, extractor: Any, config: dict[str, Any], seconds: float) -> Window:
        """One of so many seconds, but no longer than the base has positions for."""
        a_second = extractor.sampling_rate / (cls.STRIDE * extractor.hop_length)
        positions = min(max(1, round(seconds * a_second)), config["max_source_positions"])
        return cls(extractor, config, positions / a_second)

    @property
    def step(self) -> int:
        """Samples a position."""
        return int(self.STRIDE * self.extractor.hop_length)

    @property
    def positions(self) -> int:
        """Of the window."""
        return round(self.seconds * self.rate / self.step)

    def fit(self, backbone: Any) -> None:
        """Cut the positions of the network to those of the window."""
        import torch

        weight = backbone.embed_positions.weight[: self.positions].detach().clone()
        backbone.embed_positions = cast("Any", torch.nn.Embedding).from_pretrained(weight)
        backbone.max_source_positions = backbone.config.max_source_positions = self.positions
        backbone.layerdrop = 0.0

    def batch(self, waves: list[np.ndarray]) -> dict[str, np.ndarray]:
        """`input_features` (rows, bands, frames)."""
        found = self._extracted(waves, padding="max_length", max_length=self.limit)
        return {"input_features": found["input_features"], "pooling_mask": _mask(waves, self.step, self.positions)}

    def lengths(self, samples: np.ndarray) -> np.ndarray:
        """The window's, whatever it holds."""
        return np.full(len(samples), self.positions)


class Patches(Ear):
    """AST: patches of a log-mel spectrogram of a window of fixed length (Gong, Chung and Glass 2021)."""

    HOP = 0.010  # seconds a frame
    LEAST = 400

    def batch(self, waves: list[np.ndarray]) -> dict[str, np.ndarray]:
        """`input_values` (rows, frames, bands)."""
        bands, frames = self.grid
        heard = np.tile(_mask(waves, self.step, frames), (1, bands))  # positions run through the frames of each band
        special = np.ones((len(waves), 2), dtype=np.int64)  # the class and the distillation token
        found = self._extracted([_filled(wave, self.LEAST) for wave in waves])["input_values"]
        return {"input_values": found, "pooling_mask": np.concatenate([special, heard], axis=1)}

    def lengths(self, samples: np.ndarray) -> np.ndarray:
        """The window's, whatever it holds."""
        bands, frames = self.grid
        return np.full(len(samples), 2 + bands * frames)

    @property
    def step(self) -> int:
        """Samples from patch to patch."""
        return int(self.config["time_stride"] * round(self.HOP * self.rate))

    @property
    def grid(self) -> tuple[int, int]:
        """Patches along the bands, and along time."""
        size = self.config["patch_size"]
        bands = (self.config["num_mel_bins"] - size) // self.config["frequency_stride"] + 1
        return bands, (self.config["max_length"] - size) // self.config["time_stride"] + 1


class Samples(Ear):
    """wav2vec 2.0, HuBERT and their kin: the samples themselves, each row padded to the longest of its batch."""

    LEAST = 400

    def batch(self, waves: list[np.ndarray]) -> dict[str, np.ndarray]:
        """`input_values` (rows, samples), and `attention_mask` where the base was trained with one."""
        padded = [_filled(wave, self.LEAST) for wave in waves]
        if self.masks:
            found = self._extracted(padded, padding="longest", return_attention_mask=True)
            return {key: found[key] for key in ("input_values", "attention_mask")}
        # without a mask padding is heard: of equal length everywhere, it is at least always the same
        found = self._extracted(padded, padding="max_length", max_length=max(self.LEAST, self.limit))
        values = found["input_values"]
        whole, *reached = self._positions([values.shape[1], *map(len, padded)])
        mask = np.arange(whole) < np.array(reached)[:, None]
        return {"input_values": values, "pooling_mask": mask.astype(np.int64)}

    def fit(self, backbone: Any) -> None:
        """No masking and no leaving out of blocks by chance: meant for pretraining, they fail on short sounds."""
        backbone.config.apply_spec_augment = False
        backbone.config.layerdrop = 0.0

    def lengths(self, samples: np.ndarray) -> np.ndarray:
        """Samples, or those of the window."""
        heard: np.ndarray = samples.clip(self.LEAST, max(self.LEAST, self.limit))
        return heard if self.masks else np.full(len(samples), max(self.LEAST, self.limit))

    @property
    def masks(self) -> bool:
        """Whether its network was trained with padding masked; those whose norm runs over time were not."""
        return bool(self.extractor.return_attention_mask)

    def _positions(self, samples: list[int]) -> list[int]:
        """Of so many samples, after the convolutions."""
        for kernel, stride in zip(self.config["conv_kernel"], self.config["conv_stride"], strict=True):
            samples = [(count - kernel) // stride + 1 for count in samples]
        return samples


def ear_of(base: Base, seconds: float) -> Ear:
    """How a base hears sounds of so many seconds at most; loads no weights.

    Raises InputError for a base that takes no sound, or in a way of its own.
    """
    from transformers import AutoConfig, AutoFeatureExtractor, SequenceFeatureExtractor

    from ftkit.bases import explain

    if not any((base.folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
        raise InputError(f"{base.name}: takes no sound (no preprocessor_config.json)", CHOICE)
    try:
        options: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
        extractor = cast("Any", AutoFeatureExtractor).from_pretrained(base.folder, **options)
        config = AutoConfig.from_pretrained(base.folder, **options).to_dict()
    except Exception as error:
        raise explain(error, base) from error
    if not isinstance(extractor, SequenceFeatureExtractor):
        raise InputError(f"{base.name}: takes no sound", CHOICE)
    return _ear(base, extractor, config, seconds)


def _ear(base: Base, extractor: Any, config: dict[str, Any], seconds: float) -> Ear:
    kind = config.get("model_type")
    if kind == "whisper":
        return Window.within(extractor, config, seconds)
    if kind == "audio-spectrogram-transformer":
        return Patches(extractor, config, min(seconds, config["max_length"] * Patches.HOP))
    if "conv_stride" in config and extractor.model_input_names[0] == "input_values":
        return Samples(extractor, config, seconds)
    what = f"{base.name}: models of type {kind} take sound in a way that ftkit does not know"
    raise InputError(what, CHOICE)


def _filled(wave: np.ndarray, least: int) -> np.ndarray:
    return np.pad(wave, (0, max(0, least - len(wave))))


def _mask(waves: list[np.ndarray], step: int, positions: int) -> np.ndarray:
    """(rows, positions) of 0 and 1: those that sound reaches, at one position for every `step` samples."""
    reached = np.array([max(1, -(-len(wave) // step)) for wave in waves])
    return (np.arange(positions) < reached[:, None]).astype(np.int64)
