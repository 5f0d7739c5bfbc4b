"""The last block for one position of each row: where a head looks at a single one, the others are only attended to.

Queries, attention, and all that follows, some three quarters of the block, are computed for that position alone. No
architecture has to be known for it: wherever a block attends through `scaled_dot_product_attention`, a first pass over
all positions ends there, with what the one position attends to; a second pass, over that position alone, takes it from
there. Whoever uses it holds it against the plain model first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from ftkit.errors import FtkitError
from ftkit.features.cut import given, place_of

Place = Callable[[torch.Tensor], torch.Tensor]
"""(rows, positions, width) → (rows,) the position of each row that is looked at"""


class CannotNarrow(FtkitError):
    """The block attends in a way that does not show what one position attends to."""


class _Attended(Exception):  # no error: the first pass has come as far as it has to
    def __init__(self, output: torch.Tensor) -> None:
        self.output = output


class _First(TorchFunctionMode):
    """Ends a pass at its first attention, with what one position of each row attends to."""

    def __init__(self, places: torch.Tensor) -> None:
        super().__init__()
        self._places = places

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        raise _Attended(_attended(self._places, *args, **(kwargs or {})))


class _Second(TorchFunctionMode):
    """Takes what is attended to for granted, once."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self._output: torch.Tensor | None = output

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is scaled_dot_product_attention and self._output is not None:
            output, self._output = self._output, None
            return output
        return func(*args, **(kwargs or {}))


@contextmanager
def narrowed(block: nn.Module, place: Place) -> Iterator[None]:
    """In a pass inside, the block gives back (rows, 1, width).

    Raises CannotNarrow where it attends to nothing, or not from all positions of its rows.
    """
    block.forward = partial(_forward, block, place)
    try:
        yield
    finally:
        del block.forward  # the class has one


def _forward(block: nn.Module, place: Place, *args: Any, **kwargs: Any) -> Any:
    forward, key = type(block).forward, place_of(args, kwargs)
    if key is None:
        raise CannotNarrow("its blocks are given no tensor")
    hidden = given(args, kwargs)[key]
    places, rows = place(hidden), torch.arange(len(hidden), device=hidden.device)
    try:
        with _First(places):
            forward(block, *args, **kwargs)
    except _Attended as found:
        output = found.output
    else:
        raise CannotNarrow("its last block does not attend through PyTorch")

    def one(several: torch.Tensor) -> torch.Tensor:
        """What is said of each position (the angles of rotary embeddings), for the one alone."""
        if several.ndim < 2 or several.shape[1] != hidden.shape[1] or several.shape[0] not in (1, len(hidden)):
            return several
        return several.expand(len(hidden), *several.shape[1:])[rows, places][:, None]

    args, kwargs = tree_map_only(torch.Tensor, one, (args, kwargs))
    with _Second(output):
        return forward(block, *args, **kwargs)


def _attended(
    places: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **more: Any,
) -> torch.Tensor:
    """(rows, heads, 1, width of a head) of queries (rows, heads, positions, width of a head)."""
    rows = torch.arange(len(places), device=places.device)
    if query.ndim != 4 or query.shape[0] != len(places) or query.shape[2] != key.shape[2]:
        raise CannotNarrow("its last block does not attend from every position of a row to every other")
    if is_causal:
        attn_mask = (torch.arange(key.shape[2], device=places.device) <= places[:, None])[:, None, None]
    elif attn_mask is not None and attn_mask.shape[-2] > 1:
        whole = attn_mask.expand(len(places), *attn_mask.shape[-3:]) if attn_mask.ndim == 4 else attn_mask
        attn_mask = whole[rows, :, places][:, :, None] if whole.ndim == 4 else whole[places][:, None, None]
    narrow = query[rows, :, places][:, :, None]
    return scaled_dot_product_attention(narrow, key, value, attn_mask, dropout_p, **more)
