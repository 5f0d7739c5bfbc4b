"""The last blocks of the base train; all below stay frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from ftkit.methods import Method

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


@final
class Freeze(Method):
    """Ordinary fine-tuning of the top of the base; what is below stays, and is run once a row."""

    last: int = Field(2, gt=0)
    """blocks that train, counted from the top"""

    default_lr: ClassVar[float] = 1e-4

    def apply(self, backbone: nn.Module) -> nn.Module:
        """Freeze all but the last blocks."""
        from ftkit.methods import _peft
        from ftkit.models.architecture import blocks

        backbone.requires_grad_(False)
        for number in _peft.chosen_layers(backbone, f"last {self.last}", "method.last"):
            blocks(backbone).modules[number].requires_grad_(True)
        return backbone

    def loading_lines(self, folder: str) -> list[str]:
        """The changed tensors over the base's own."""
        return [f'model.load_state_dict(load_file({folder} / "tensors.safetensors"), strict=False)']

    def save(self, backbone: nn.Module, folder: Path) -> None:
        """The tensors that moved, by their names in the backbone: `tensors.safetensors`."""
        from safetensors.torch import save_file

        moved = {name: p.detach().contiguous() for name, p in backbone.named_parameters() if p.requires_grad}
        save_file(moved, folder / "tensors.safetensors")

    def restore(self, backbone: nn.Module, folder: Path) -> nn.Module:
        """The base with the saved tensors in place."""
        from safetensors.torch import load_file

        unexpected = backbone.load_state_dict(load_file(folder / "tensors.safetensors"), strict=False).unexpected_keys
        if unexpected:
            raise ValueError(f"{folder}: tensors that the base lacks: {unexpected[:3]}")
        return backbone
