"""The learning curve of a run: what it trains on, that it changes nothing else, and that it can be taken up again."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftkit import files, pipeline, registry, runs
from ftkit.errors import FtkitError, Interrupted
from ftkit.metrics import load
from ftkit.recipe import Recipe, parse, read
from ftkit.statistics.predictions import read as read_predictions
from ftkit.statistics.predictions import scored
from ftkit.training import parts
from ftkit.training.finite import NotFinite

WORDS = {"fruit": ("apple", "pear", "plum", "fig", "cherry"), "tool": ("saw", "drill", "hammer", "file", "clamp")}


def recipe_in(folder: Path, rows: int = 100, **changes: Any) -> Recipe:
    """LoRA for two passes on easy rows with a few wrong labels, cross-fitted in two folds."""
    folder.mkdir(exist_ok=True)
    tree = registry.load("tasks", "text_classification").toy(folder)
    random, lines = np.random.default_rng(0), ["text,label,person"]
    for number in range(rows):
        label = ("fruit", "tool")[number % 2]
        one, other = random.choice(WORDS[label], 2)
        gold = label if random.random() < 0.8 else ("fruit", "tool")[1 - number % 2]
        lines.append(f"the {one} and the {other} of lot {number},{gold},p{number // 4}")
    (folder / "toy.csv").write_text("\n".join(lines), encoding="utf-8")
    tree |= {"method": {"name": "lora", "layers": "last 1"}, "train": {"epochs": 2, "batch": 16}}
    tree |= {"data": {"train": str(folder / "toy.csv"), "folds": 2}, "curve": {"points": 4, "seeds": 2}}
    return parse(tree, [(key, json.dumps(value)) for key, value in changes.items()])


def carry_out(recipe: Recipe, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Run a recipe in a folder, or take it up there."""
    folder.mkdir(exist_ok=True)
    return pipeline.run(recipe, lambda: folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Recipe]:
    """A run with its curve that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("made")
    recipe = recipe_in(folder)
    return *carry_out(recipe, folder / "run"), recipe


def test_the_largest_share_is_the_run_itself(made: Any) -> None:
    folder, report, _ = made
    curve = report["curve"]
    frame, about = read_predictions(folder / runs.PREDICTIONS)
    for name in ("adapted", "linear_probe"):
        seen, _ = scored(frame, name, 0, about["labels"], "label")
        assert curve["points"][name][-1]["values"][0] == pytest.approx(load("accuracy").compute(seen))
    assert curve["points"]["adapted"][-1]["values"][0] == report["scores"]["test"]["accuracy"]["value"]


def test_shares_grow_and_are_trained_several_times(made: Any) -> None:
    _, report, _ = made
    curve = report["curve"]
    for points in curve["points"].values():
        labels = [point["labels"] for point in points]
        assert len(labels) == 4 and labels == sorted(labels) and labels[0] >= 20
        assert labels[-1] == pytest.approx(np.mean([50, 50]), abs=8)
        assert all(len(point["values"]) == 2 and point["low"] <= point["value"] <= point["high"] for point in points)
    assert curve["rows"] == 100 and curve["labels"] == 100 and curve["seeds"] == 2 and curve["left_out"] == []
    assert curve["outcome"] == "cannot tell" and "not even 3 times" in curve["reason"]  # 20 to 50 labels
    assert curve["sentence"] in report["curve"]["sentence"] and curve["trend"] == []


@pytest.mark.slow
def test_nothing_else_of_the_run_changes(made: Any, tmp_path: Path) -> None:
    folder, report, recipe = made
    plain, alone = carry_out(recipe.replace({"curve.points": 0}), tmp_path / "plain")
    assert alone["curve"] is None
    for key in ("scores", "baselines", "verdict", "choices", "seeds", "mistakes"):
        assert files.as_json(alone[key]) == files.as_json(report[key]), key
    assert [line["member"] for line in alone["history"]] == [line["member"] for line in report["history"]]
    for name in (runs.PREDICTIONS, f"{runs.ADAPTER}/adapter_model.safetensors"):
        assert (plain / name).read_bytes() == (folder / name).read_bytes()
    assert report["cost"]["seconds"]["curve"] > 0 and "curve" not in alone["cost"]["seconds"]


@pytest.mark.slow
def test_test_rows_are_never_trained_on_and_units_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, set[int], set[int]]] = []
    repeat = parts.Fit.repeat

    def spy(self: parts.Fit, choice: Any, name: str, rows: np.ndarray) -> np.ndarray:
        assert set(rows) <= set(self.part.train)
        seen.append((self.part.name, set(rows.tolist()), set(self.part.test.tolist())))
        return repeat(self, choice, name, rows)

    monkeypatch.setattr(parts.Fit, "repeat", spy)
    recipe = recipe_in(tmp_path, **{"data.unit": "person"})
    folder, report = carry_out(recipe, tmp_path / "run")
    assert len(seen) == 2 * 2 * 3 + 2  # folds, seeds, shares; with all rows the run's own seed is there already
    for _, rows, test in seen:
        assert not rows & test
        assert not {row // 4 for row in rows} & {row // 4 for row in test}
        assert all(4 * (row // 4) + i in rows for row in rows for i in range(4))
    assert report["curve"]["points"]["adapted"]
    page = (folder / runs.PAGE).read_text(encoding="utf-8")
    assert report["curve"]["sentence"] in page


@pytest.mark.slow
def test_a_curve_stopped_anywhere_is_taken_up_again(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C within a share, and a kill right after one was finished: the report is the same."""
    _, report, recipe = made
    trained: list[str] = []
    train = parts.Fit.train

    def interrupt(self: parts.Fit, arm: Any, lr: float, name: str, *rest: Any) -> Any:
        trained.append(name)
        if name.startswith("share") and len([one for one in trained if one.startswith("share")]) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return train(self, arm, lr, name, *rest)

    monkeypatch.setattr(parts.Fit, "train", interrupt)
    with pytest.raises(Interrupted):
        carry_out(recipe, tmp_path / "run")
    monkeypatch.setattr(parts.Fit, "train", train)

    def vanish(self: parts.Fit, choice: Any, name: str, rows: np.ndarray) -> np.ndarray:
        logits = repeat(self, choice, name, rows)
        if self.seed == 1 and name == "share 2":
            raise FtkitError("the machine went down")
        return logits

    repeat = parts.Fit.repeat
    monkeypatch.setattr(parts.Fit, "repeat", vanish)
    with pytest.raises(FtkitError, match="went down"):
        carry_out(read(tmp_path / "run" / runs.RECIPE), tmp_path / "run")
    monkeypatch.setattr(parts.Fit, "repeat", repeat)
    fresh: list[str] = []
    fit = parts.fit

    def count(job: Any, members: Any) -> Any:
        fresh.extend(one.name for one in members if not one.step)
        return fit(job, members)

    monkeypatch.setattr(parts, "fit", count)
    _, again = carry_out(read(tmp_path / "run" / runs.RECIPE), tmp_path / "run")
    assert files.as_json(again["curve"]) == files.as_json(report["curve"])
    assert again["scores"] == report["scores"] and again["history"] != []
    assert set(fresh) <= {"share 2", "share 3", "share 4"} and len(fresh) <= 5  # what was finished is not trained again


@pytest.mark.slow
def test_a_share_that_runs_away_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repeat = parts.Fit.repeat

    def run_away(self: parts.Fit, choice: Any, name: str, rows: np.ndarray) -> np.ndarray:
        if name == "share 2" and self.seed == 1:
            raise NotFinite("share 2: the loss is no number")
        return repeat(self, choice, name, rows)

    monkeypatch.setattr(parts.Fit, "repeat", run_away)
    _, report = carry_out(recipe_in(tmp_path, rows=60), tmp_path / "run")
    assert len(report["curve"]["left_out"]) == 1
    assert len(report["curve"]["points"]["adapted"]) == len(report["curve"]["points"]["linear_probe"]) > 0
    assert "the learning curve goes without" in capsys.readouterr().err


@pytest.mark.slow
def test_few_rows_and_a_solved_head_have_a_curve_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = carry_out(recipe_in(tmp_path, rows=24, **{"method.name": "head"}), tmp_path / "run")
    curve = report["curve"]
    assert len(curve["points"]["adapted"]) == 1 and "too few for 4 shares" in curve["sentence"]
    assert curve["points"]["adapted"][0]["values"] == curve["points"]["linear_probe"][0]["values"]
    assert "the learning curve takes 2 more trainings" in capsys.readouterr().err


def test_hidden_rows_show_nothing_in_a_curve(tmp_path: Path) -> None:
    recipe = recipe_in(tmp_path, **{"report.rows": "hide"})
    _, report = carry_out(recipe, tmp_path / "run")
    said = files.as_json(report["curve"])
    assert report["curve"]["points"] and not any(word in said for word in ("fruit", "tool", "lot ", "p1"))


@pytest.mark.slow  # the real base
def test_a_real_curve_rises_and_foretells(tmp_path: Path) -> None:
    from ftkit.recipe import shipped

    data = {"train": str(shipped.example_data())}
    tree = {"base": "minilm", "task": {"name": "text_classification", "text": "message", "label": "label"}}
    tree |= {"data": data, "method": {"name": "head"}, "curve": {"points": 6}}
    folder, report = carry_out(parse(tree), tmp_path / "run")
    curve = report["curve"]
    values = [point["value"] for point in curve["points"]["adapted"]]
    assert values == sorted(values) and values[-1] > values[0] + 0.25
    assert curve["outcome"] == "gain" and curve["back_test"]["inside"]
    assert curve["ahead"][0]["labels"] == pytest.approx(2 * curve["points"]["adapted"][-1]["labels"])
    assert 0 < curve["ahead"][0]["gain"]["low"] < curve["ahead"][0]["gain"]["high"] < 0.12
    assert "Twice the labels to train on" in (folder / runs.PAGE).read_text(encoding="utf-8")
