"""Low-rank adapters beside frozen weights (LoRA)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field, field_validator

from ftkit.methods import Layers, Method, checked_layers

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import nn


@final
class Lora(Method):
    """W stays; W + (alpha / rank) · B A is used. B starts at zero, so step 0 is the untouched base.

    Hu et al. 2021, arXiv:2106.09685; rank-stabilised scaling: Kalajdzievski 2023, arXiv:2312.03732.
    """

    rank: int = Field(8, gt=0)
    """width of the low-rank factors"""
    alpha: float = Field(16.0, gt=0)
    """scale of the update, divided by the rank"""
    dropout: float = Field(0.0, ge=0, lt=1)
    """on the adapter's input"""
    target_modules: list[str] = []
    """last parts of module names; empty: by structure, query and value projections, else linear, else convolutions"""
    layers: Layers = "last 2"
    """all, last N, or a list of block numbers from 0"""
    rslora: bool = False
    """divide alpha by the root of the rank instead"""

    peft: ClassVar[bool] = True
    default_lr: ClassVar[float] = 2e-3
    deep_lr: ClassVar[float] = 5e-4
    """where all blocks move: at a larger one validation scores jump from pass to pass, and few rows choose badly"""
    deep_epochs: ClassVar[int] = 10

    _layers = field_validator("layers")(checked_layers)

    @property
    def label(self) -> str:
        """Its name and its blocks."""
        return f"lora, {self.layers} block{'s' * (self.layers != 'last 1')}"

    @property
    def own_lr(self) -> float:
        """Smaller where all blocks move."""
        return self.deep_lr if self.layers == "all" else self.default_lr

    @property
    def own_epochs(self) -> int:
        """More where all blocks move, at their smaller rate."""
        return self.deep_epochs if self.layers == "all" else self.default_epochs

    @property
    def factor_scale(self) -> float:
        """Alpha by the rank, or by its root."""
        return float(self.alpha / (self.rank**0.5 if self.rslora else self.rank))

    def apply(self, backbone: nn.Module) -> nn.Module:
        """Attach the factors; only they train."""
        from peft import LoraConfig

        from ftkit.methods import _peft

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]  # a float works; the annotation says int
            lora_dropout=self.dropout,
            target_modules=_peft.targets(backbone, self.layers, self.target_modules),
            use_rslora=self.rslora,
        )
        return _peft.attach(backbone, config)

    def fresh(self, name: str, parameter: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """New values of a factor: uniform for A as in PEFT, zero for B."""
        import torch

        if "lora_B" in name:
            return torch.zeros_like(parameter)
        bound = parameter[0].numel() ** -0.5  # Kaiming uniform with a = √5, over the inputs (of a kernel, all)
        return torch.empty_like(parameter).uniform_(-bound, bound, generator=generator)

    def save(self, backbone: nn.Module, folder: Path) -> None:
        """A plain PEFT folder."""
        from ftkit.methods import _peft

        _peft.save(backbone, folder)

    def restore(self, backbone: nn.Module, folder: Path) -> nn.Module:
        """The base with the saved factors."""
        from ftkit.methods import _peft

        return _peft.restore(backbone, folder)
