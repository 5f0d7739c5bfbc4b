"""What stands between windows and models of series: number of samples, scale, and the name of the model's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.data.windows import Window, stretched
from ftkit.errors import InputError

if TYPE_CHECKING:
    import torch

    from ftkit.bases import Base

KEY = "series"
"""where `config.json` holds what windows are scaled by: it travels with the weights, to every run on top of them"""
CHANNELS = {
    "patchtst": ("num_input_channels", "context_length"),
    "patchtsmixer": ("num_input_channels", "context_length"),
    "speech_to_text": ("input_feat_per_channel", "max_source_positions"),
    "vit": ("num_channels", "image_size"),
}
"""type of model -> keys of its config for the number of channels and of samples"""


@dataclass(frozen=True)
class Scaling:
    """How a model is shown windows."""

    points: int
    """samples of every window: those with more or fewer are interpolated linearly"""
    channels: int
    """0: as many as there are"""
    normalise: str
    """channel: (value - offset) / scale of each channel; window: each window less its channels' means, over the
    standard deviation of what is left of all channels together; none: as it is, for models that scale on their own"""
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(time, channels) → (points, channels) float32."""
        window = stretched(values, self.points)
        if self.normalise == "channel":
            offset, scale = (np.array(one, dtype=np.float32) for one in (self.offset, self.scale))
            return np.asarray((window - offset) / scale, dtype=np.float32)
        if self.normalise == "window":
            centred = window - window.mean(axis=0, dtype=np.float64)
            spread = float(np.sqrt((centred**2).mean()))
            return np.asarray(centred / (spread if spread > 1e-9 else 1.0), dtype=np.float32)
        return window


@dataclass(frozen=True)
class Processor:
    """A base's scaling, and the kind of model that it is."""

    scaling: Scaling
    kind: str
    patch: float = 1.0
    """samples that make one position; less than their stride where each channel has patches of its own"""

    @property
    def positions(self) -> int:
        """Positions of a window as the model's blocks see it."""
        return max(1, int(self.scaling.points / self.patch))

    @classmethod
    def of(cls, base: Base) -> Processor:
        """Raises InputError for a base that is no model of series."""
        config = base.config()
        kind = str(config.get("model_type"))
        if kind not in CHANNELS:
            known = ", ".join(sorted(CHANNELS))
            raise InputError(f"{base.name}: a {kind} is no model of series", f"give one of {known} with --base")
        patch = _patch(kind, config)
        if KEY in config:
            own = config[KEY] | {name: tuple(config[KEY][name]) for name in ("offset", "scale")}
            return cls(Scaling(**own), kind, patch)
        points = config[CHANNELS[kind][1]]
        free = kind == "patchtst" and config.get("share_embedding", True) and not config.get("channel_attention")
        return cls(Scaling(points, 0 if free else config[CHANNELS[kind][0]], "none"), kind, patch)

    def batch(self, windows: np.ndarray) -> dict[str, torch.Tensor]:
        """(rows, time, channels) float32 as the model's forward names and shapes it."""
        import torch

        block = torch.from_numpy(windows)
        if self.kind == "vit":
            return {"pixel_values": block.transpose(1, 2)[:, :, None]}  # an image of height 1
        if self.kind == "speech_to_text":
            mask = torch.ones(windows.shape[:2], dtype=torch.long)
            return {"input_features": block, "attention_mask": mask}
        return {"past_values": block}

    def snippet(self) -> list[str]:
        """Lines of Python that define `prepared(windows)`."""
        scaling = self.scaling
        kept = {
            "channel": [
                f"        offset, scale = np.array({list(scaling.offset)}), np.array({list(scaling.scale)})",
                "        window = (window - offset) / scale",
            ],
            "window": [
                "        window = window - window.mean(axis=0)",
                "        window = window / (np.sqrt((window**2).mean()) or 1.0)",
            ],
        }
        turned = {
            "vit": '{"pixel_values": block.transpose(1, 2)[:, :, None]}',
            "speech_to_text": '{"input_features": block, "attention_mask": torch.ones(block.shape[:2]).long()}',
        }
        return [
            "def prepared(windows):",
            '    """The model\'s inputs from arrays (time, channels) of evenly spaced samples."""',
            "    rows = []",
            "    for window in windows:",
            "        window = np.asarray(window, dtype=np.float64)",
            f"        have, asked = np.linspace(0, 1, len(window)), np.linspace(0, 1, {scaling.points})",
            "        window = np.stack([np.interp(asked, have, channel) for channel in window.T], axis=1)",
            *kept.get(scaling.normalise, []),
            "        rows.append(window)",
            "    block = torch.tensor(np.array(rows), dtype=torch.float32)",
            f"    return {turned.get(self.kind, '{' + repr('past_values') + ': block}')}",
        ]


def _patch(kind: str, config: dict[str, Any]) -> float:
    """Samples that make one position of a model, by its config; 1 where that does not tell."""
    if kind == "vit":
        size = config.get("patch_size", 16)
        return float(size if isinstance(size, int) else size[-1])
    if kind == "speech_to_text":
        return float(2 ** config.get("num_conv_layers", 2))  # each halves them
    return float(config.get("patch_stride", 1) / max(1, config.get("num_input_channels", 1)))


def scaling_for(windows: Sequence[Window], normalise: str, points: int) -> Scaling:
    """Offset and scale of each channel, both rounded to powers of two.

    So they choose a unit of measure and tell nothing of single rows: what is held out later may be among them.
    """
    channels = windows[0].values.shape[1]
    if normalise != "channel":
        return Scaling(points, channels, normalise)
    values = np.concatenate([one.values for one in windows]).astype(np.float64)
    spread = np.maximum(values.std(axis=0), 1e-9)
    scale = 2.0 ** np.round(np.log2(spread))
    offset = np.round(values.mean(axis=0) / scale) * scale
    return Scaling(points, channels, normalise, tuple(offset.tolist()), tuple(scale.tolist()))


def shaped(config: dict[str, Any], scaling: Scaling) -> dict[str, Any]:
    """A config for random weights with the number of channels and samples of the data, where it leaves them open."""
    kind = str(config.get("model_type"))
    if kind not in CHANNELS:
        known = ", ".join(sorted(CHANNELS))
        raise InputError(f"base.config: a {kind} is no model of series", f"model_type: one of {known}")
    channels, points = CHANNELS[kind]
    sizes = {channels: scaling.channels, points: (1, scaling.points) if kind == "vit" else scaling.points}
    if kind == "speech_to_text":
        sizes |= {"input_channels": 1}
    return sizes | config | {KEY: config.get(KEY) or asdict(scaling)}


def augmented(
    windows: torch.Tensor, names: tuple[str, ...], generator: torch.Generator, time: int, channel: int
) -> torch.Tensor:
    """A batch with random changes; `time` and `channel` are its dimensions.

    noise: normal, a tenth of a window's own spread; scale: each channel by a factor of about 1 ± 0.1; shift: up to a
    tenth of the window forwards or backwards, the ends held; mask: a stretch of up to a fifth becomes its mean.
    """
    import torch

    rows, points = windows.shape[0], windows.shape[time]
    one = [1] * windows.ndim
    one[0] = rows
    if "shift" in names:
        most = max(1, points // 10)
        moves = torch.randint(-most, most + 1, (rows,), generator=generator)
        places = (torch.arange(points) + moves[:, None]).clamp(0, points - 1)  # (rows, points)
        shape = [1] * windows.ndim
        shape[0], shape[time] = rows, points
        windows = windows.gather(time, places.view(shape).expand(windows.shape))
    if "scale" in names:
        shape = list(one)
        shape[channel] = windows.shape[channel]
        windows = windows * (1 + 0.1 * torch.randn(shape, generator=generator))
    if "noise" in names:
        spread = windows.std(dim=time, keepdim=True)
        windows = windows + 0.1 * spread * torch.randn(windows.shape, generator=generator)
    if "mask" in names:
        width = torch.randint(0, max(1, points // 5) + 1, (rows,), generator=generator)
        start = (torch.rand(rows, generator=generator) * (points - width)).long()
        shape = [1] * windows.ndim
        shape[time] = points
        line = torch.arange(points).view(shape)
        hidden = (line >= start.view(one)) & (line < (start + width).view(one))
        windows = torch.where(hidden, windows.mean(dim=time, keepdim=True), windows)
    return windows
