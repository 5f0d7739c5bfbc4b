"""Learned scales on keys, values and feed-forward activations (IA³)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import field_validator

from ftkit.methods import Layers, Method, checked_layers

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import nn


@final
class Ia3(Method):
    """A vector of scales for each adapted module, starting at one: the fewest weights of all methods.

    Liu et al. 2022, arXiv:2205.05638.
    """

    target_modules: list[str] = []
    """last parts of module names; empty: keys, values and the second feed-forward module"""
    layers: Layers = "all"
    """all, last N, or a list of block numbers from 0"""

    peft: ClassVar[bool] = True
    default_lr: ClassVar[float] = 1e-2

    _layers = field_validator("layers")(checked_layers)

    def apply(self, backbone: nn.Module) -> nn.Module:
        """Attach the scales; only they train."""
        from peft import IA3Config

        from ftkit.methods import _peft

        names = _peft.scaled(backbone, self.layers, self.target_modules)
        feedforward = [name for name in names if _peft.is_feedforward(backbone, name)]
        return _peft.attach(backbone, IA3Config(target_modules=names, feedforward_modules=feedforward))

    def fresh(self, name: str, parameter: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Ones: the untouched base."""
        import torch

        return torch.ones_like(parameter)

    def save(self, backbone: nn.Module, folder: Path) -> None:
        """A plain PEFT folder."""
        from ftkit.methods import _peft

        _peft.save(backbone, folder)

    def restore(self, backbone: nn.Module, folder: Path) -> nn.Module:
        """The base with the saved scales."""
        from ftkit.methods import _peft

        return _peft.restore(backbone, folder)
