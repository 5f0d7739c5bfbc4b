"""Pooling sees real positions only, and believes what a checkpoint declares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ftkit.features.pooling import EACH, KINDS, Pooling, candidates, declared, over_time, pool


@pytest.fixture
def hidden() -> tuple[torch.Tensor, torch.Tensor]:
    """Two rows of two and three real positions; padding holds huge values."""
    states = torch.tensor([[[1.0, 2], [3, 4], [99, 99]], [[1, 0], [0, 1], [5, 5]]])
    return states, torch.tensor([[1, 1, 0], [1, 1, 1]])


def test_each_kind_on_rows_padded_on_the_right(hidden: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert pool(*hidden, "mean").tolist() == [[2, 3], [2, 2]]
    assert pool(*hidden, "first").tolist() == [[1, 2], [1, 0]]
    assert pool(*hidden, "last").tolist() == [[3, 4], [5, 5]]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != EACH])
def test_more_padding_changes_nothing(kind: str, hidden: tuple[torch.Tensor, torch.Tensor]) -> None:
    states, mask = hidden
    wider = torch.cat([states, torch.full((2, 4, 2), 7.0)], dim=1)
    longer = torch.cat([mask, torch.zeros(2, 4, dtype=mask.dtype)], dim=1)
    assert torch.equal(pool(states, mask, kind), pool(wider, longer, kind))


def test_unit_length_is_scaled_to_the_width(hidden: tuple[torch.Tensor, torch.Tensor]) -> None:
    features = Pooling("mean", normalise=True)(*hidden)
    torch.testing.assert_close(features.norm(dim=1), torch.full((2,), 2**0.5))


def test_pictures_of_a_row_are_averaged_and_their_changes_too() -> None:
    pictures = torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 6.0], [5.0, 5.0]])
    frames = torch.tensor([3, 1])
    assert over_time(pictures, frames).tolist() == [[2, 2], [5, 5]]
    assert over_time(pictures, frames, change=True).tolist() == [[2, 2, 1.5, 3], [5, 5, 0, 0]]
    hidden = pictures[:, None].repeat(1, 3, 1)
    assert torch.equal(Pooling("mean")(hidden, None, frames), over_time(pictures, frames))
    assert torch.equal(Pooling("first+change")(hidden, None, frames), over_time(pictures, frames, change=True))
    unit = Pooling("mean", normalise=True)(hidden, None, frames)
    torch.testing.assert_close(unit.norm(dim=1), torch.full((2,), 2**0.5))


def test_a_declared_pooling_is_taken(tmp_path: Path) -> None:
    assert declared(tmp_path) is None
    assert [one.kind for one in candidates(tmp_path, causal=False)] == ["mean", "first"]
    assert [one.kind for one in candidates(tmp_path, causal=True)] == ["mean", "last"]
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Normalize"}]))
    assert candidates(tmp_path, causal=False) == (Pooling("first", True),)
