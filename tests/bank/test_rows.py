"""What is kept of the rows of a shard comes back as it was: vectors, and of tokens as many as a row has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftkit.bank import rows
from ftkit.bank.rows import Kept
from ftkit.features import tokens


def kept(scores: np.ndarray) -> Kept:
    count = len(scores)
    frame = pd.DataFrame({"key": pd.Series(["a", "b"] * count, dtype=object)[:count], "fold": [0] * count})
    twice = tokens.ragged((2 * one for one in scores), count) if tokens.is_ragged(scores) else 2 * scores
    return Kept(frame.astype(object), scores, twice)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(st.integers(0, 4), max_size=5), st.integers(1, 3), st.sampled_from([np.float32, np.float64]))
def test_tokens_come_back_row_by_row(tmp_path: Path, lengths: list[int], labels: int, kind: type) -> None:
    chance = np.random.default_rng(sum(lengths))
    scores = tokens.ragged((chance.random((length, labels)).astype(kind) for length in lengths), len(lengths))
    rows.write(tmp_path / "rows.parquet", kept(scores))
    again = rows.read([tmp_path / "rows.parquet"])
    assert tokens.is_ragged(again.own) and len(again.own) == len(lengths)
    for here, there in ((again.general, scores), (again.own, kept(scores).own)):
        for one, other in zip(here, there, strict=True):
            assert one.shape == other.shape and np.array_equal(one, other) and (not one.size or one.dtype == kind)


def test_a_block_comes_back_and_the_right_ones_are_used(tmp_path: Path) -> None:
    block = np.arange(6, dtype=np.float32).reshape(3, 2)
    rows.write(tmp_path / "rows.parquet", kept(block))
    again = rows.read([tmp_path / "rows.parquet"])
    assert np.array_equal(again.own, 2 * block) and again.own.dtype == np.float32
    own = np.array([False, True, False])
    assert again.used(own).tolist() == [[0, 1], [4, 6], [4, 5]]
    ragged = kept(tokens.ragged([block, block[:1], block[:2]], 3)).used(own)
    assert [one.tolist() for one in ragged] == [block.tolist(), (2 * block[:1]).tolist(), block[:2].tolist()]


@pytest.mark.parametrize("lengths", [[2, 0, 1], [0]])
def test_the_mean_of_a_row_is_that_of_the_tokens_that_the_base_is_shown(lengths: list[int]) -> None:
    each = [np.full((length + 1, 2), float(length)) for length in lengths]
    for one in each:
        one[-1] = -np.inf
    assert tokens.means(tokens.ragged(each, len(each))).tolist() == [[float(length)] * 2 for length in lengths]
