"""The block `bank` of a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from ftkit.errors import Faults
from ftkit.recipe import Recipe, parse


def recipe(**bank: Any) -> Recipe:
    return parse({"task": "text_classification", "data": {"train": "x.csv"}, "method": "lora", "bank": bank})


def test_without_a_column_there_is_no_bank() -> None:
    assert recipe().bank.by is None
    assert "bank" not in recipe().brief()


def test_shares_may_be_percentages_and_a_column_may_be_a_number() -> None:
    found = recipe(by=3, new_groups="20%", max_failed="2.5 %").bank
    assert (found.by, found.new_groups, found.max_failed) == ("3", 0.2, 0.025)
    again = parse(recipe(by="user", new_groups="20%").dump())
    assert again.bank == recipe(by="user", new_groups=0.2).bank


@pytest.mark.parametrize(
    ("bank", "said"),
    [
        ({"bye": "user"}, "did you mean by"),
        ({"new_groups": "120%"}, "bank.new_groups"),
        ({"min_rows": 1}, "bank.min_rows"),
        ({"labels": "mine"}, "own"),
        ({"stack": 0}, "bank.stack"),
        ({"pull": -1}, "bank.pull"),
    ],
)
def test_faults_name_their_key(bank: dict[str, Any], said: str) -> None:
    with pytest.raises(Faults, match=said):
        recipe(**bank)
