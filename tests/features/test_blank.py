"""Tensors without numbers: shapes as PyTorch gives them, and no way to a number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from ftkit.features.blank import Blank

CPU = torch.device("cpu")
IMAGE = torch.randn(2, 3, 8, 8)

SHAPES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "convolution": lambda x: functional.conv2d(x, torch.randn(5, 3, 2, 2), stride=2),
    "view": lambda x: x.flatten(2).transpose(1, 2),
    "joined with an ordinary tensor": lambda x: torch.cat([torch.zeros(2, 1, 8, 8), x], dim=1),
    "several outputs": lambda x: x.chunk(3, dim=1)[1],
    "another dtype": lambda x: x.to(torch.bfloat16),
    "a number of another kind": lambda x: (x > 0) * 1,
    "the same number, a float": lambda x: (x > 0) * 1.0,
    "the same number, a truth": lambda x: (x > 0) * True,
    "attention": lambda x: functional.scaled_dot_product_attention(x, x, x),
    "a tensor like it": lambda x: torch.zeros_like(x[:, 0]),
    "an operator in place": lambda x: x.clone().add_(1).mul_(2),
    "a mask set in place": lambda x: _filled(x),
}


def _filled(x: torch.Tensor) -> torch.Tensor:
    copy = x.clone()
    copy[torch.arange(64).view(8, 8).expand(2, 3, 8, 8) % 2 == 0] = 0
    return copy


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_made_of_a_blank_has_shape_and_dtype_and_is_blank(name: str) -> None:
    real = SHAPES[name](IMAGE)
    for _ in range(2):  # worked out, then remembered
        made = SHAPES[name](Blank.like(IMAGE))
        assert isinstance(made, Blank)
        assert (made.shape, made.dtype, made.device) == (real.shape, real.dtype, real.device)


NUMBERS: dict[str, Callable[[Blank], object]] = {
    "branch": lambda x: bool(x.sum() > 0),
    "item": lambda x: x.sum().item(),
    "list": lambda x: x.tolist(),
    "array": lambda x: x.numpy(),
    "choice": lambda x: x[x > 0],
    "written into a tensor": lambda x: torch.zeros(2, 3, 8, 8).copy_(x),
    "put into a part of a tensor": lambda x: torch.zeros(4, 3, 8, 8).__setitem__(slice(2), x),
    "added to a tensor in place": lambda x: torch.zeros(2, 3, 8, 8).add_(x),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_there_is_no_way_to_a_number(name: str) -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        NUMBERS[name](Blank.like(IMAGE))


def test_a_blank_moves_and_shows_itself() -> None:
    blank = Blank((2, 3), torch.float32, CPU)
    assert repr(blank) == "Blank((2, 3), torch.float32)"
    assert Blank.like(blank) is blank
    assert blank.to(CPU) is blank and blank.to("meta").device.type == "meta"
