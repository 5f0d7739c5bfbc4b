"""Columns that may part a table, and groups that stay new."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit.data import groups
from ftkit.errors import InputError
from ftkit.recipe import Recipe, parse


def recipe(share: object) -> Recipe:
    bank = {"by": "user", "new_groups": share}
    return parse({"task": "text_classification", "data": {"train": "x.csv"}, "method": "lora", "bank": bank})


def test_users_and_domains_are_candidates_and_the_rest_is_not() -> None:
    count = 120
    frame = pd.DataFrame(
        {
            "text": [f"sentence number {i} is long enough to be prose" for i in range(count)],
            "label": ["a", "b"] * (count // 2),
            "user": [f"u{i % 10}" for i in range(count)],
            "shop": [["north", "south"][i % 2] for i in range(count)],
            "price": [f"{i % 40}.5" for i in range(count)],
            "row": [str(i) for i in range(count)],
        }
    )
    found = groups.candidates(frame, ["text", "label"], min_rows=8)
    assert [(one.column, one.groups, one.enough, one.median) for one in found] == [
        ("user", 10, 10, 12),
        ("shop", 2, 2, 60),
    ]


@settings(max_examples=30, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30, unique=True))
def test_groups_that_are_added_move_no_other(names: list[str]) -> None:
    def sides(some: list[str]) -> dict[str, bool]:
        found = groups.new(pd.Series(some, dtype=object), recipe("30%"))
        assert found is not None
        return dict(zip(some, found.tolist(), strict=True))

    few = sides(names[: len(names) // 2 + 1])
    assert few.items() <= sides(names).items()


def test_rows_without_a_group_are_not_new() -> None:
    found = groups.new(pd.Series(["a", None, "b"] * 3, dtype=object), recipe(0.9))
    assert found is not None and not found[1::3].any()
    assert groups.new(pd.Series(["a"], dtype=object), recipe(0)) is None
    share = groups.new(pd.Series([f"g{i}" for i in range(1000)], dtype=object), recipe("20%"))
    assert share is not None and abs(np.mean(share) - 0.2) < 0.05


def test_what_parts_no_rows_into_users_is_refused() -> None:
    thin = pd.Series([f"order {i // 2}" for i in range(200)], dtype=object)
    with pytest.raises(InputError, match=r"none of the 100 groups of column 'user' has 8 rows.*the largest has 2 rows"):
        groups.check(thin, recipe("0"))
    with pytest.raises(InputError) as refused:  # also an update with the rows of one week alone
        groups.check(thin, recipe("0"))
    assert "old and new together" in refused.value.hint
    for column in ("label", "text"):
        tree = {"task": {"name": "text_classification", "text": "text", "label": "label"}, "data": {"train": "x.csv"}}
        with pytest.raises(InputError, match=f"bank.by: '{column}' is a column of task.{column}"):
            groups.check(thin, parse(tree | {"method": "lora", "bank": {"by": column}}))
    assert groups.check(thin, parse(tree | {"method": "lora"})) == []


def test_rows_without_a_group_are_told() -> None:
    some = pd.Series(["ann"] * 9 + ["ben"] * 9 + [None] * 3, dtype=object)
    (found,) = groups.check(some, recipe("0"))
    assert found.what.startswith("3 rows without a value in 'user'") and groups.check(some[:18], recipe("0")) == []
