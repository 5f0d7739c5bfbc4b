"""Runs that predict positions from a table to a page, on the toy of vector_regression."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from test_pipeline import carry_out, toy_recipe

from ftkit import runs
from ftkit.bases import own
from ftkit.comparison.document import Asked, compare
from ftkit.models.assembly import load_run
from ftkit.models.delivery import read_head
from ftkit.recipe import Recipe
from ftkit.tasks.vector_regression import SMALL
from ftkit.verbs.evaluating import evaluate
from ftkit.verbs.predicting import predict

TASK = "vector_regression"
LITTLE = {"config": SMALL | {"hidden_size": 16, "num_hidden_layers": 2, "dropout": 0.0}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Recipe]:
    """A cross-fitted toy run that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("made")
    recipe = toy_recipe(folder, TASK, **{"train.epochs": 8, "train.lr": 5e-3})
    return *carry_out(recipe, folder / "run"), recipe


@pytest.fixture(scope="module")
def of_sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Recipe]:
    """A run from random weights on pairs of access point and strength."""
    folder = tmp_path_factory.mktemp("sets")
    recipe = toy_recipe(folder, TASK, base=LITTLE, **{"train.epochs": 3, "method.name": "full"})
    listed(folder / "toy.csv")
    keys = {"layout": "pairs", "inputs": ["heard"], "label": ["x", "y"], "floor": "floor", "name": TASK}
    recipe = recipe.replace({"task": keys})
    return *carry_out(recipe, folder / "run"), recipe


def listed(path: Path) -> None:
    """The toy's access points in one cell a row."""
    rows = pd.read_csv(path)
    names = [name for name in rows if name.startswith("ap")]
    cells = [",".join(f"{name}:{row[name]:.0f}" for name in names if row[name] != 100) for _, row in rows.iterrows()]
    rows.drop(columns=names).assign(heard=cells).to_csv(path, index=False)


def test_the_report_is_of_positions(made: Any) -> None:
    folder, report, _ = made
    assert report["labels"] == ["x", "y", "floor"] and report["primary"] == "mean_error"
    first = ["mean_error", "median_error", "p95_error", "floor_hit_rate", "evaal"]
    assert list(report["scores"]["test"])[:5] == first
    assert {"weighted_neighbours", "nearest_place", "mean", "linear_probe"} <= set(report["baselines"])
    value = report["scores"]["test"]["mean_error"]
    assert value["low"] < value["value"] < value["high"]
    assert value["value"] < report["baselines"]["mean"]["mean_error"]["value"]
    page = (folder / runs.PAGE).read_text(encoding="utf-8")
    assert "Floor 1" in page and "Floor 2" in page and "Share of rows that are off by no more" in page


def test_floors_that_are_predicted_are_floors(made: Any) -> None:
    folder, _, _ = made
    frame = pd.read_parquet(folder / runs.PREDICTIONS)
    floors = np.array([cell[2] for cell in frame["prediction"][~frame["predictor"].isin(["mean", "median"])]])
    assert set(floors.tolist()) <= {1.0, 2.0}
    assert len(frame) == 24 * frame["predictor"].nunique()


def test_the_head_keeps_mean_and_scale_of_every_target(made: Any) -> None:
    folder, _, recipe = made
    head, rows = read_head(folder / runs.ADAPTER), pd.read_csv(str(recipe.data.train))
    assert head.scale is not None and head.labels == ("x", "y", "floor 1", "floor 2")
    np.testing.assert_allclose(head.scale.mean, [*rows[["x", "y"]].mean(), 0, 0])
    np.testing.assert_allclose(head.scale.sd, [*rows[["x", "y"]].std(ddof=0), 1, 1])


def test_predict_writes_coordinates(made: Any, tmp_path: Path) -> None:
    folder, _, recipe = made
    rows = pd.read_csv(str(recipe.data.train)).drop(columns=["x", "y", "floor", "ap6"])
    rows.loc[3, :] = 100
    rows.to_csv(tmp_path / "new.csv", index=False)
    found = pd.read_csv(predict(folder, str(tmp_path / "new.csv"), tmp_path / "out.csv", scores=True))
    floors = found[["score.floor 1", "score.floor 2"]].dropna()
    assert np.allclose(floors.sum(axis=1), 1, atol=1e-5)
    likeliest = floors.to_numpy().argmax(axis=1) + 1
    assert (likeliest == found["prediction.floor"].dropna()).all() and set(likeliest) == {1, 2}
    assert {"prediction.x", "prediction.y", "prediction.floor"} <= set(found)
    assert found["prediction.x"].isna().sum() == 1 and set(found["prediction.floor"].dropna()) <= {1.0, 2.0}
    (report,) = evaluate([folder], str(_shaken(recipe, tmp_path)))
    assert report["scores"]["test"]["mean_error"]["value"] > 0


def _shaken(recipe: Recipe, folder: Path) -> Path:
    rows = pd.read_csv(str(recipe.data.train))
    rows[[name for name in rows if name.startswith("ap")]] -= 1
    rows.replace(99, 100).to_csv(folder / "later.csv", index=False)
    return folder / "later.csv"


@pytest.mark.parametrize("kind", ["columns", "set"])
def test_the_snippet_of_the_card_carries_the_model(kind: str, request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _ = request.getfixturevalue("made" if kind == "columns" else "of_sets")
    card = (folder / runs.CARD).read_text(encoding="utf-8")
    code = card.partition("```python\n")[2].partition("```")[0].rpartition("print(")[0]
    assert "class VectorModel" in code and "ftkit." not in code.replace("ftkit_vector", "")
    monkeypatch.chdir(folder)
    space: dict[str, Any] = {"__name__": "card"}
    exec(code, space)
    model = load_run(folder)
    frame = pd.read_parquet(folder / runs.ROWS)
    rows = [{"ap1": -40.0, "ap2": -71.0}, {"ap3": -55.0}, {"ap1": -60.0, "ap4": -44.0, "ap6": -80.0}]
    from ftkit.data.measured import Measured

    items = [(Measured("row", tuple(row), np.array(list(row.values()))),) for row in rows]
    expected, _ = model.logits(items)  # type: ignore[arg-type]  # an item is a text by its name
    task = model.recipe.task
    told = task.decode(task.scores(expected), model.head.labels)
    np.testing.assert_allclose(space["predict"](rows).numpy(), told, atol=1e-4)
    assert len(frame) == 24


def test_weights_from_random_ones_are_a_checkpoint_that_loads_again(of_sets: Any) -> None:
    folder, report, _ = of_sets
    config = json.loads((folder / runs.START / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == own.VECTOR and config["kind"] == "set"
    assert config["table"]["columns"] == [f"ap{i}" for i in range(1, 7)]
    assert load_file(folder / runs.START / "model.safetensors")["stem.codes.weight"].shape == (4096, 16)
    assert report["data"]["unknown_share"] == 0


def test_a_run_is_the_base_of_another_whose_source_is_scored_as_it_is(of_sets: Any, tmp_path: Path) -> None:
    folder, _, recipe = of_sets
    rows = pd.read_csv(str(recipe.data.train))
    rows["heard"] = rows["heard"] + ",new:-60"
    rows.to_csv(tmp_path / "later.csv", index=False)
    keys = {
        "base": str(folder),
        "data.train": str(tmp_path / "later.csv"),
        "method": {"name": "lora", "layers": "last 1"},
    }
    _, report = carry_out(recipe.replace(keys), tmp_path / "later")
    assert "source" in report["baselines"] and "from_scratch" in report["baselines"]
    assert 0 < report["data"]["unknown_share"] < 0.5 and report["choices"]["prefix_cached"]
    elsewhere = recipe.replace(keys | {"task.site": "other"})
    _, report = carry_out(elsewhere, tmp_path / "elsewhere")
    assert "source" not in report["baselines"], "coordinates of another building are not carried over"


def test_a_floor_that_the_base_did_not_know_is_learnt(made: Any, tmp_path: Path) -> None:
    folder, _, recipe = made
    rows = pd.read_csv(_shaken(recipe, tmp_path))
    rows.loc[rows.index[::4], "floor"] = 3
    rows.to_csv(tmp_path / "taller.csv", index=False)
    keys = {"base": str(folder), "data.train": str(tmp_path / "taller.csv"), "method": {"name": "head"}}
    run, report = carry_out(recipe.replace(keys | {"task.floors": "auto"}), tmp_path / "taller")
    assert read_head(run / runs.ADAPTER).labels == ("x", "y", "floor 1", "floor 2", "floor 3")
    frame = pd.read_parquet(run / runs.PREDICTIONS)
    said = {name: {cell[2] for cell in some["prediction"]} for name, some in frame.groupby("predictor")}
    assert said["source"] == {1.0, 2.0} and report["labels"] == ["x", "y", "floor"]


def test_two_runs_are_compared_in_metres(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (("EXACT", 0), ("SLOW_DRAWS", 200)):  # no p-value is looked at
        monkeypatch.setattr(f"ftkit.statistics.permutation.{name}", few)
    folder, _, recipe = made
    other, _ = carry_out(recipe.replace({"method": {"name": "head"}}), tmp_path / "head")
    document = compare(Asked([str(other), str(folder)]))
    metrics = {one["metric"]: one for one in document["comparisons"]}
    assert {"mean_error", "median_error", "evaal", "floor_hit_rate"} <= set(metrics)
    assert metrics["mean_error"]["difference"]["low"] <= metrics["mean_error"]["difference"]["value"]


def test_hidden_rows_have_no_place_on_the_map(tmp_path: Path) -> None:
    folder, report = carry_out(toy_recipe(tmp_path, TASK, **{"report.rows": "hide"}), tmp_path / "run")
    assert all(one["points"] == [] for one in report["places"]["floors"]) and report["places"]["curves"]["adapted"]
    page = (folder / runs.PAGE).read_text(encoding="utf-8")
    assert "Share of rows that are off by no more" in page and "Each line leads" not in page


def test_the_example_data_is_what_its_script_draws() -> None:
    from made_fingerprints import lines

    from ftkit.recipe import shipped

    file = shipped.root() / "data" / "office_fingerprints.csv"
    assert file.read_text(encoding="utf-8").splitlines() == list(lines())
