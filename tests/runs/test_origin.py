"""A run is taken up with what it began with, and with what it has measured since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit.errors import InputError
from ftkit.runs import origin


def begun(**train: Any) -> dict[str, Any]:
    """An origin with these keys of `train`."""
    recipe = {"train": {"precision": "auto", "accumulate": 1, "lr": 0.1} | train}
    return {"schema": 1, "recipe": recipe, "files": {"a.csv": "0"}, "base": "1", "versions": {}, "attempts": 1}


def test_what_a_run_has_measured_is_no_change(tmp_path: Path) -> None:
    origin.begin(tmp_path, begun())
    assert origin.begin(tmp_path, begun(precision="fp32", accumulate=4))["attempts"] == 2


@pytest.mark.parametrize(("first", "then"), [({"precision": "fp32"}, {"precision": "bf16"}), ({}, {"lr": 0.2})])
def test_what_the_user_has_changed_is_refused(tmp_path: Path, first: dict[str, Any], then: dict[str, Any]) -> None:
    origin.begin(tmp_path, begun(**first))
    (key,) = then
    with pytest.raises(InputError, match=f"train.{key} was"):
        origin.begin(tmp_path, begun(**then))
