"""What a backbone is made of, found by structure instead of by class name."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ftkit.errors import FtkitError


@dataclass(frozen=True)
class Blocks:
    """The stack of blocks (of a net of stages, the stages): dotted `name` of their list, `modules` from the bottom."""

    name: str
    modules: tuple[nn.Module, ...]


def blocks(backbone: nn.Module) -> Blocks:
    """The list of modules that holds most of the weights; lists inside a block are the block's own affair.

    Raises FtkitError for a backbone without any list.
    """
    best, most = Blocks("", ()), 0
    passed: tuple[str, ...] = ()
    for name, module in backbone.named_modules():
        if not isinstance(module, nn.ModuleList) or name.startswith(passed):
            continue
        if any(isinstance(child, nn.ModuleList) for child in module):
            continue  # a list of lists runs nothing itself
        passed += (f"{name}.",)
        weights = sum(parameter.numel() for parameter in module.parameters())
        if weights > most:
            best, most = Blocks(name, tuple(module)), weights
    if not best.modules:
        raise FtkitError(f"{type(backbone).__name__} has no list of blocks", "--method head, or full")
    return best


def last_block(backbone: nn.Module) -> nn.Module | None:
    """The uppermost of its blocks; None where it has no list of them."""
    try:
        return blocks(backbone).modules[-1]
    except FtkitError:
        return None


def linears(backbone: nn.Module) -> list[str]:
    """Dotted names of the linear modules (also the transposed ones of GPT-2)."""
    from transformers.pytorch_utils import Conv1D

    return [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear | Conv1D)]


def convolutions(backbone: nn.Module) -> list[str]:
    """Dotted names of the convolutions that mix channels.

    Depthwise and grouped ones are left out: they hold few weights, and a low-rank factor that mixes all channels
    is none of theirs.
    """
    kinds = nn.Conv1d | nn.Conv2d | nn.Conv3d
    return [name for name, one in backbone.named_modules() if isinstance(one, kinds) and one.groups == 1]


def frozen_depth(backbone: nn.Module) -> int:
    """How many blocks, from the bottom, have nothing to train in or below them.

    All of them when nothing trains, or only what comes after them (a final norm). 0 when something
    before the first block does (embeddings), or when there are no blocks. Outside the blocks, what
    is registered before them counts as before.
    """
    try:
        stack = blocks(backbone).modules
    except FtkitError:
        return 0
    places: dict[int, int] = {}
    for number, block in enumerate(stack):
        for parameter in block.parameters():
            places.setdefault(id(parameter), number)  # of a weight that blocks share, the lowest
    before = True
    for parameter in backbone.parameters():  # in order of registration
        place = places.get(id(parameter))
        before = before and place is None
        if parameter.requires_grad and (before or place is not None):
            return place or 0
    return len(stack)
