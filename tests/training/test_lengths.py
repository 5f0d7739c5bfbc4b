"""Batches in parts of similar length: every row once, little padding, and the same step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ftkit.training.lengths import LEAST, alike

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=64)


def padded(parts: list[np.ndarray], lengths: np.ndarray) -> int:
    return sum(len(part) * int(lengths[part].max()) for part in parts)


@given(LENGTHS)
def test_every_row_is_in_one_part_and_no_cut_is_for_nothing(found: list[int]) -> None:
    lengths = np.array([*found, 5, 5])
    rows = np.random.default_rng(len(found)).permutation(len(found))
    parts = alike(rows, lengths)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(found)))
    assert padded(parts, lengths) <= padded([rows], lengths) - (len(parts) - 1) * LEAST
    for one, other in zip(parts, parts[1:], strict=False):
        assert lengths[one].max() <= lengths[other].min()


def test_a_long_row_among_short_ones_runs_alone() -> None:
    lengths = np.array([10] * 31 + [200])
    assert [len(part) for part in alike(np.arange(32), lengths)] == [31, 1]


def test_rows_of_about_one_length_stay_together() -> None:
    lengths = np.array([20] * 16 + [21] * 16)
    assert len(alike(np.arange(32), lengths)) == 1
