"""What a recipe would train, seen on the shape of the base: no weights are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ftkit.bases import explain
from ftkit.errors import FtkitError
from ftkit.models.architecture import blocks

if TYPE_CHECKING:
    from torch import nn

    from ftkit.bases import Base
    from ftkit.methods import Method
    from ftkit.recipe import Recipe


def trains(recipe: Recipe, base: Base) -> list[dict[str, Any]]:
    """For each method of the recipe: weights of the base that move, out of how many, and the blocks that hold them.

    Raises InputError for a base or a method that does not fit.
    """
    return [_of(method, _empty(base)) for method in recipe.method.rungs()]


def _empty(base: Base) -> nn.Module:
    """The backbone without storage; of an encoder-decoder, the encoder."""
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=False, local_files_only=True)
        with torch.device("meta"):
            model = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    except Exception as error:
        raise explain(error, base) from error
    encoder: nn.Module = model.get_encoder() if getattr(config, "is_encoder_decoder", False) else model
    return encoder


def _of(method: Method, backbone: nn.Module) -> dict[str, Any]:
    backbone.requires_grad_(False)
    total = sum(p.numel() for p in backbone.parameters())
    with torch.device("meta"):
        changed = method.apply(backbone)
    moved = {id(p): p.numel() for p in changed.parameters() if p.requires_grad}
    try:
        stack = blocks(changed).modules
    except FtkitError:
        stack = ()
    places = {id(p): number for number, block in enumerate(stack) for p in block.parameters()}
    return {
        "method": method.label,
        "weights": sum(moved.values()),
        "of": total,
        "blocks": sorted({places[key] for key in moved if key in places}),
        "of_blocks": len(stack),
        "elsewhere": any(key not in places for key in moved),
    }
