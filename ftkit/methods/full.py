"""Every weight of the base trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast, final

from ftkit.methods import Method

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


@final
class Full(Method):
    """Ordinary fine-tuning. On few rows it collapses for some seeds: look at the spread."""

    default_lr: ClassVar[float] = 1e-4

    def apply(self, backbone: nn.Module) -> nn.Module:
        """Unfreeze everything."""
        return backbone.requires_grad_(True)

    def loading_lines(self, folder: str) -> list[str]:
        """All tensors over the base's own."""
        return [f'model.load_state_dict(load_file({folder} / "model.safetensors"), strict=False)']

    def save(self, backbone: nn.Module, folder: Path) -> None:
        """A model folder that `AutoModel.from_pretrained` loads, its tensors named as they are in the backbone.

        Older names, which transformers writes for some models (ViT), would only load through `from_pretrained`.
        """
        cast("Any", backbone).save_pretrained(folder, save_original_format=False)

    def restore(self, backbone: nn.Module, folder: Path) -> nn.Module:
        """The base with every saved tensor in place."""
        from safetensors.torch import load_model

        missing, unexpected = load_model(backbone, folder / "model.safetensors", strict=False)
        if missing or unexpected:
            raise ValueError(f"its tensors do not fit the base: {sorted({*missing, *unexpected})[:3]}")
        return backbone
