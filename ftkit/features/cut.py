"""The cut through a stack of blocks: what enters there is taken down once, and put in ever after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from ftkit.errors import FtkitError
from ftkit.features.blank import Blank

Key = int | str
"""place of an argument: its position, or its name"""


class CannotResume(FtkitError):
    """More comes from below the cut than the one tensor that enters there."""


class _Reached(Exception):  # no error: the pass has come to the cut, and nobody asks what is above
    pass


class Cut:
    """Below block `depth` (counted from 0) of a stack."""

    def __init__(self, blocks: tuple[nn.Module, ...], depth: int) -> None:
        self._below, self._block = blocks[:depth], blocks[depth]
        self._name = f"block {depth + 1} of {len(blocks)}"
        self._returns: dict[nn.Module, Key | tuple[Key | None, ...] | None] = {}
        """what a block below gives back of what it is given; None for one that gives anything else"""

    @property
    def learnt(self) -> bool:
        """Whether a recorded pass has shown what the blocks below return; else they run, without numbers."""
        return bool(self._returns)

    @contextmanager
    def recorded(self, above: bool = True) -> Iterator[list[torch.Tensor]]:
        """Passes inside leave what enters the block; without `above` they end there.

        From there on no gradients are recorded.
        """
        entered: list[torch.Tensor] = []

        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if (key := place_of(args, kwargs)) is not None:
                entered.append(given(args, kwargs)[key])
            torch.set_grad_enabled(False)
            if not above:
                raise _Reached

        def learn(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            self._returns[block] = _handed_on(output, args, kwargs)

        hooks = [block.register_forward_hook(learn, with_kwargs=True) for block in self._below]
        hooks.append(self._block.register_forward_pre_hook(note, with_kwargs=True))
        try:
            with torch.enable_grad():
                yield entered
        except _Reached:
            pass
        finally:
            for hook in hooks:
                hook.remove()

    @contextmanager
    def resumed(self, entering: torch.Tensor) -> Iterator[None]:
        """In a pass inside, `entering` goes into the block, and blocks below compute nothing.

        Raises CannotResume where the block does not run exactly once, or is due another shape.
        """
        passes = 0

        def put(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            nonlocal passes
            passes += 1
            if passes > 1:
                raise CannotResume(f"{self._name} runs more than once in a pass")
            args, kwargs, flowing = _swapped(args, kwargs, entering)
            if flowing.shape != entering.shape:
                shapes = f"{tuple(flowing.shape)}, and the cache holds {tuple(entering.shape)}"
                raise CannotResume(f"{self._name} is due {shapes}")
            return args, kwargs

        hook = self._block.register_forward_pre_hook(put, with_kwargs=True)
        for block in self._below:
            block.forward = partial(self._skip, block)
        try:
            yield
        finally:
            hook.remove()
            for block in self._below:
                del block.forward  # the class has one
        if passes == 0:
            raise CannotResume(f"{self._name} does not run in a pass")

    def _skip(self, block: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """What a block below returns, without its numbers."""
        args, kwargs, _ = _swapped(args, kwargs, None)
        have, returns = given(args, kwargs), self._returns.get(block)
        if returns is None:
            return type(block).forward(block, *args, **kwargs)
        if isinstance(returns, tuple):
            return tuple(None if one is None else have[one] for one in returns)
        return have[returns]


def _handed_on(output: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key | tuple[Key | None, ...] | None:
    """Which arguments of a block its output repeats, if only in shape; None where it holds anything else."""
    have, key = given(args, kwargs), place_of(args, kwargs)
    if key is None:
        return None
    tensors = {place: one for place, one in have.items() if isinstance(one, torch.Tensor)}
    keys = list[Key | None]()
    for value in output if type(output) is tuple else (output,):
        if same := [place for place, one in tensors.items() if one is value]:
            keys.append(same[0])
        elif isinstance(value, torch.Tensor) and (value.shape, value.dtype) == (have[key].shape, have[key].dtype):
            keys.append(key)
        elif value is None:
            keys.append(None)
        else:
            return None
    return tuple(keys) if type(output) is tuple else keys[0]


def given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[Key, Any]:
    """The arguments of a block by place."""
    return dict[Key, Any](enumerate(args)) | kwargs


def place_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key | None:
    """Where the first tensor among the arguments stands: what flows from block to block."""
    return next((key for key, one in given(args, kwargs).items() if isinstance(one, torch.Tensor)), None)


def _swapped(
    args: tuple[Any, ...], kwargs: dict[str, Any], entering: torch.Tensor | None
) -> tuple[Any, Any, torch.Tensor]:
    """The arguments with `entering`, or a Blank, in place of what flows; and what did."""
    key = place_of(args, kwargs)
    if key is None:
        raise CannotResume("its blocks are given no tensor")
    flowing = given(args, kwargs)[key]
    tensor = Blank.like(flowing) if entering is None else entering
    if isinstance(key, str):
        return args, {**kwargs, key: tensor}, flowing
    return (*args[:key], tensor, *args[key + 1 :]), kwargs, flowing
