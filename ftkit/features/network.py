"""The backbone as a function of its trainable weights, from the inputs or from a cached prefix.

Nothing below the lowest trained block changes while training, so its output for a row is computed
once (`extract`) and training starts there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from ftkit.models.architecture import blocks, frozen_depth

HIDDEN = ("hidden_states", "hidden_state", "inputs")  # names by which models hand blocks their input


@dataclass(frozen=True)
class Batch:
    """Padded inputs, and the hidden states that enter the first trained block where they are known."""

    inputs: dict[str, torch.Tensor]
    prefix: torch.Tensor | None = None
    """(rows, positions, width)"""

    @property
    def mask(self) -> torch.Tensor | None:
        """(rows, positions) of 0 and 1."""
        return self.inputs.get("attention_mask")

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        inputs = {key: value.to(device) for key, value in self.inputs.items()}
        return Batch(inputs, None if self.prefix is None else self.prefix.to(device))


class Network:
    """A backbone whose trainable weights are handed in with each call, so that many members share it."""

    def __init__(self, backbone: nn.Module, causal: bool = False) -> None:
        self.backbone = backbone
        self.causal = causal
        self.depth = frozen_depth(backbone)
        self.blocks = blocks(backbone).modules if self.depth else ()
        """the repeated blocks, bottom first; none where nothing below them is frozen"""
        self._accepts = set(inspect.signature(_bare(backbone).forward).parameters)
        self._outputs = 0  # length of the tuple that a block returns, 0 for a bare tensor

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    def trainable(self) -> dict[str, nn.Parameter]:
        """Backbone weights that train, by name."""
        return {name: p for name, p in self.backbone.named_parameters() if p.requires_grad}

    def __call__(self, batch: Batch, weights: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Last hidden states, (rows, positions, width), with `weights` in place of the backbone's own."""
        with self._resumed(batch.prefix):
            return self._run(batch.inputs, weights or {})

    def training(self, on: bool) -> None:
        """Dropout only in blocks that train: frozen ones, and every BatchNorm, stay in eval mode."""
        self.backbone.eval()
        if not on:
            return
        for module in [self.backbone] if self.depth == 0 else self.blocks[self.depth :]:
            module.train()
        for module in self.backbone.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()  # its running statistics are not saved with an adapter

    def capture(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor | None, torch.Tensor]:
        """What enters block `depth` (None where nothing is cut there), and the last hidden states."""
        if not 0 < self.depth < len(self.blocks):
            return None, self._run(inputs, {})
        entering: list[torch.Tensor] = []
        block = self.blocks[self.depth]
        hooks = [
            block.register_forward_pre_hook(
                lambda _, args, kwargs: entering.append(_entering(args, kwargs).detach()), with_kwargs=True
            ),
            block.register_forward_hook(lambda _module, _args, output: self._note_outputs(output)),
        ]
        try:
            last = self._run(inputs, {})
        finally:
            for hook in hooks:
                hook.remove()
        return (entering[0] if len(entering) == 1 else None), last

    def _note_outputs(self, output: Any) -> None:
        self._outputs = len(output) if isinstance(output, tuple) else 0

    def _run(self, inputs: dict[str, torch.Tensor], weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
        extra = {"use_cache": False} if "use_cache" in self._accepts else {}
        out = functional_call(self.backbone, dict(weights), kwargs={**inputs, **extra})
        hidden: torch.Tensor = out.last_hidden_state
        return hidden

    @contextmanager
    def _resumed(self, prefix: torch.Tensor | None) -> Iterator[None]:
        """Blocks below `depth` hand their input on, and block `depth` is given the cached tensor."""
        if prefix is None:
            yield
            return
        hook = self.blocks[self.depth].register_forward_pre_hook(
            lambda _, args, kwargs: _with_entering(args, kwargs, prefix), with_kwargs=True
        )
        skipped = self.blocks[: self.depth]
        for block in skipped:
            block.forward = self._hand_on
        try:
            yield
        finally:
            hook.remove()
            for block in skipped:
                del block.forward

    def _hand_on(self, *args: Any, **kwargs: Any) -> Any:
        """What a skipped block returns: its input, in the shape of a block's output."""
        hidden = _entering(args, kwargs)
        return (hidden, *[None] * (self._outputs - 1)) if self._outputs else hidden


def _bare(backbone: nn.Module) -> nn.Module:
    """The model inside a PEFT wrapper, whose forward names its arguments."""
    return backbone.get_base_model() if hasattr(backbone, "get_base_model") else backbone  # type: ignore[operator]


def _entering(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    hidden = args[0] if args else next(kwargs[name] for name in HIDDEN if name in kwargs)
    if not isinstance(hidden, torch.Tensor):
        raise TypeError("a block's first argument is not a tensor")
    return hidden


def _with_entering(args: tuple[Any, ...], kwargs: dict[str, Any], hidden: torch.Tensor) -> Any:
    if args:
        return (hidden, *args[1:]), kwargs
    return args, {**kwargs, next(name for name in HIDDEN if name in kwargs): hidden}
