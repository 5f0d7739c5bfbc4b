"""Methods: which weights move, and how. One file each; this module holds their common base."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from ftkit.registry import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from torch import nn

Layers = str | list[int]


def checked_layers(value: Layers) -> Layers:
    """`all`, `last N`, or a list of block numbers; anything else is a ValueError that says so."""
    if isinstance(value, str) and value != "all" and not re.fullmatch(r"last [1-9]\d*", value):
        raise ValueError("expected all, last N (such as last 2), or a list of block numbers")
    if value == []:
        raise ValueError("no block is named")
    return value


class Method(Entry):
    """Which weights of the base move, how they are saved, and how they come back.

    The linear head on top always trains and is no method's business.
    """

    default_lr: ClassVar[float] = 1e-3
    """peak learning rate when `train.lr` is auto, measured on small text sets with a solved head"""
    default_epochs: ClassVar[int] = 6
    """passes when `train.epochs` is auto"""

    peft: ClassVar[bool] = False
    """whether what it saves is a PEFT folder"""

    @property
    def label(self) -> str:
        """A few words that tell it from other methods of one search."""
        return self.name

    @property
    def own_lr(self) -> float:
        """`default_lr`, or what its fields make better."""
        return self.default_lr

    @property
    def own_epochs(self) -> int:
        """`default_epochs`, or what its fields make better."""
        return self.default_epochs

    @property
    def factor_scale(self) -> float:
        """By what the product of low-rank factors is multiplied before it is added to a weight."""
        return 1.0

    def rungs(self, rows: int | None = None) -> Sequence[Method]:
        """The methods that a search chooses from, cheapest first; itself alone where there is nothing to choose.

        With `rows` to train on, those that are worth trying on so many.
        """
        return (self,)

    def loading_lines(self, folder: str) -> list[str]:
        """Python that brings back what `save` wrote onto `model`, without ftkit; `folder` is an expression."""
        if self.peft:
            return [f"model = PeftModel.from_pretrained(model, {folder})"]
        raise TypeError(f"{type(self).__name__} has no loading_lines")

    def apply(self, backbone: nn.Module) -> nn.Module:
        """Attach what trains and set `requires_grad`; returns the module to call from now on."""
        raise TypeError(f"{type(self).__name__} has no apply")

    def fresh(self, name: str, parameter: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Where a trainable weight starts, for one more member; a copy unless the method draws it."""
        return parameter.detach().clone()

    def save(self, backbone: nn.Module, folder: Path) -> None:
        """Write what moved (safetensors), so that `restore` gives equal outputs."""
        raise TypeError(f"{type(self).__name__} has no save")

    def restore(self, backbone: nn.Module, folder: Path) -> nn.Module:
        """Put what `save` wrote onto an untouched base; returns the module to call from now on."""
        raise TypeError(f"{type(self).__name__} has no restore")
