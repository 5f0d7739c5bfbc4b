"""The linear head alone, solved exactly on frozen features (linear probe)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from ftkit.methods import Method

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


@final
class Head(Method):
    """Nothing in the base moves. The head is a convex problem, so it is solved and not trained."""

    default_epochs: ClassVar[int] = 0

    def apply(self, backbone: nn.Module) -> nn.Module:
        """Freeze everything."""
        return backbone.requires_grad_(False)

    def loading_lines(self, folder: str) -> list[str]:
        """None: the base as it is."""
        return []

    def save(self, backbone: nn.Module, folder: Path) -> None:
        """Nothing: the head is saved beside it."""

    def restore(self, backbone: nn.Module, folder: Path) -> nn.Module:
        """The base as it is."""
        return backbone
