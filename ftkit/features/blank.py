"""Tensors without numbers: what a model makes below its cut, when a cache already holds the outcome."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

KEPT = 10_000  # operations whose outcome is remembered; a pass over a net of stages has some hundreds


class Blank(torch.Tensor):
    """A shape, a dtype and a device, but no numbers: nothing is computed with it, and nothing stored.

    Whatever is made of a Blank is a Blank again, so one that comes out at the top shows that the
    model has heard what should have been silent. Where a number of it is needed (a branch, `item`,
    a write into an ordinary tensor), it raises RuntimeError or NotImplementedError.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # on to __torch_dispatch__

    @staticmethod
    def __new__(cls, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Blank:
        made: Blank = torch.Tensor._make_wrapper_subclass(cls, shape, dtype=dtype, device=device)
        return made

    @classmethod
    def like(cls, tensor: torch.Tensor) -> Blank:
        """One in place of a tensor."""
        return tensor if isinstance(tensor, cls) else cls(tensor.shape, tensor.dtype, tensor.device)

    def __repr__(self) -> str:  # type: ignore[override]  # there are no contents to choose from
        return f"Blank({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch's own annotation forgets that it is a class method
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func._schema.is_mutable:
            if isinstance(args[0], cls):
                return args[0]  # writing into it changes neither shape nor dtype
            raise RuntimeError(f"{func} would write into an ordinary tensor what has no numbers")
        return _outcome(func, args, kwargs or {})


_KNOWN: dict[Any, Any] = {}
"""what an operation was given, in `_form` → Blanks of what it gave"""


def _outcome(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Blanks of the shapes that an operation gives."""
    key = (func, _form(args), _form(tuple(kwargs.items())))
    if key not in _KNOWN:
        if len(_KNOWN) >= KEPT:
            _KNOWN.clear()
        blank = next(one for one in tree_leaves((args, kwargs)) if isinstance(one, Blank))
        device = kwargs.get("device") or blank.device
        # PyTorch's meta device works out shape and dtype of every operation, without computing
        args, kwargs = tree_map_only(torch.Tensor, _on_meta, (args, kwargs))
        out = func(*args, **(kwargs | {"device": "meta"} if "device" in kwargs else kwargs))
        _KNOWN[key] = tree_map_only(torch.Tensor, lambda one: Blank(one.shape, one.dtype, device), out)
    return _copy(_KNOWN[key])


def _on_meta(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def _copy(value: Any) -> Any:
    """New ones, because autograd notes on each tensor what it is a view of."""
    if isinstance(value, Blank):
        return Blank(value.shape, value.dtype, value.device)
    return type(value)(map(_copy, value)) if type(value) in (list, tuple) else value


def _form(value: Any) -> Any:
    """What decides the outcome's shape, to look it up by: 1, 1.0 and True are not the same."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype, value.device, isinstance(value, Blank)
    if isinstance(value, list | tuple):
        return tuple(map(_form, value))
    return type(value), value
