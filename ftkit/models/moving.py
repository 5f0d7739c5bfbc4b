"""What a method would train in a base: modules, blocks and weights, seen by attaching it."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from ftkit.errors import FtkitError
from ftkit.models.architecture import blocks
from ftkit.models.assembly import Loaded, unattached

if TYPE_CHECKING:
    from torch import nn

    from ftkit.methods import Method
    from ftkit.recipe import Recipe

ADAPTER = re.compile(r"\.(lora|ia3)_.*")


def moving(recipe: Recipe) -> list[dict[str, Any]]:
    """Of each method that the recipe may train with: its label, weights, blocks (from 1) and modules.

    The head on top always trains as well. Raises InputError where a base cannot be loaded, or a method does not fit.
    """
    base = unattached(recipe)
    return [_of(base, method) for method in recipe.method.rungs()]


def _of(base: Loaded, method: Method) -> dict[str, Any]:
    name, count = _stack(base.backbone)
    model = method.apply(copy.deepcopy(base.backbone).requires_grad_(False))
    trained = {weight: p for weight, p in model.named_parameters() if p.requires_grad}
    modules, places, outside = set[str](), set[int](), False
    for weight in trained:
        module = _module(weight)
        number, _, inner = module.removeprefix(f"{name}.").partition(".")
        inside = module.startswith(f"{name}.") and number.isdigit()
        modules.add(inner if inside else module)
        places |= {int(number) + 1} if inside else set()
        outside = outside or not inside
    return {
        "method": method.label,
        "weights": sum(p.numel() for p in trained.values()),
        "of": sum(p.numel() for p in base.backbone.parameters()),
        "modules": sorted(modules),
        "blocks": sorted(places),
        "all_blocks": count,
        "outside": outside,
    }


def _module(weight: str) -> str:
    """Name of the module in the base that a trained weight is of, or beside."""
    plain = weight.removeprefix("base_model.model.")
    return ADAPTER.sub("", plain) if ADAPTER.search(plain) else plain.rpartition(".")[0]


def _stack(backbone: nn.Module) -> tuple[str, int]:
    """Name and length of the list of blocks; nothing where there is none."""
    try:
        found = blocks(backbone)
    except FtkitError:
        return "", 0
    return found.name, len(found.modules)
