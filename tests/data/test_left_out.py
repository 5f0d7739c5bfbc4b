"""`data.folds: by COLUMN`: every group is tested by a model that has not seen it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftkit.data.prepare import prepare
from ftkit.data.table import Splits
from ftkit.errors import Faults, InputError
from ftkit.recipe import parse

WORDS = ("late parcel", "broken lamp", "kind staff", "wrong bill")


def table(folder: Path, users: int = 4, rows: int = 40) -> Path:
    lines = [f"{WORDS[i % 4]} number {i} of {i * i},{'ab'[i % 2]},u{i % users}" for i in range(rows)]
    path = folder / "rows.csv"
    path.write_text("\n".join(["text,label,user", *lines]) + "\n", encoding="utf-8")
    return path


def prepared(path: Path, **changes: Any) -> Splits:
    tree = {"task": {"name": "text_classification", "text": "text", "label": "label"}, "method": "head"}
    return prepare(parse(tree | {"data": {"train": str(path), "folds": "by user", **changes}}))[1]


def test_each_group_is_left_out_once(tmp_path: Path) -> None:
    splits = prepared(table(tmp_path))
    groups = splits.rows.frame["left_out"]
    assert splits.folds == 4 and [part.name for part in splits.parts][-1] == "final"
    for part, user in zip(splits.parts, ["u0", "u1", "u2", "u3"], strict=False):
        assert set(groups.iloc[part.test]) == {user} and len(part.test) == 10
        assert user not in set(groups.iloc[part.train])
        for train, held in part.inner:
            assert set(groups.iloc[train]).isdisjoint(groups.iloc[held]), "choices are made on other groups as well"
    assert len(splits.parts[-1].test) == 0 and len(splits.parts[-1].train) == 40
    assert any("unit: user" in note for note in splits.report.detected)


def test_rows_without_a_group_only_train(tmp_path: Path) -> None:
    path = table(tmp_path)
    with path.open("a", encoding="utf-8") as file:
        file.write("somebody nobody knows,a,\n")
    splits = prepared(path, unit="label")
    last = len(splits.rows.frame) - 1
    assert all(last in part.train and last not in part.test for part in splits.parts)


def test_near_equal_rows_of_another_group_are_not_trained_on(tmp_path: Path) -> None:
    path = table(tmp_path)
    with path.open("a", encoding="utf-8") as file:
        file.write("late parcel number 0 of 0!,a,u1\n")
    splits = prepared(path)
    first, last = 0, len(splits.rows.frame) - 1
    fold = next(part for part in splits.parts if first in part.test)
    assert last not in fold.train


def test_what_cannot_be_left_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.folds: by user: its training rows are of 1 group"):
        prepared(table(tmp_path, users=1))
    with pytest.raises(InputError, match="120 groups, one training each"):
        prepared(table(tmp_path, users=120, rows=240))
    with pytest.raises(Faults, match=r"data\.folds: no column 'usr'"):
        prepared(table(tmp_path), folds="by usr")


@pytest.mark.parametrize("folds", ["by", "by ", "user", "5 folds"])
def test_other_words_are_no_folds(folds: str) -> None:
    tree = {"task": "text_classification", "method": "head", "data": {"train": "x.csv", "folds": folds}}
    with pytest.raises(Faults, match="expected auto, 0, at least 2, or by COLUMN"):
        parse(tree)
