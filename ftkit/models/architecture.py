"""What a backbone is made of, found by structure instead of by class name."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ftkit.errors import FtkitError


@dataclass(frozen=True)
class Blocks:
    """The stack of blocks: the dotted `name` of their list, and the `modules` in order."""

    name: str
    modules: tuple[nn.Module, ...]


def blocks(backbone: nn.Module) -> Blocks:
    """The longest list of blocks of one class.

    Raises FtkitError for a backbone without any.
    """
    best = Blocks("", ())
    for name, module in backbone.named_modules():
        if not isinstance(module, nn.ModuleList) or len({type(child) for child in module}) != 1:
            continue
        if len(module) > len(best.modules):
            best = Blocks(name, tuple(module))
    if not best.modules:
        raise FtkitError(f"{type(backbone).__name__} has no list of equal blocks", "--method head, or full")
    return best


def linears(backbone: nn.Module) -> list[str]:
    """Dotted names of the linear modules (also the transposed ones of GPT-2)."""
    from transformers.pytorch_utils import Conv1D

    return [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear | Conv1D)]


def frozen_depth(backbone: nn.Module) -> int:
    """How many blocks, from the bottom, have nothing to train in or below them.

    All of them when nothing trains; 0 when something below the first block does (embeddings), or
    when there are no blocks.
    """
    try:
        stack = blocks(backbone)
    except FtkitError:
        return 0
    for name, parameter in backbone.named_parameters():  # in order of registration: embeddings come first
        place = name.find(f"{stack.name}.")
        if not parameter.requires_grad:
            continue
        if place < 0 and not _after(backbone, name, stack.name):
            return 0
        if place >= 0:
            return int(name[place + len(stack.name) + 1 :].split(".")[0])
    return len(stack.modules)


def _after(backbone: nn.Module, name: str, stack: str) -> bool:
    names = [known for known, _ in backbone.named_parameters()]
    first = next(i for i, known in enumerate(names) if f"{stack}." in known)
    return names.index(name) > first
