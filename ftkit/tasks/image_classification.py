"""One label, or several, for a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from ftkit.data.decoded import Decoded
from ftkit.data.items import FileItem
from ftkit.tasks import _pictures, _seeing
from ftkit.tasks._backbone import backbone_of
from ftkit.tasks._files import FileTask, Reader
from ftkit.tasks._snippet import Snippet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ftkit.bases import Base
    from ftkit.data.table import Gold

GRID = 16  # pixels a side that the raw baseline compares
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
        return _seeing.processor_of(base, self.suggested_base)

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
            decode=lambda file: _seeing.placed(processor, _pictures.rgb(file.read())),
            remark=lambda file: _pictures.remark(file.read()),
        )

    def collate(self, rows: list[dict[str, np.ndarray]], processor: Any) -> dict[str, torch.Tensor]:
        """`pixel_values`, (rows, 3, height, width) float32, as the processor scales them."""
        return {"pixel_values": _seeing.scaled(processor, [row["pixel_values"] for row in rows])}

    def outline(self, lengths: np.ndarray, processor: Any) -> dict[str, torch.Tensor]:
        """The same of nothing but its shape."""
        import torch

        height, width, colours = _seeing.shape(processor)
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
        return SMALL | {"patch_size": max(4, _seeing.shape(processor)[0] // 16)}

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
            with item.open() as file:
                return _pictures.thumbnail(file.read(), item)
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
