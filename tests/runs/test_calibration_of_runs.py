"""Whole runs: which logits a temperature is fitted on, what it is used for, and that it survives an interruption."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from training.test_checkpoints import carry_out, crash, equal_runs, stop_after, toy_recipe

from ftkit import runs
from ftkit.cli import main
from ftkit.recipe import read
from ftkit.runs import calibrated
from ftkit.statistics import temperature
from ftkit.training.fitting import Outcome


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """The toy has 24 rows, which must do here; no page is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(temperature, "FEW_ROWS", 2)
        patch.setattr("ftkit.runs.saving.render_run", lambda *given: "")
        yield


@pytest.fixture(scope="module")
def seen() -> Iterator[list[Outcome]]:
    """The outcome of each run that is carried out."""
    found: list[Outcome] = []
    report = calibrated.calibration_of

    def spy(outcome: Outcome, *rest: Any) -> dict[str, Any]:
        found.append(outcome)
        return report(outcome, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ftkit.runs.document.calibration_of", spy)
        yield found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows whose labels cannot be learnt wholly, so that there is a temperature to find."""
    folder = tmp_path_factory.mktemp("table")
    toy_recipe(folder)
    lines = (folder / "toy.csv").read_text(encoding="utf-8").splitlines()
    turned = {3: "tool", 9: "tool", 15: "fruit", 21: "fruit"}
    rows = [line if i not in turned else f"{line.rpartition(',')[0]},{turned[i]}" for i, line in enumerate(lines)]
    (folder / "toy.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folded(table: Path, seen: list[Outcome], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run of two folds that nobody disturbed."""
    folder = tmp_path_factory.mktemp("folded")
    carry_out(recipe_on(table, folder / "data"), folder / "run")
    return folder / "run", seen[-1]


def calibration(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / runs.REPORT).read_text(encoding="utf-8"))["calibration"]
    return found


def recipe_on(table: Path, folder: Path, **changes: Any) -> Any:
    recipe = toy_recipe(folder, **changes)
    (folder / "toy.csv").write_text((table / "toy.csv").read_text(encoding="utf-8"), encoding="utf-8")
    return recipe


def head_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / runs.ADAPTER / "head.json").read_text(encoding="utf-8"))
    return found


def test_folds_fit_on_what_they_chose_by(folded: tuple[Path, Outcome]) -> None:
    (run, outcome), found = folded, calibration(folded[0])
    final = outcome.final.choice
    pooled: list[np.ndarray] = []
    for part in outcome.session.splits.parts[:-1]:
        one = outcome.fits[part.name, 0]
        assert one.choice.held is not None
        asked = np.concatenate([held for _, held in part.inner])
        assert np.array_equal(one.choice.held.rows, asked)
        assert not set(asked) & set(part.test)  # never on test rows
        targets = outcome.session.targets[asked]
        value = temperature.fitted(asked, one.choice.held.logits, targets).value
        assert found["parts"][part.name] == {"temperature": value, "rows": len(set(asked))}
        if one.choice.arm == final.arm:
            pooled.append(one.choice.held.logits)
    assert final.held is not None and np.array_equal(final.held.logits, np.concatenate(pooled))
    assert head_of(run)["temperature"] == found["temperature"] == found["parts"]["final"]["temperature"]
    assert found["why_not"] == "" and found["fitted_on_rows"] == len(set(final.held.rows.tolist()))


def test_held_logits_are_those_of_the_passes_that_were_chosen(
    table: Path, tmp_path: Path, seen: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftkit.training.parts import Fit, Tried

    tried: list[Tried] = []
    attempt = Fit.attempt
    monkeypatch.setattr(Fit, "attempt", lambda self, *given: tried.append(attempt(self, *given)) or tried[-1])
    carry_out(recipe_on(table, tmp_path / "data", **{"train.epochs": 6, "data.folds": 0}), tmp_path / "run")
    (one,) = tried
    held = seen[-1].final.choice.held
    assert held is not None
    by_pass = [np.concatenate([m.held[min(k, len(m.held) - 1)] for m in one.members]) for k in range(7)]
    assert np.array_equal(held.logits, by_pass[one.epochs])
    assert sum(np.array_equal(held.logits, other) for other in by_pass) < 7  # passes differ at all


def test_test_rows_are_scaled_with_their_own_folds_temperature(folded: tuple[Path, Outcome]) -> None:
    found = calibration(folded[0])
    rows = pd.read_parquet(folded[0] / runs.PREDICTIONS)
    mine = rows[rows["predictor"] == "adapted"]
    powers = np.array([1 / found["parts"][f"fold {fold + 1}"]["temperature"] for fold in mine["fold"]])
    assert len(set(powers)) == 2
    scores = np.stack(mine["scores"].to_list()).astype(float) ** powers[:, None]
    scores /= scores.sum(1, keepdims=True)
    gold = mine["gold"].map({"fruit": 0, "tool": 1}).to_numpy()
    loss = -np.log(scores[np.arange(len(gold)), gold]).mean()
    assert found["after"]["log_loss"]["value"] == pytest.approx(loss, rel=1e-4)
    assert found["before"]["log_loss"]["value"] == pytest.approx(mine["loss"].mean())


def test_heads_that_are_only_solved_are_judged_by_the_holdouts_of_the_probe(
    table: Path, tmp_path: Path, seen: list[Outcome]
) -> None:
    recipe = recipe_on(table, tmp_path / "data", method="head", **{"data.folds": 0, "train.epochs": "auto"})
    report = carry_out(recipe, tmp_path / "run")
    outcome = seen[-1]
    held, part = outcome.final.choice.held, outcome.session.splits.parts[-1]
    assert held is not None and len(part.inner) > 1
    start = 0
    for rows, out in part.inner:
        solve, _ = outcome.session.warm_start(part)
        head = solve(rows)
        features = outcome.session.pooled[head.pooling][out]
        assert np.array_equal(held.logits[start : start + len(out)], head.logits(features))
        start += len(out)
    assert report["calibration"]["temperature"] == head_of(tmp_path / "run")["temperature"] is not None


@pytest.mark.parametrize("steps", [3, pytest.param(14, marks=pytest.mark.slow)])
def test_a_run_taken_up_again_has_the_same_temperature(
    folded: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    recipe = read(folded[0] / runs.RECIPE)
    assert calibration(folded[0])["temperature"] is not None
    with monkeypatch.context() as patch:
        stop_after(steps, patch, crash)
        with pytest.raises(MemoryError):
            carry_out(recipe, tmp_path / "run")
    carry_out(read(tmp_path / "run" / runs.RECIPE), tmp_path / "run")
    equal_runs(tmp_path / "run", folded[0])


@pytest.mark.slow
def test_runs_that_have_none_say_why(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_on(table, tmp_path / "data", method="head", **{"data.validation": "none"})
    found = carry_out(recipe, tmp_path / "none")
    assert found["calibration"]["temperature"] is None and found["calibration"]["after"] is None
    assert found["calibration"]["why_not"] == f"fold 1: {calibrated.NONE_ASKED}"
    assert found["selective"]["chosen_on"] == "test" and found["selective"]["rows"] == 24
    monkeypatch.setattr(temperature, "FEW_ROWS", 30)
    found = carry_out(recipe_on(table, tmp_path / "more", method="head"), tmp_path / "few")
    assert "a temperature takes 30" in found["calibration"]["why_not"]
    assert head_of(tmp_path / "few")["temperature"] is None


@pytest.mark.slow
def test_every_seed_has_its_own(table: Path, tmp_path: Path) -> None:
    carry_out(recipe_on(table, tmp_path / "data", seeds=2), tmp_path / "run")
    heads = [json.loads((tmp_path / "run" / runs.SEEDS / seed / "head.json").read_text()) for seed in "01"]
    assert heads[0]["temperature"] != heads[1]["temperature"]
    assert head_of(tmp_path / "run")["temperature"] in [head["temperature"] for head in heads]


def test_predict_divides_only_when_asked(
    folded: tuple[Path, Outcome], workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folded[0], workdir / "run")
    (workdir / "new.csv").write_text("text\nbring the saw\na ripe plum and one saw\n", encoding="utf-8")
    for name, flags in (("plain.csv", []), ("calibrated.csv", ["--calibrated"])):
        assert main(["predict", "run", "new.csv", "--scores", "--out", name, *flags]) == 0
    plain, scaled = (pd.read_csv(name) for name in ("plain.csv", "calibrated.csv"))
    value = head_of(workdir / "run")["temperature"]
    assert list(plain["prediction"]) == list(scaled["prediction"])
    columns = ["score.fruit", "score.tool"]
    wanted = plain[columns].to_numpy() ** (1 / value)
    assert np.allclose(scaled[columns], wanted / wanted.sum(1, keepdims=True), atol=1e-4)
    assert not np.allclose(scaled["confidence"], plain["confidence"])
    assert f"calibrated: (logits / {value:.4g}).softmax(-1)" in (workdir / "run" / runs.CARD).read_text()
    head = head_of(workdir / "run") | {"temperature": None}
    (workdir / "run" / runs.ADAPTER / "head.json").write_text(json.dumps(head))
    capsys.readouterr()
    assert main(["predict", "run", "new.csv", "--out", "no.csv", "--calibrated"]) == 2
    assert "run: has no temperature" in capsys.readouterr().err
    report = json.loads((workdir / "run" / runs.REPORT).read_text())
    del report["calibration"], head["temperature"]
    (workdir / "run" / runs.REPORT).write_text(json.dumps(report))
    (workdir / "run" / runs.ADAPTER / "head.json").write_text(json.dumps(head))
    assert main(["predict", "run", "new.csv", "--out", "no.csv", "--calibrated"]) == 2
    assert "was trained before ftkit fitted temperatures" in capsys.readouterr().err
    assert not (workdir / "no.csv").exists()
    assert main(["predict", "run", "new.csv", "--out", "still.csv"]) == 0
