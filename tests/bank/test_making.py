"""A bank from one recipe: honest folds, what becomes of each group, and nothing that depends on its neighbours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import toy_adapters
import toy_banks

from ftkit import folders, runs
from ftkit.bank import adapting, making, records, shards
from ftkit.bank.grouping import Folds, groups_of, key_of
from ftkit.bank.stage import FINAL, open_stage
from ftkit.data.prepare import prepare
from ftkit.data.splits import used_only
from ftkit.errors import InputError
from ftkit.privacy import Mask
from ftkit.recipe import read
from ftkit.statistics import predictions
from ftkit.training.finite import NotFinite


def made(folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    return making.make(
        toy_banks.recipe_for(folder, **changes), lambda: folders.new_run_folder(folder / "bank", "", False)
    )


def groups_in(bank: Path) -> dict[str, dict[str, Any]]:
    return {line["group"]: line for line in json.loads((bank / runs.REPORT).read_text())["groups"]}


def test_those_who_label_otherwise_gain_and_are_promoted(bank: Path) -> None:
    groups = groups_in(bank)
    assert len(groups) == 8
    others = [groups[f"user {i}"] for i in range(toy_banks.OTHERS)]
    same = [groups[f"user {i}"] for i in range(toy_banks.OTHERS, 8)]
    assert np.mean([one["gain"] for one in others]) > np.mean([one["gain"] for one in same]) + 0.1
    report = json.loads((bank / runs.REPORT).read_text())
    assert sum(report["outcomes"].values()) == 8 and report["outcomes"].get("failed", 0) == 0
    assert report["predictors"]["adapted"]["accuracy"]["value"] > report["predictors"]["general"]["accuracy"]["value"]


def test_every_row_is_predicted_once_by_each(bank: Path) -> None:
    frame, about = predictions.read(bank / runs.PREDICTIONS)
    assert set(frame["predictor"]) == {"general", "adapted", "bank"}
    for name in ("general", "adapted", "bank"):
        mine = predictions.select(frame, name)
        assert len(mine) == 8 * 24 and (mine["fold"] >= 0).all()
    assert about["labels"] == ["fruit", "tool"]


def prepared_of(bank: Path) -> Any:
    recipe, splits = prepare(read(bank / runs.RECIPE))
    return recipe, used_only(splits)


def test_no_text_is_in_anybodys_training_rows_and_in_anybodys_test_rows(bank: Path) -> None:
    recipe, splits = prepared_of(bank)
    folds, content = Folds.of(splits), splits.rows.frame["content"].to_numpy()
    groups = groups_of(
        splits, recipe, recipe.task.targets(splits.rows.frame["gold"].to_list(), splits.rows.labels), OFF
    )
    assert len({row for row in content}) < len(content) / 4  # texts are shared by users, or nothing is shown
    for part in splits.parts[:-1]:
        tested = set(content[part.test])
        assert tested and not tested & set(content[part.train])
        for group in groups:
            assert not tested & set(content[folds.train(group.rows, part.fold)])
            assert set(content[folds.test(group.rows, part.fold)]) <= tested
    every = np.sort(np.concatenate([folds.test(group.rows, fold) for group in groups for fold in folds]))
    assert every.tolist() == list(range(len(content)))


OFF = Mask(on=False)


def test_new_groups_are_in_no_general_training(bank: Path) -> None:
    table = pd.read_parquet(bank / "general" / runs.SPLITS)
    groups = groups_in(bank)
    new = {name for name, one in groups.items() if one["new"]}
    assert 0 < len(new) < 8
    recipe, splits = prepared_of(bank)
    frame = splits.rows.frame
    for part in splits.parts:
        assert not set(frame["group"].iloc[part.train]) & new
    trained = set(table["row_id"][table["trained"]])
    assert not trained & set(frame["row_id"][frame["group"].isin(new)])
    assert json.loads((bank / runs.REPORT).read_text())["new"]["adapted"]["groups"] == len(new)


def test_the_pull_holds_a_group_near_the_general_adapter(bank: Path) -> None:
    away = []
    for pull in (0.0, 5.0, 50.0):
        adapter, groups = toy_adapters.adapter_of(bank, recipe={"bank.pull": pull})
        (one,) = adapter.adapt(groups[:1])
        start = adapter.stage.starts[FINAL].weights
        away.append(sum(float((tensor - start[name]).pow(2).sum()) for name, tensor in one.weights.items()))
    assert away[0] > away[1] > 10 * away[2] > 0


def test_whatever_it_is_given_a_group_is_only_given_its_own_labels(tmp_path: Path) -> None:
    """Three labels in all; each user has two of them."""
    recipe = toy_banks.recipe_for(tmp_path, bank__labels="own")
    frame = pd.read_csv(tmp_path / "rows.csv")
    later = frame["user"].isin(["user 6", "user 7"]) & (frame["label"] == "tool")
    frame.loc[later, "label"] = "thing"
    frame.to_csv(tmp_path / "rows.csv", index=False)
    bank, _ = making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    lists = {user: set(some) for user, some in frame.groupby("user")["label"]}
    assert set(map(len, lists.values())) == {2} and len(set.union(*lists.values())) == 3
    table, _ = predictions.read(bank / runs.PREDICTIONS)
    mine = table[table["predictor"] == "adapted"]
    assert all(row["prediction"] in lists[row["group"]] for _, row in mine.iterrows())
    # the head's rows of labels that a group lacks are the general head's
    stage = open_stage(bank / "general", folds=False)
    weight = stage.starts[FINAL].weights["head.weight"]
    for shard in shards.read_all(bank / "shards"):
        for record in shard.records:
            own = {stage.labels[i] for i in record.labels or ()}
            assert own == lists[str(record.name)] and record.place is not None
            lacking = [i for i, label in enumerate(stage.labels) if label not in own]
            assert torch.equal(shard.adapter(record.place)["head.weight"][lacking], weight[lacking])


def test_few_rows_and_one_label_are_kept_general_and_a_failure_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = toy_banks.recipe_for(tmp_path)
    frame = pd.read_csv(tmp_path / "rows.csv")
    few = frame[frame["user"] == "user 0"].head(3)
    one = frame[(frame["user"] == "user 1") & (frame["label"] == "tool")]
    frame = pd.concat([few, one, frame[~frame["user"].isin(["user 0", "user 1"])]])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    plain = adapting.fit

    def failing(job: Any, members: Any, stack: Any) -> Any:
        if key_of("user 2", OFF)[:12] in {one.name for one in members}:
            raise NotFinite("the loss is nan")
        return plain(job, members, stack)

    monkeypatch.setattr(adapting, "fit", failing)
    bank, report = making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    groups = groups_in(bank)
    assert [groups[f"user {i}"]["outcome"] for i in range(3)] == ["few rows", "one label", records.FAILED]
    assert groups["user 2"]["error"] == "the loss is nan"
    assert all(groups[f"user {i}"]["gain"] is not None for i in range(3, 8))
    assert report["rows"] == len(frame)  # rows of groups without an adapter are scored too


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": {"name": "full"}}, "8 times the base"),
        ({"method": {"name": "auto"}}, "share one method"),
        ({"bank__by": "nobody"}, "no column 'nobody'"),
        ({"data__folds": 0}, "scored out of fold"),
        ({"data__group": "text"}, "bank.by"),
    ],
)
def test_what_cannot_be_a_bank_is_refused_before_anything_is_written(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        made(tmp_path, **changes)
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize(("method", "folds"), [("head", 5), ("lora", 3), ("ia3", 3)])
def test_a_fold_costs_an_adapter_a_group_so_there_are_fewer(tmp_path: Path, method: str, folds: int) -> None:
    recipe = toy_banks.recipe_for(tmp_path, method={"name": method}, data__folds="auto")
    assert making.checked(recipe)[0].data.folds == folds


def test_another_kind_of_prediction_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "KINDS", ("values", "tags"))
    with pytest.raises(InputError, match="text_classification: a bank gives labels, tags or numbers"):
        made(tmp_path)
    assert not (tmp_path / "bank").exists()


def test_hidden_rows_leave_no_name_and_no_text_anywhere(tmp_path: Path) -> None:
    users = [f"Secret Person {i}" for i in range(8)]
    bank, report = made(tmp_path, users=users, report__rows="hide")
    assert report["groups"][0]["group"].startswith("group ")
    for path in bank.rglob("*"):
        if path.is_file():
            assert b"Secret Person" not in path.read_bytes(), path
            assert b"hammer" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("changes", "epochs", "folds"),
    [
        ({}, 2, 3),
        ({"bank__general": "none"}, 8, 3),
        ({"method": {"name": "head"}}, 8, 5),
        ({"bank__epochs": 4, "data__folds": 2}, 4, 2),
    ],
)
def test_passes_and_folds_are_fewer_where_the_base_moves(
    changes: dict[str, Any], epochs: int, folds: int, tmp_path: Path
) -> None:
    open_ = {"bank__epochs": "auto", "data__folds": "auto"}
    recipe, _, _ = making.checked(toy_banks.recipe_for(tmp_path, rows=12, **(open_ | changes)))
    assert (recipe.bank.epochs, recipe.data.folds) == (epochs, folds)
