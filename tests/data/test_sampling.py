"""A fixed number of training rows for each label, and labels of very few rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from ftkit.data.folds import together
from ftkit.data.gold import labels_of
from ftkit.data.hashing import content_keys, row_ids
from ftkit.data.sampling import draw, draw_order, renamed, without_rare
from ftkit.data.table import Gold


def frame_of(texts: list[str], gold: list[Gold]) -> pd.DataFrame:
    inputs = [(text,) for text in texts]
    return pd.DataFrame(
        {
            "row_id": row_ids(inputs, [None] * len(texts), [None] * len(texts)),
            "content": content_keys(inputs),
            "gold": pd.Series(gold, dtype=object),
        }
    )


def drawn(frame: pd.DataFrame, count: int, seed: int = 0) -> pd.DataFrame:
    rows = together(frame["content"], [None] * len(frame), frame["gold"].tolist())
    return frame.iloc[draw(rows, np.arange(len(frame)), draw_order(frame, rows, seed), count)]


def test_every_label_gets_its_number_of_rows_or_all_that_it_has() -> None:
    gold: list[Gold] = ["a"] * 30 + ["b"] * 10 + ["c"] * 2
    chosen = drawn(frame_of([f"text {i}" for i in range(42)], gold), 5)
    assert Counter(chosen["gold"]) == {"a": 5, "b": 5, "c": 2}


def test_a_draw_follows_the_hash_and_not_the_file() -> None:
    frame = frame_of([f"text {i}" for i in range(60)], ["a", "b"] * 30)
    chosen = set(drawn(frame, 7)["row_id"])
    assert chosen == set(drawn(frame.sample(frac=1, random_state=1), 7)["row_id"])
    assert chosen != set(drawn(frame, 7, seed=1)["row_id"])
    assert chosen > set(drawn(frame, 6)["row_id"])


def test_copies_are_drawn_last() -> None:
    frame = frame_of(["Hello", "hello!", "HELLO", "one", "two", "three"], ["a"] * 6)
    assert drawn(frame, 4)["content"].nunique() == 4
    assert len(drawn(frame, 5)) == 5


def test_the_rarest_of_several_labels_is_served_first() -> None:
    gold: list[Gold] = [("common", "rare")] * 3 + [("common",)] * 20 + [()] * 20 + [("common", "middle")] * 6
    chosen = drawn(frame_of([f"text {i}" for i in range(49)], gold), 3)
    counts = Counter(label for item in chosen["gold"] for label in labels_of(item))
    assert counts["rare"] == 3 and counts["middle"] == 3 and 3 <= counts["common"] <= 6
    assert sum(item == () for item in chosen["gold"]) == 3


def flags(size: int, *train: int) -> np.ndarray:
    return np.array([i in train for i in range(size)]) if train else np.ones(size, dtype=bool)


def test_rare_labels_are_kept_unless_asked() -> None:
    thin = without_rare(["a", "b", "b"], flags(3), "keep", 2)
    assert thin.gold == ["a", "b", "b"] and thin.keep.all() and thin.rare == ()


def test_dropping_takes_training_rows_only() -> None:
    thin = without_rare(["a", "b", "b", "a"], flags(4, 0, 1, 2), "drop", 2)
    assert thin.keep.tolist() == [False, True, True, True] and thin.rare == ("a",)


def test_dropping_goes_on_while_it_makes_other_labels_rare() -> None:
    gold: list[Gold] = [("a", "b"), ("b",), ("c",), ("c",)]
    thin = without_rare(gold, flags(4), "drop", 2)
    assert thin.keep.tolist() == [False, False, True, True] and thin.rare == ("a", "b")


def test_merging_renames_in_every_split() -> None:
    thin = without_rare(["a", "b", "b", "a", "new"], flags(5, 0, 1, 2), "merge", 2)
    assert thin.gold == ["other", "b", "b", "other", "other"] and thin.keep.all()
    assert thin.rare == ("a", "new")


def test_merging_makes_no_label_that_training_lacks() -> None:
    thin = without_rare(["b", "b", "new"], flags(3, 0, 1), "merge", 2)
    assert thin.gold == ["b", "b", "new"] and thin.rare == ()


def test_merging_inside_rows_of_several_labels() -> None:
    gold: list[Gold] = [("a", "b"), ("b", "c"), ("b",), ("a", "c")]
    assert without_rare(gold, flags(4), "merge", 3).gold == [("b", "other"), ("b", "other"), ("b",), ("other",)]


@pytest.mark.parametrize(("item", "after"), [("a", "x"), (("a", "b"), ("b", "x")), (None, None), ("c", "c"), ((), ())])
def test_renaming(item: Gold, after: Gold) -> None:
    assert renamed([item], {"a": "x"}) == [after]
