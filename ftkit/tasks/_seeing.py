"""How a base sees: its image processor, taken apart into what is done to a picture once and to each batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ftkit.errors import InputError
from ftkit.tasks import _pictures

if TYPE_CHECKING:
    import torch

    from ftkit.bases import Base

SAME = 1e-5  # largest difference from the plain processor, relative to its largest value
PROCESSOR = ("preprocessor_config.json", "processor_config.json")
GEOMETRY = ("do_resize", "do_center_crop", "do_pad", "do_convert_rgb", "do_flip_channel_order")
"""what a processor has done to a picture that is kept"""
VALUES = ("do_rescale", "do_normalize", "include_top")
"""what is done to a batch of them"""


def processor_of(base: Base, suggested: str, noun: str = "picture") -> Any:
    """The base's image processor, on Pillow.

    Raises InputError for a base without one, and for one whose pictures cannot be kept as they are here.
    """
    _pictures.require_pillow()
    from transformers import AutoImageProcessor

    from ftkit.bases import explain

    if not any((base.folder / name).is_file() for name in PROCESSOR):
        message = f"{base.name}: has no image processor ({PROCESSOR[0]})"
        raise InputError(message, f"choose a base for {noun}s, such as --base {suggested}")
    try:
        processor = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            base.folder, backend="pil", trust_remote_code=False, local_files_only=True
        )
        _refuse(processor, base, suggested)
    except InputError:
        raise
    except Exception as error:
        raise explain(error, base) from error
    return processor


def placed(processor: Any, pixels: np.ndarray) -> np.ndarray:
    """(height, width, 3) uint8 → the same, resized and cropped as the base takes it."""
    later = {key: False for key in VALUES if hasattr(processor, key)}
    batch = processor(images=pixels, input_data_format="channels_last", return_tensors="np", **later)
    (kept,) = _one_by_one(batch)
    return np.ascontiguousarray(kept.transpose(1, 2, 0).round().clip(0, 255).astype(np.uint8))


def scaled(processor: Any, pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """Kept pictures as a batch, (pictures, 3, height, width) float32, as the processor scales them."""
    import torch

    done = {key: False for key in GEOMETRY if hasattr(processor, key)}
    batch = processor(images=list(pictures), input_data_format="channels_last", return_tensors="np", **done)
    return torch.from_numpy(np.asarray(_one_by_one(batch), dtype=np.float32))


@lru_cache(maxsize=4)
def shape(processor: Any) -> tuple[int, ...]:
    """(height, width, 3) of every picture."""
    return placed(processor, np.zeros((40, 60, 3), np.uint8)).shape


def _one_by_one(batch: Any) -> np.ndarray:
    """(pictures, 3, height, width); a processor of videos takes several pictures for the frames of one."""
    several = np.asarray(batch["pixel_values"])
    return several.reshape(-1, *several.shape[-3:])


def _refuse(processor: Any, base: Base, suggested: str) -> None:
    """Raises InputError for a processor whose pictures cannot be kept, and put together to batches, as here."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    kept = placed(processor, pixels)
    if kept.shape != placed(processor, pixels.transpose(1, 0, 2)).shape:
        message = f"{base.name}: its image processor leaves pictures of different shapes"
        raise InputError(message, "add a crop_size and do_center_crop to its preprocessor_config.json")
    plain = _one_by_one(processor(images=pixels, input_data_format="channels_last", return_tensors="np"))
    again = scaled(processor, [kept]).numpy()
    if again.shape != np.shape(plain) or np.abs(again - plain).max() > SAME * max(1.0, np.abs(plain).max()):
        message = f"{base.name}: its image processor ({type(processor).__name__}) does more than is known here"
        raise InputError(message, f"choose another base, such as --base {suggested}")
