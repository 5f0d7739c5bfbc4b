"""`base: {config: …}`: a model with random weights, trained from scratch."""

from __future__ import annotations

from typing import Any

from ftkit.recipe.blocks import Block


class Random(Block):
    """Start from random weights, drawn with the recipe's seed."""

    config: str | dict[str, Any]
    """folder with a config.json (and tokenizer or processor files, where the task needs them), or its keys: model_type
    and whatever shall differ from that type's defaults"""

    @property
    def kind(self) -> str:
        """How messages call it."""
        name = self.config if isinstance(self.config, str) else self.config.get("model_type", "model")
        return f"random weights ({name})"
