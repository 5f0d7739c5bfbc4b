"""Runs that predict numbers, from a table to a page, on the toy of text_regression."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_pipeline import carry_out, toy_recipe

from ftkit import runs
from ftkit.comparison.document import Asked, compare
from ftkit.errors import Faults, InputError
from ftkit.models.assembly import load_run
from ftkit.models.delivery import read_head
from ftkit.recipe import Recipe
from ftkit.reports.comparison import render_comparison
from ftkit.statistics.predictions import read
from ftkit.verbs.checking import check
from ftkit.verbs.evaluating import evaluate
from ftkit.verbs.predicting import predict

TASK = "text_regression"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Recipe]:
    """A cross-fitted toy run that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("made")
    recipe = toy_recipe(folder, TASK, **{"train.epochs": 8, "train.lr": 5e-3})
    return *carry_out(recipe, folder / "run"), recipe


def test_the_report_is_of_numbers_and_learns_more_than_the_mean(made: Any) -> None:
    _, report, _ = made
    assert report["kind"] == "values" and report["labels"] == ["label"] and report["primary"] == "rmse"
    assert list(report["scores"]["test"]) == ["rmse", "mae", "pearson", "spearman"]  # prices are no ratings
    assert set(report["baselines"]) == {"mean", "median", "tfidf", "nearest_neighbour", "linear_probe"}
    mae = {name: found["mae"]["value"] for name, found in report["baselines"].items()}
    assert report["scores"]["test"]["mae"]["value"] < 0.8 * min(mae["mean"], mae["median"])
    assert report["baselines"]["mean"]["pearson"]["note"].startswith("one answer for all rows")
    assert report["per_label"] == [] and report["confusion"] is None and report["reliability"] is None
    assert "numbers" in report["calibration"]["why_not"] and report["selective"] is None
    assert "numbers" in report["doubtful"]["why_not"] and report["data"]["label_counts"] == {}
    spread = report["data"]["distributions"]["train"]["label"]
    assert spread["rows"] == 24 and 0 < spread["lower_quartile"] < spread["median"] < spread["upper_quartile"]


def test_predictions_are_floats_in_their_own_unit_and_give_the_scores_again(made: Any) -> None:
    folder, report, recipe = made
    frame, about = read(folder / runs.PREDICTIONS)
    assert about["schema"] == 2 and frame["gold"].dtype == frame["prediction"].dtype == np.float64
    mine = frame[frame["predictor"] == "adapted"]
    prices = pd.read_csv(str(recipe.data.train))["label"]
    assert sorted(mine["gold"]) == sorted(prices)
    error = (mine["prediction"] - mine["gold"]).abs()
    assert error.mean() == pytest.approx(report["scores"]["test"]["mae"]["value"])
    np.testing.assert_allclose(mine["loss"], error)
    assert all(len(scores) == 0 for scores in mine["scores"])


def test_the_head_says_at_which_mean_and_sd_it_was_trained(made: Any) -> None:
    folder, _, recipe = made
    prices = pd.read_csv(str(recipe.data.train))["label"]
    head = read_head(folder / runs.ADAPTER)
    assert head.scale is not None
    assert head.scale.mean[0] == pytest.approx(prices.mean()) and head.scale.sd[0] == pytest.approx(prices.std(ddof=0))
    described = json.loads((folder / runs.ADAPTER / "head.json").read_text())
    assert described["labels"] == ["label"] and len(described["mean"]) == len(described["sd"]) == 1


def test_predict_writes_numbers_and_no_confidence(made: Any, tmp_path: Path) -> None:
    folder, _, recipe = made
    table = tmp_path / "new.csv"
    table.write_text("id,text\n007,one drill please\nx,\n8,one apple please\n")
    rows = pd.read_csv(predict(folder, str(table), tmp_path / "out.csv"), dtype={"id": str})
    assert list(rows) == ["id", "text", "prediction"] and rows["prediction"].isna().tolist() == [False, True, False]
    expected, _ = load_run(folder).logits([("one drill please",)])
    assert rows["prediction"][0] == pytest.approx(expected[0, 0], abs=1e-5)
    assert rows["prediction"][0] > rows["prediction"][2] + 10
    with pytest.raises(InputError, match="numbers are predicted"):
        predict(folder, str(table), tmp_path / "calibrated.csv", calibrated=True)
    (report,) = evaluate([folder], str(_priced(tmp_path)))
    assert report["rows"] == 3 and report["scores"]["test"]["mae"]["value"] > 0


def _priced(folder: Path) -> Path:
    table = folder / "priced.csv"
    table.write_text("text,label\nan apple for me,1\na hammer for you,18\nthe pear,2.5\n")
    return table


def test_the_page_draws_predicted_against_true(made: Any) -> None:
    folder, _, _ = made
    page = (folder / runs.PAGE).read_text(encoding="utf-8")
    assert "Predicted against true" in page and "Largest errors" in page and "Numbers to predict" in page
    assert "Confusions" not in page and "Doubtful labels" not in page and "Most confident" not in page
    assert "closer" in page and "mended" not in page
    card = (folder / runs.CARD).read_text(encoding="utf-8")
    assert "1 number: `label`" in card and 'about["sd"]' in card


def test_the_snippet_of_the_card_gives_the_numbers_of_the_run(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _ = made
    card = (folder / runs.CARD).read_text(encoding="utf-8")
    code = card.partition("```python\n")[2].partition("```")[0].rpartition("print(")[0]
    monkeypatch.chdir(folder)
    space: dict[str, Any] = {}
    exec(code, space)
    texts = ["one drill please", "bring the apple and a pear"]
    expected, _ = load_run(folder).logits([(text,) for text in texts])
    np.testing.assert_allclose(space["predict"](texts).numpy(), expected, atol=1e-4)


def test_several_targets_have_a_head_row_and_a_column_each(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, TASK)
    rows = pd.read_csv(tmp_path / "toy.csv").assign(tax=lambda table: table["label"] / 10)
    rows.to_csv(tmp_path / "toy.csv", index=False)
    folder, report = carry_out(recipe.replace({"task.label": ["label", "tax"]}), tmp_path / "run")
    assert report["labels"] == ["label", "tax"] and [one["target"] for one in report["values"]] == ["label", "tax"]
    frame, _ = read(folder / runs.PREDICTIONS)
    assert all(len(cell) == 2 for cell in frame["gold"]) and all(len(cell) == 2 for cell in frame["prediction"])
    found = pd.read_csv(predict(folder, str(tmp_path / "toy.csv"), tmp_path / "out.csv"))
    assert {"prediction.label", "prediction.tax"} <= set(found) and "confidence" not in found


def test_ratings_are_clipped_to_their_scale_and_scored_as_ratings(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, TASK)
    rows = pd.read_csv(tmp_path / "toy.csv")
    rows["label"] = rows["label"].rank(method="dense").clip(upper=5).astype(int)
    rows.to_csv(tmp_path / "toy.csv", index=False)
    folder, report = carry_out(recipe, tmp_path / "run")
    assert {"quadratic_kappa", "within_one"} <= set(report["scores"]["test"])
    frame, _ = read(folder / runs.PREDICTIONS)
    assert frame["prediction"].between(1, 5).all()
    assert "scale:\n  - 1.0\n  - 5.0\n" in (folder / runs.RECIPE).read_text()
    assert report["values"][0]["ratings"] and [one["low"] for one in report["values"][0]["bins"]] == [1, 2, 3, 4, 5]
    said = [one["what"] for one in check(recipe.replace({"task.scale": [1, 4]}))["findings"] if one["check"] == "scale"]
    assert len(said) == 1 and "off the scale of 1 to 4" in said[0]


def test_an_earlier_run_is_a_base_whose_head_says_the_same_at_another_scale(made: Any, tmp_path: Path) -> None:
    folder, _, _ = made
    recipe = toy_recipe(tmp_path, TASK, base=str(folder), **{"train.epochs": 0, "data.validation": "none"})
    rows = pd.read_csv(tmp_path / "toy.csv").assign(label=lambda table: table["label"] * 3 + 100)
    rows["text"] = rows["text"] + " please"  # other rows than the base was trained on
    rows.to_csv(tmp_path / "toy.csv", index=False)
    later, _ = carry_out(recipe, tmp_path / "later")
    texts = [("the drill",), ("one pear",)]
    before, after = (load_run(one).logits(texts)[0] for one in (folder, later))
    np.testing.assert_allclose(after, before, rtol=1e-4)
    assert read_head(later / runs.ADAPTER).scale.mean[0] > 100  # type: ignore[union-attr]


def test_two_runs_are_compared_in_the_unit_of_the_metric(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftkit.statistics.permutation.SLOW_DRAWS", 200)  # no p-value is looked at
    folder, _, recipe = made
    other, _ = carry_out(recipe.replace({"method": {"name": "head"}}), tmp_path / "head")
    document = compare(Asked([str(other), str(folder)], margin=5.0))
    assert document["primary"] == "rmse" and document["margin"]["mae"] == 5.0 == document["margin"]["rmse"]
    (primary,) = [one for one in document["comparisons"] if one["metric"] == "rmse"]
    assert primary["difference"]["value"] == pytest.approx(primary["reference"] - primary["value"])
    assert primary["fixed"] + primary["broken"] <= 24 and "points" not in primary["sentence"]
    moved = [abs(row["prediction_a"] - row["prediction_b"]) for row in document["flips"]]
    assert len(moved) == primary["fixed"] + primary["broken"]
    assert all(isinstance(row["gold"], float) for row in document["flips"])
    page = render_comparison(document)
    assert "closer to the truth than the reference" in page


def test_hidden_rows_show_no_single_number(tmp_path: Path) -> None:
    folder, report = carry_out(toy_recipe(tmp_path, TASK, **{"report.rows": "hide"}), tmp_path / "run")
    assert report["values"][0]["points"] == [] and report["values"][0]["bins"] and report["mistakes"] == []
    text = (folder / runs.PAGE).read_text() + (folder / runs.CARD).read_text()
    assert "hammer" not in text and "Predicted against true" in text


@pytest.mark.parametrize(
    ("key", "value"),
    [("data.per_label", 3), ("data.rare", "drop"), ("data.label_map", {"1": "2"}), ("train.class_weight", "balanced")],
)
def test_keys_that_go_by_label_are_refused(key: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(Faults, match="predicts numbers, which are no labels"):
        toy_recipe(tmp_path, TASK, **{key: value})


@pytest.mark.parametrize(("task", "metric"), [(TASK, "accuracy"), ("text_classification", "rmse")])
def test_a_metric_of_another_kind_is_refused_with_those_that_fit(task: str, metric: str, tmp_path: Path) -> None:
    with pytest.raises(Faults, match=f"{metric} is no metric of {task}"):
        toy_recipe(tmp_path, task, **{"evaluate.metrics": [metric]})


def test_one_number_for_all_rows_is_refused(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, TASK)
    pd.read_csv(tmp_path / "toy.csv").assign(label=3).to_csv(tmp_path / "toy.csv", index=False)
    with pytest.raises(InputError, match="24 training rows all have the same number"):
        carry_out(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_cells_without_a_number_are_counted_by_place(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, TASK, **{"data.max_bad": 0.2})
    with (tmp_path / "toy.csv").open("a", encoding="utf-8") as file:
        file.write("a drill for free,gratis\na pear,nan\n")
    report = check(recipe)
    assert report["dropped"] == {"no number": 2} and report["rows_used"] == 24
    with pytest.raises(InputError, match="no number"):
        check(recipe.replace({"data.max_bad": 0.01}))
