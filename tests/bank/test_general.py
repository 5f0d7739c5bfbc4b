"""Where groups start from: a run that is there, or nothing but the base and its head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import toy_banks

from ftkit import folders, pipeline, registry, runs
from ftkit.bank import changing, folder, making, stage
from ftkit.errors import InputError
from ftkit.recipe import Recipe
from ftkit.verbs import adapting as verb


def made(recipe: Recipe, path: Path) -> tuple[Path, dict[str, Any]]:
    return making.make(recipe, lambda: folders.new_run_folder(path, "", False))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return toy_banks.recipe_for(tmp_path, rows=12, bank__epochs=1)


@pytest.fixture
def elsewhere(tmp_path: Path, recipe: Recipe) -> Path:
    """A run of other rows with the same labels."""
    rows = pd.read_csv(tmp_path / "rows.csv")
    rows["text"] = "yesterday " + rows["text"]
    rows.to_csv(tmp_path / "other.csv", index=False)
    tree = {"data.train": str(tmp_path / "other.csv"), "bank.by": None}
    return pipeline.run(recipe.replace(tree), lambda: folders.new_run_folder(tmp_path / "run", "", False))[0]


def test_without_a_general_adapter_groups_start_from_the_base_and_its_head(tmp_path: Path, recipe: Recipe) -> None:
    bank, report = made(recipe.replace({"bank.general": "none"}), tmp_path / "bank")
    start = stage.open_stage(bank / "general").starts[stage.FINAL].weights
    factors = [tensor for name, tensor in start.items() if "lora_B" in name]
    assert factors and all(not tensor.any() for tensor in factors)  # the adapter adds nothing
    assert start["head.weight"].any() and sum(report["outcomes"].values()) == 8


def test_a_run_of_other_rows_serves_all_folds(tmp_path: Path, recipe: Recipe, elsewhere: Path) -> None:
    bank, _ = made(recipe.replace({"bank.general": str(elsewhere)}), tmp_path / "bank")
    own, theirs = (path / runs.ADAPTER / "adapter_model.safetensors" for path in (bank / "general", elsewhere))
    assert own.read_bytes() == theirs.read_bytes()
    assert not (bank / "general" / runs.FOLDS).exists()
    state = changing.state_of(folder.read(bank))
    assert all(one.record.new and one.record.tested == 12 for one in state.values())
    rows = pd.read_csv(tmp_path / "rows.csv")
    late = rows[rows["user"] == "user 1"].assign(user="late")
    pd.concat([rows, late]).to_csv(tmp_path / "later.csv", index=False)
    _, report = verb.update(str(tmp_path / "later.csv"), bank, [], None, None, "")
    assert report["update"]["trained"] == 1 and report["update"]["added"] == 1


def test_the_general_run_of_another_bank_keeps_its_folds(tmp_path: Path, recipe: Recipe) -> None:
    first, before = made(recipe, tmp_path / "first")
    second, after = made(recipe.replace({"bank.general": str(first / "general")}), tmp_path / "second")
    lines = [{line["group"]: line["gain"] for line in report["groups"]} for report in (before, after)]
    assert lines[0] == lines[1]  # the same start, the same folds, the same rows


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "was trained on 96 of the 96 rows"),
        ({"method": {"name": "head"}}, "its method.name is lora, but the recipe's is head"),
        ({"bank.general": "nowhere"}, "is no finished run"),
    ],
)
def test_a_run_that_does_not_fit_is_refused(
    tmp_path: Path, recipe: Recipe, elsewhere: Path, change: dict[str, Any], said: str
) -> None:
    same = {"data.train": str(tmp_path / "other.csv")} if not change else {}
    with pytest.raises(InputError, match=said) as caught:
        made(recipe.replace({"bank.general": str(elsewhere)} | same | change), tmp_path / "bank")
    assert "\n" not in caught.value.message and caught.value.hint
    assert not (tmp_path / "bank").exists()


def test_random_weights_are_told_apart_by_what_they_are(tmp_path: Path) -> None:
    """A recipe that was read from a file holds lists where one that was shaped by its rows holds tuples."""
    recipe = toy_banks.series_recipe_for(tmp_path, method="full", data__folds=2)
    tree = {"bank.by": None, "base": {"config": registry.load("tasks", "series_classification").default_base["config"]}}
    recipe = recipe.replace(tree)
    run, _ = pipeline.run(recipe, lambda: folders.new_run_folder(tmp_path / "run", "", False))
    banked = {"bank.by": "user", "bank.general": str(run)}
    with pytest.raises(InputError, match="was trained on|full would take"):
        made(recipe.replace(banked), tmp_path / "bank")
    smaller = {"base": {"config": {**tree["base"]["config"], "hidden_size": 32}}}
    with pytest.raises(InputError, match="began from random weights, and the recipe from others"):
        made(recipe.replace(banked | smaller), tmp_path / "bank")


def test_a_bank_or_other_labels_are_refused(tmp_path: Path, recipe: Recipe, elsewhere: Path) -> None:
    rows = pd.read_csv(tmp_path / "rows.csv")
    rows.loc[rows["user"] == "user 1", "label"] = "thing"
    rows.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(InputError, match="knows no label 'thing'"):
        made(recipe.replace({"bank.general": str(elsewhere)}), tmp_path / "bank")
    bank, _ = made(recipe, tmp_path / "bank")
    with pytest.raises(InputError, match="is a bank, not a run"):
        made(recipe.replace({"bank.general": str(bank)}), tmp_path / "again")
    assert json.loads((bank / "report.json").read_text())["generation"] == 1
