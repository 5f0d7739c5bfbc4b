"""Our dropout does what PyTorch's does: share, scale, gradient, and nothing in eval mode."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ftkit.features.dropout import Dropout, quicken


@pytest.mark.parametrize("share", [0.1, 0.3, 0.75])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_share_is_dropped_and_the_rest_scaled(share: float, dtype: torch.dtype) -> None:
    out = Dropout(share)(torch.ones(400, 500, dtype=dtype)).double()
    error = (share * (1 - share) / out.numel()) ** 0.5
    assert abs((out == 0).double().mean().item() - share) < 5 * error
    assert out[out != 0].unique().numel() == 1
    assert out.max().item() == pytest.approx(1 / (1 - share), rel=1e-2 if dtype == torch.bfloat16 else 1e-4)
    columns = (out == 0).double().mean(0)
    assert columns.std().item() == pytest.approx((share * (1 - share) / 400) ** 0.5, rel=0.2)  # no pattern
    near = torch.corrcoef(torch.stack([out[:, :-1].flatten(), out[:, 1:].flatten()]))[0, 1]
    assert abs(near.item()) < 0.02


@given(st.lists(st.integers(0, 7), min_size=0, max_size=4))
def test_any_shape_is_kept(shape: list[int]) -> None:
    assert Dropout(0.5)(torch.ones(shape)).shape == torch.Size(shape)


def test_gradients_pass_where_values_do() -> None:
    rows = torch.ones(50, 50, requires_grad=True)
    out = Dropout(0.4)(rows)
    out.sum().backward()
    assert rows.grad is not None and torch.equal(rows.grad, out)


def test_equal_seeds_drop_equal_elements() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return Dropout(0.5)(torch.ones(1000))

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))


@pytest.mark.parametrize(("share", "training", "kept"), [(0.5, False, 1.0), (0.0, True, 1.0), (1.0, True, 0.0)])
def test_nothing_is_drawn_where_nothing_is_open(share: float, training: bool, kept: float) -> None:
    state = torch.get_rng_state()
    assert Dropout(share).train(training)(torch.ones(9)).unique().tolist() == [kept]
    assert share == 1.0 or torch.equal(torch.get_rng_state(), state)


def test_every_plain_dropout_is_replaced_in_its_own_mode() -> None:
    net = nn.ModuleDict(
        {"a": nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2)), "b": nn.Dropout(0.3), "c": nn.Dropout1d()}
    )
    net["b"].eval()
    names = list(net.state_dict())
    quicken(net)
    kinds = {name: type(module) for name, module in net.named_modules() if "ropout" in type(module).__name__}
    assert kinds == {"a.1": Dropout, "b": Dropout, "c": nn.Dropout1d}
    assert (net["a"][1].p, net["b"].p) == (0.2, 0.3)  # type: ignore[index]
    assert net["a"][1].training and not net["b"].training  # type: ignore[index]
    assert list(net.state_dict()) == names
