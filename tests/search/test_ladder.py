"""The ladder: when a rung is taken, and that a search is chosen by inner rows, told in the report and carried out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.test_checkpoints import carry_out, equal_runs, toy_recipe

from ftkit import folders, metrics, runs
from ftkit.errors import InputError
from ftkit.methods.lora import Lora
from ftkit.models.assembly import load_run
from ftkit.recipe import read
from ftkit.search.ladder import weigh

AUTO = {"method": {"name": "auto", "last": 1}, "train": {"epochs": 2, "batch": 8, "checkpoint": "every step"}}


def answers(right: np.ndarray) -> metrics.Scored:
    """Predictions of rows of one label, right where told."""
    gold = np.zeros(len(right), dtype=np.int64)
    said = np.where(right, 0, 1)
    return metrics.Scored(("a", "b"), gold, said, np.eye(2)[said])


def test_a_gain_must_exceed_half_a_point_and_half_a_standard_error() -> None:
    accuracy = metrics.load("accuracy")
    below = np.arange(1000) < 800
    few, more = below.copy(), below.copy()
    few[800:804] = True
    more[800:840] = True
    small, large = weigh(accuracy, answers(few), answers(below)), weigh(accuracy, answers(more), answers(below))
    assert small.gain == pytest.approx(0.004) and small.needed == 0.005 and not small.climbed
    assert large.gain == pytest.approx(0.04) and large.climbed
    # McNemar's variance: of 60 rows 40 fixed and 20 broken
    noisy = below.copy()
    noisy[800:840], noisy[:20] = True, False
    found = weigh(accuracy, answers(noisy), answers(below))
    expected = np.sqrt((60 / 1000 - (20 / 1000) ** 2) / 999)
    assert found.standard_error == pytest.approx(expected, rel=1e-3)
    assert found.needed == pytest.approx(max(0.005, expected / 2)) and found.climbed


def test_units_make_the_error_larger_where_they_hang_together() -> None:
    accuracy = metrics.load("accuracy")
    below = np.ones(200, dtype=bool)
    above = below.copy()
    above[:20] = False
    units = np.repeat(np.arange(10), 20)
    alone, together = (weigh(accuracy, answers(above), answers(below), one) for one in (None, units))
    assert together.standard_error > 2 * alone.standard_error and not together.climbed


def test_a_metric_where_lower_is_better_is_turned() -> None:
    loss = metrics.load("log_loss")
    gold = np.array([0, 1] * 20)
    good = np.where(np.eye(2)[gold] > 0, 0.9, 0.1)
    bad = np.where(np.eye(2)[gold] > 0, 0.6, 0.4)
    scored = [metrics.Scored(("a", "b"), gold, gold, one) for one in (good, bad)]
    assert weigh(loss, *scored).gain > 0 and weigh(loss, *scored).climbed


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A search over all four rungs, although the toy has few rows."""
    folder = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ftkit.methods.auto.FEW", 0)
        report = carry_out(toy_recipe(folder, **{"method": AUTO["method"], "train.lr": "auto"}), folder / "run")
        yield folder / "run", report


def test_the_report_tells_what_each_rung_gained(searched: tuple[Path, dict[str, Any]]) -> None:
    _, report = searched
    ladder = report["ladder"]
    assert [rung["label"] for rung in ladder["rungs"]] == ["head", "lora, last 1 block", "lora, all blocks", "full"]
    assert set(ladder["chosen"]) == {f"fold {i}" for i in range(1, report["folds"] + 1)} | {"final"}
    labels = [rung["label"] for rung in ladder["rungs"]]
    for part in set(ladder["chosen"]) - {"final"}:
        steps = [rung["parts"][part] for rung in ladder["rungs"] if part in rung["parts"]]
        assert "climbed" not in steps[0] and len(steps) >= 2
        taken = [i for i, step in enumerate(steps) if step.get("climbed", True)]
        assert labels[taken[-1]] == ladder["chosen"][part]
        assert all(step["gain"] > step["needed"] for step in steps[1:] if step["climbed"])
        assert all(step["climbed"] for step in steps[1:-1])  # it stops at the first that gains too little
    costs = [rung["arithmetic"] for rung in ladder["rungs"]]
    assert costs[0] == 0 < costs[1]


def test_what_was_chosen_is_delivered_and_loads(searched: tuple[Path, dict[str, Any]]) -> None:
    folder, report = searched
    chosen = json.loads((folder / "adapter" / "method.json").read_text())
    assert (
        report["ladder"]["chosen"]["final"]
        in {
            "head": {"head"},
            "full": {"full"},
            "lora": {"lora, last 1 block", "lora, all blocks"},
        }[chosen["name"]]
    )
    model = load_run(folder)
    logits, _ = model.logits([("a ripe apple",), ("bring the saw",)])
    assert logits.shape == (2, 2) and np.isfinite(logits).all()
    assert read(folder / runs.RECIPE).method.name == "auto"  # a rerun climbs again


def test_a_search_repeats_itself(searched: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = searched
    carry_out(read(folder / runs.RECIPE), tmp_path / "again")
    equal_runs(tmp_path / "again", folder)


def test_each_rate_is_scored_where_it_is_searched_for(searched: tuple[Path, dict[str, Any]]) -> None:
    _, report = searched
    rates = report["rates"]
    if rates is None:  # every fold stayed with the solved head, which has no rate
        assert set(report["ladder"]["chosen"].values()) == {"head"}
        return
    for part, scores in rates["scores"].items():
        assert len(scores) == 3 and rates["chosen"][part] in map(float, scores)


def test_a_search_needs_rows_to_choose_by(tmp_path: Path) -> None:
    for change in ({"method": AUTO["method"]}, {"train.lr": "auto"}):
        with pytest.raises(InputError, match=r"data\.validation is none"):
            carry_out(toy_recipe(tmp_path, **{**change, "data.validation": "none"}), tmp_path / "run")
    assert not (tmp_path / "run").exists() and folders.state(tmp_path / "run") is None


def test_a_rate_that_runs_away_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ftkit.training.choosing.RATES", (1.0, 1e33))
    report = carry_out(toy_recipe(tmp_path, **{"train.lr": "auto"}), tmp_path / "run")
    kept = set(report["rates"]["chosen"].values()) if report["rates"] else {report["choices"]["lr"]}
    assert kept == {Lora.default_lr}
    assert f"{Lora.default_lr * 1e33:g} is left out: " in capsys.readouterr().err


def test_a_ladder_whose_rung_runs_away_stays_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = carry_out(toy_recipe(tmp_path, **{"method": AUTO["method"], "train.lr": 1e30}), tmp_path / "run")
    assert set(report["ladder"]["chosen"].values()) == {"head"}
    assert re.search("lora, .+ is left out: ", capsys.readouterr().err)
