"""What the loop over groups of sensors trains on: whole takes, and windows as ftkit shows them to the source."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rival_groups import TESTED
from rival_groups_series import held_out, shaped

from ftkit.data.windows import Window
from ftkit.tasks._series import Processor, scaling_for

CHANNELS = ("x_acc", "y_acc")


@given(st.lists(st.integers(1, 9), min_size=2, max_size=12))
def test_a_take_is_on_one_side_and_a_fifth_of_them_is_tested(rows: list[int]) -> None:
    units = pd.Series(np.repeat([f"take {i}" for i in range(len(rows))], rows))
    late = held_out(units)
    assert not set(units[late]) & set(units[~late]) and 0 < late.sum() < len(units)
    assert abs(units[late].nunique() - len(rows) / TESTED) <= max(0.5, 1 - len(rows) / TESTED)
    assert late.tolist() == sorted(late.tolist()), "the last ones"


def test_windows_are_shaped_as_ftkit_shows_them_to_the_source() -> None:
    values = np.random.default_rng(0).normal([3.0, -0.5], [2.0, 0.25], (4, 10, 2)).astype(np.float32)
    frame = pd.DataFrame({"take": list("aabb"), **{name: list(values[:, :, i]) for i, name in enumerate(CHANNELS)}})
    windows = [Window(str(i), one) for i, one in enumerate(values)]
    scaling = scaling_for(windows, "channel", 10)
    shown = Processor(scaling, "vit").batch(np.stack([scaling(one.values) for one in windows]))
    torch.testing.assert_close(shaped(frame, asdict(scaling)), shown["pixel_values"])
    assert set(scaling.scale) != {1.0}, "or nothing is scaled"
    with pytest.raises(SystemExit, match="another shape"):
        shaped(frame[["x_acc"]], asdict(scaling))
