"""One label, or several, for a picture."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from ftkit.data.decoded import Decoded
from ftkit.data.items import FileItem
from ftkit.errors import InputError
from ftkit.tasks import Snippet, _pictures
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._files import FileTask, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold

SAME = 1e-5  # largest difference from the plain processor, relative to its largest value
GRID = 16  # pixels a side that the raw baseline compares
PROCESSOR = ("preprocessor_config.json", "processor_config.json")
GEOMETRY = ("do_resize", "do_center_crop", "do_pad", "do_convert_rgb", "do_flip_channel_order")
"""what a processor has done to a picture that is kept"""
VALUES = ("do_rescale", "do_normalize", "include_top")
"""what is done to a batch of them"""
MAPS = "hidden = hidden.flatten(2).transpose(1, 2) if hidden.ndim == 4 else hidden  # maps of a convolutional net"
SMALL = {
    "model_type": "convnext",  # without BatchNorm, whose statistics few rows do not give
    "num_stages": 3,
    "hidden_sizes": [24, 48, 96],
    "depths": [1, 1, 1],
}
FLIP, CROP, COLOUR = "flip", "crop", "colour"


@final
class ImageClassification(FileTask):
    """Pictures in, label probabilities out, through a transformer or a convolutional net of `AutoModel`."""

    default_base: ClassVar[str] = ""
    suggested_base: ClassVar[str] = "google/vit-base-patch16-224-in21k"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".png", ".webp")
    noun: ClassVar[str] = "picture"
    augmentations: ClassVar[tuple[str, ...]] = (FLIP, CROP, COLOUR)

    # ---- model ----

    def processor(self, base: Base) -> Any:
        """The base's image processor, on Pillow."""
        _pictures.require_pillow()
        from transformers import AutoImageProcessor

        from ftkit.bases import explain

        if not any((base.folder / name).is_file() for name in PROCESSOR):
            message = f"{base.name}: has no image processor ({PROCESSOR[0]})"
            raise InputError(message, f"choose a base for pictures, such as --base {self.suggested_base}")
        try:
            processor = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                base.folder, backend="pil", trust_remote_code=False, local_files_only=True
            )
            self._refuse(processor, base)
        except InputError:
            raise
        except Exception as error:
            raise explain(error, base) from error
        return processor

    def _refuse(self, processor: Any, base: Base) -> None:
        """Raises InputError for a processor whose pictures cannot be kept, and put together to batches, as here."""
        pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        kept = _placed(processor, pixels)
        if kept.shape != _placed(processor, pixels.transpose(1, 0, 2)).shape:
            message = f"{base.name}: its image processor leaves pictures of different shapes"
            raise InputError(message, "add a crop_size and do_center_crop to its preprocessor_config.json")
        plain = processor(images=pixels, input_data_format="channels_last", return_tensors="np")["pixel_values"]
        again = self.collate([{"pixel_values": kept}], processor)["pixel_values"].numpy()
        if again.shape != np.shape(plain) or np.abs(again - plain).max() > SAME * max(1.0, np.abs(plain).max()):
            message = f"{base.name}: its image processor ({type(processor).__name__}) does more than is known here"
            raise InputError(message, f"choose another base, such as --base {self.suggested_base}")

    def load(self, base: Base) -> torch.nn.Module:
        """The bare backbone in fp32 and eval mode; of a model of pictures and texts, its half for pictures."""
        backbone = backbone_of(base)
        half = getattr(backbone, "vision_model", None)
        return half if half is not None else backbone

    def reader(self, processor: Any) -> Reader:
        """Resized and cropped as the processor says, and kept as 8 bits a colour."""
        import PIL
        import transformers

        settings = json.dumps([processor.to_dict(), PIL.__version__, transformers.__version__], sort_keys=True)
        return Reader(
            settings=f"pictures {settings}",
            name="pixel_values",
            decode=lambda raw: _placed(processor, _pictures.rgb(raw)),
            remark=_pictures.remark,
        )

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        """`pixel_values`, (rows, 3, height, width) float32, as the processor scales them."""
        import torch

        done = {key: False for key in GEOMETRY if hasattr(processor, key)}
        pictures = [row["pixel_values"] for row in rows]
        batch = processor(images=pictures, input_data_format="channels_last", return_tensors="np", **done)
        return {"pixel_values": torch.from_numpy(np.asarray(batch["pixel_values"], dtype=np.float32))}

    def outline(self, lengths: np.ndarray, processor: Any) -> dict[str, torch.Tensor]:
        """The same of nothing but its shape."""
        import torch

        height, width, colours = _shape(processor)
        return {"pixel_values": torch.zeros(()).expand(len(lengths), colours, height, width)}

    def poolings(self, backbone: torch.nn.Module) -> tuple[str, ...]:
        """The mean over patches or maps; where the base has a token for the whole picture, that one or the mean."""
        marks = ("cls_token", "class_embedding")
        marked = any(mark in name for name, _ in backbone.named_parameters() for mark in marks)
        return ("first", "mean") if marked else ("mean",)

    def augment(
        self, batch: dict[str, torch.Tensor], names: tuple[str, ...], generator: torch.Generator
    ) -> dict[str, torch.Tensor]:
        """Each picture changed in its own way: mirrored, a part of it enlarged, its light and colours shifted."""
        from ftkit.tasks import _augmenting

        changes = {FLIP: _augmenting.flipped, CROP: _augmenting.cropped, COLOUR: _augmenting.coloured}
        pixels = batch["pixel_values"]
        for name in (one for one in self.augmentations if one in names):
            pixels = changes[name](pixels, generator)
        return batch | {"pixel_values": pixels}

    # ---- baselines and pages ----

    def scratch(self, inputs: list[tuple[str, ...]], processor: Any) -> dict[str, Any]:
        """A small convolutional net, which sees a picture of any size as some 16 x 16 patches."""
        return SMALL | {"patch_size": max(4, _shape(processor)[0] // 16)}

    def raw(self, rows: Sequence[dict[str, np.ndarray]], processor: Any) -> np.ndarray:
        """The pictures themselves, very small."""
        assert isinstance(rows, Decoded)
        return rows.digested("raw", lambda array: _pictures.shrunk(array, GRID)).astype(np.float32)

    def show(
        self, input: tuple[str, ...], row: dict[str, np.ndarray], processor: Any, answer: tuple[Gold, Gold]
    ) -> str:
        """A thumbnail."""
        (item,) = input
        assert isinstance(item, FileItem)
        try:
            return _pictures.thumbnail(item.content(), item)
        except OSError:
            return ""

    def snippet(self, processor: Any) -> Snippet:
        """Files through Pillow and the image processor."""
        return Snippet(
            imports=(
                "import numpy as np",
                "from PIL import Image, ImageOps",
                "from transformers import AutoImageProcessor",
            ),
            setup=(
                'processor = AutoImageProcessor.from_pretrained(BASE, backend="pil")',
                "",
                "",
                "def picture(path):",
                '    """RGB, upright, on white where it is transparent."""',
                "    image = ImageOps.exif_transpose(Image.open(path))",
                '    if image.mode.startswith("I"):  # grey of 16 bits',
                '        image = Image.fromarray((np.asarray(image) / 257).round().clip(0, 255).astype("uint8"))',
                "    if image.has_transparency_data:",
                '        image = image.convert("RGBA")',
                '        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)',
                '    return np.asarray(image.convert("RGB"))',
                "",
                "",
            ),
            arguments="paths",
            rows="pictures",
            batch=(
                "pictures = [picture(path) for path in paths]",
                'batch = processor(images=pictures, input_data_format="channels_last", return_tensors="pt")',
            ),
            example='["picture.jpg"]',
            model=('model = getattr(model, "vision_model", model)  # of a model of pictures and texts, one half',),
            merged=True,  # a MobileNet asks its convolutions for what peft's wrappers do not know
            masked=False,
            states=MAPS,
        )

    @classmethod
    def toy(cls, folder: Path) -> dict[str, Any]:
        """Twenty-four pictures of discs and bars, and a ViT of two blocks."""
        import torch
        from PIL import Image
        from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

        rng = np.random.default_rng(0)
        down, across = np.mgrid[:20, :20]
        for label in ("bar", "disc"):
            (folder / "toy" / label).mkdir(parents=True)
            for number in range(12):
                x, y, grey = rng.integers(7, 13), rng.integers(7, 13), rng.integers(150, 256)
                disc, bar = np.hypot(down - y, across - x) < 6, abs(across - x) < 3
                inside = disc if label == "disc" else bar
                pixels = rng.integers(0, 60, (20, 20, 3)) + inside[..., None] * (grey - 60)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / "toy" / label / f"{number:02}.png")
        torch.manual_seed(0)
        config = ViTConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            image_size=16,
            patch_size=4,
        )
        ViTModel(config).save_pretrained(folder / "base")
        ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder / "base")
        return {
            "base": str(folder / "base"),
            "task": {"name": "image_classification", "file": "file", "label": "label"},
            "data": {"train": str(folder / "toy"), "folds": 2},
        }


def _placed(processor: Any, pixels: np.ndarray) -> np.ndarray:
    """(height, width, 3) uint8 → the same, resized and cropped as the base takes it."""
    later = {key: False for key in VALUES if hasattr(processor, key)}
    batch = processor(images=pixels, input_data_format="channels_last", return_tensors="np", **later)
    placed = np.asarray(batch["pixel_values"])[0]
    return np.ascontiguousarray(placed.transpose(1, 2, 0).round().clip(0, 255).astype(np.uint8))


@lru_cache(maxsize=4)
def _shape(processor: Any) -> tuple[int, ...]:
    """(height, width, 3) of every picture."""
    return _placed(processor, np.zeros((40, 60, 3), np.uint8)).shape
