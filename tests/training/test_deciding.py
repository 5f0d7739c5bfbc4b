"""What `auto` decides before training, by the number of rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from training.test_checkpoints import toy_recipe

from ftkit.training.deciding import batch_of


@pytest.mark.parametrize(("rows", "size"), [(2, 8), (100, 8), (383, 8), (384, 16), (767, 16), (768, 32), (10**6, 32)])
def test_few_rows_are_trained_in_small_batches(rows: int, size: int, tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path)
    assert batch_of(recipe.replace({"train.batch": "auto"}), rows) == size
    assert batch_of(recipe.replace({"train.batch": 5}), rows) == 5
