"""Banks of numbers: signs, units and scales are right from the first fold to a later week."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import toy_banks
from drawing import undrawn

from ftkit import folders, runs
from ftkit.bank import folder, index, making, rows, serving
from ftkit.bank.evaluating import evaluate
from ftkit.bank.measuring import Measure
from ftkit.bank.records import PROMOTED
from ftkit.bank.stage import FINAL, open_stage, scale_of
from ftkit.errors import InputError
from ftkit.metrics import Scored
from ftkit.models.delivery import read_head
from ftkit.recipe import Recipe
from ftkit.statistics import predictions
from ftkit.verbs import adapting as verb
from ftkit.verbs import banking, tending

FAR = 4_000_000.0
"""metres, as from the equator: float32 would be off by a quarter of one"""


def far_recipe(folder: Path, **changes: Any) -> Recipe:
    recipe = toy_banks.numbers_recipe_for(folder, "vector_regression", **changes)
    frame = pd.read_csv(folder / "rows.csv")
    frame.assign(x=frame["x"] + FAR).to_csv(folder / "rows.csv", index=False)
    return recipe


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of eight phones, four of which carry a map that is turned round; nobody may change it."""
    place = tmp_path_factory.mktemp("maps")
    recipe = far_recipe(place)
    with undrawn():
        return making.make(recipe, lambda: folders.new_run_folder(place / "bank", "", False))[0]


@pytest.fixture
def mine(maps: Path, tmp_path: Path) -> Path:
    """A copy that may change, beside its rows."""
    return toy_banks.copied(maps, tmp_path)


def test_a_gain_is_by_how_much_less_a_groups_own_adapter_errs(maps: Path) -> None:
    frame, _ = predictions.read(maps / runs.PREDICTIONS)
    frame["off"] = [float(np.hypot(*(a - b)[:2])) for a, b in zip(frame["gold"], frame["prediction"], strict=True)]
    off = frame.pivot_table("off", "group", "predictor")
    gains = {line["group"]: line["gain"] for line in toy_banks.report_of(maps)["groups"]}
    assert len(gains) == 8 and max(gains.values()) > 1
    for group, line in off.iterrows():
        assert gains[str(group)] == pytest.approx(line["general"] - line["adapted"], abs=1e-3)
    report = toy_banks.report_of(maps)
    assert report["judged_by"] == "mean_error" and report["labels"] == ["x", "y", "floor"]
    assert toy_banks.promoted_in(maps) and report["differences"]["adapted"]["value"] > 0
    before, after = (report["predictors"][name]["mean_error"]["value"] for name in ("general", "adapted"))
    assert report["differences"]["adapted"]["value"] == pytest.approx(before - after)


def test_who_pays_the_other_way_round_gains_in_texts(tmp_path: Path) -> None:
    recipe = toy_banks.numbers_recipe_for(tmp_path, "text_regression")
    bank, report = making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    assert (report["primary"], report["judged_by"]) == ("rmse", "mae")
    assert np.mean([line["gain"] for line in report["groups"]]) > 0 and toy_banks.promoted_in(bank)
    page = (bank / "bank.html").read_text(encoding="utf-8")
    assert "a gain of +" in page and "in MAE" in page


def test_mixed_rows_are_given_the_numbers_of_their_own_adapters(maps: Path) -> None:
    served, name = serving.load(maps), toy_banks.promoted_in(maps)[0]
    inputs = inputs_of(served, maps.parent / "rows.csv")[:6]
    whose = [name, None, "nobody", name, None, name]
    together, used, _ = served.logits(inputs, whose, lambda done: None)
    alone, _, _ = served.logits(inputs, [name] * 6, lambda done: None)
    general, _, _ = served.logits(inputs, [None] * 6, lambda done: None)
    own = [one == serving.OWN for one in used]
    assert own == [True, False, False, True, False, True] and together.dtype == np.float64
    assert np.allclose(together, np.where(np.array(own)[:, None], alone, general), atol=1e-4)
    assert np.abs(alone - general).max() > 0.5 and abs(together[:, 0].mean() - FAR) < 30


def inputs_of(served: serving.Served, file: Path) -> list[Any]:
    from ftkit.data.prepare import rows_of

    _, parsed, _ = rows_of(served.stage.recipe, str(file), labelled=False)
    return [one for one in parsed.inputs if one is not None]


def test_predict_and_export_say_the_same_numbers(maps: Path, tmp_path: Path) -> None:
    name = toy_banks.promoted_in(maps)[0]
    frame = pd.read_csv(maps.parent / "rows.csv")
    frame = frame[frame["user"] == name].drop(columns=["x", "y", "floor"])
    frame.to_csv(tmp_path / "new.csv", index=False)
    banking.predict(maps, str(tmp_path / "new.csv"), tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found)[-4:] == ["prediction.x", "prediction.y", "prediction.floor", "adapter"]
    head = read_head(banking.export(maps, name, tmp_path / "adapter"))
    served = serving.load(maps)
    assert head.scale is not None and head.scale.same(served.stage.starts[FINAL].scale)  # type: ignore[arg-type]
    with index.opened(maps / "index.sqlite") as known:
        (one,) = (other for other in known.all() if other.record.name == name)
    weights = served.adapter(one)
    batch = served.stage.recipe.task.encode(inputs_of(served, tmp_path / "new.csv"), served.stage.processor).rows
    tensors = served.stage.recipe.task.collate(list(batch), served.stage.processor)
    names = list(served.stage.network.trainable())
    with torch.no_grad():
        hidden = torch.func.functional_call(
            served.stage.network.backbone, {key: weights[key] for key in names}, kwargs=tensors
        ).last_hidden_state.mean(1)
    said = head.scale.own((hidden @ torch.from_numpy(head.weight).T + torch.from_numpy(head.bias)).numpy())
    assert np.allclose(found["prediction.x"], said[:, 0], atol=1e-3)


def test_evaluate_is_of_rows_that_it_has_not_seen(maps: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(maps.parent / "rows.csv")
    fresh = frame.assign(ap1=np.where(frame["ap1"] == 100, 100, frame["ap1"] - 1))
    pd.concat([frame.head(5), fresh]).to_csv(tmp_path / "later.csv", index=False)
    found = evaluate(maps, str(tmp_path / "later.csv"), lambda recipe: recipe)
    assert found["left_out"] >= 5 and found["rows"] > 40
    gained = found["difference"]
    apart = found["general"]["mean_error"]["value"] - found["scores"]["mean_error"]["value"]
    assert gained["metric"] == "mean_error" and gained["value"] == pytest.approx(apart)


def more(bank: Path, user: str, seed: int) -> pd.DataFrame:
    """The rows of the bank, and a few more of a phone: what it heard, a little weaker."""
    frame = pd.read_csv(bank.parent / "rows.csv")
    theirs = frame[frame["user"] == user].copy()
    strengths = [name for name in frame if str(name).startswith("ap")]
    theirs[strengths] = theirs[strengths].where(theirs[strengths] == 100, theirs[strengths] - seed)
    return pd.concat([frame, theirs])


def update(bank: Path, frame: pd.DataFrame, **options: Any) -> Any:
    frame.to_csv(bank.parent / "week.csv", index=False)
    given: dict[str, Any] = {"changes": [], "general": None, "only": None} | options
    return verb.update(str(bank.parent / "week.csv"), bank, command="", **given)[1]


def test_an_update_trains_who_has_changed_and_the_margin_is_in_metres(mine: Path) -> None:
    name = toy_banks.promoted_in(mine)[0]
    report = update(mine, more(mine, name, 2), changes=[("bank.margin", "3.0")])
    assert report["generation"] == 2 and report["update"]["trained"] == 1
    assert report["update"]["replaced"] == 1 and banking.show(mine, name)["generation"] == 2
    found = tending.compare(mine.with_name("bank@1"), mine, None, None)
    assert found["metric"] == "mean_error" and found["pooled"]["outcome"] != "worse"


def test_adapters_that_stay_beside_a_new_general_one_say_what_they_said(mine: Path) -> None:
    """The new one counts from another mean; with a margin of nothing at all hardly anybody is replaced."""
    served = serving.load(mine)
    inputs, names = inputs_of(served, mine.parent / "rows.csv"), toy_banks.promoted_in(mine)
    before = {name: served.logits(inputs, [name] * len(inputs), lambda done: None)[0] for name in names}
    frame = pd.read_csv(mine.parent / "rows.csv")
    fewer = frame.drop(frame.index[(frame["user"] == "user 7") & (frame["x"] > frame["x"].min())])
    update(mine, fewer, general="new", changes=[("bank.margin", "0.0")])
    heads = [read_head(mine / name / runs.ADAPTER) for name in ("general", "general-2")]
    assert not heads[0].scale.same(heads[1].scale)  # type: ignore[union-attr, arg-type]
    assert scale_of(mine / "general-2").same(heads[0].scale)  # type: ignore[union-attr, arg-type]
    whole = folder.read(mine)
    with index.opened(whole.index, whole.newest) as found:
        stayed = [str(one.record.name) for one in found.all() if one.kept and one.outcome == PROMOTED]
    assert stayed
    later = serving.load(mine)
    for name in stayed:
        again = later.logits(inputs, [name] * len(inputs), lambda done: None)[0]
        assert np.allclose(again, before[name], atol=1e-6)
    # the new general adapter says at the bank's scale what it says at its own
    own, at_scale = heads[1], open_stage(mine / "general-2", folds=False).starts[FINAL]
    features = np.random.default_rng(0).normal(size=(5, own.weight.shape[1])).astype(np.float32)
    first = own.scale.own(features @ own.weight.T + own.bias)  # type: ignore[union-attr]
    weight, bias = (at_scale.weights[key].numpy() for key in ("head.weight", "head.bias"))
    assert np.allclose(at_scale.scale.own(features @ weight.T + bias), first, atol=1e-2)  # type: ignore[union-attr]


def test_numbers_far_from_zero_are_kept_to_the_centimetre(maps: Path) -> None:
    kept = rows.read(sorted((maps / "rows").glob("*.parquet")))
    assert kept.own.dtype == np.float64 and kept.own[:, 0].min() > FAR / 2
    assert not np.array_equal(kept.own, kept.own.astype(np.float32))


def test_hidden_rows_leave_no_name_and_no_group(tmp_path: Path) -> None:
    recipe = far_recipe(tmp_path, report__rows="hide", bank__epochs=2)
    frame = pd.read_csv(tmp_path / "rows.csv")
    frame.assign(user="Secret " + frame["user"]).to_csv(tmp_path / "rows.csv", index=False)
    bank, report = making.make(recipe, lambda: folders.new_run_folder(tmp_path / "bank", "", False))
    assert report["groups"][0]["group"].startswith("group ") and report["judged_by"] == "mean_error"
    for path in bank.rglob("*"):
        assert not path.is_file() or b"Secret" not in path.read_bytes(), path


def test_a_general_run_of_other_numbers_is_refused(maps: Path, tmp_path: Path) -> None:
    recipe = far_recipe(tmp_path, base=str(maps.parent / "base"), task__floor="none")
    recipe = recipe.replace({"bank.general": str(maps / "general")})
    with pytest.raises(InputError, match="predicts 'x, y, floor 1, floor 2', but the recipe 'x, y'"):
        making.make(recipe, lambda: tmp_path / "bank")


@pytest.mark.parametrize(
    ("task", "primary", "judged_by"),
    [
        ("text_regression", "rmse", "mae"),
        ("text_regression", "mae", "mae"),
        ("vector_regression", "p95_error", "mean_error"),
        ("vector_regression", "floor_hit_rate", "floor_hit_rate"),
    ],
)
def test_single_groups_are_judged_by_a_mean_over_rows(tmp_path: Path, task: str, primary: str, judged_by: str) -> None:
    recipe = toy_banks.numbers_recipe_for(tmp_path, task, evaluate__metrics=[primary])
    recipe = recipe.replace({"task.position": True}) if task == "vector_regression" else recipe
    labels = ("x", "y", "floor") if task == "vector_regression" else ("label",)
    measure = Measure.of(recipe, labels)
    assert measure.metric.name == judged_by
    gold = np.arange(3.0 * len(labels)).reshape(3, -1)
    worse, better = gold + [[1.0], [2.0], [3.0]], gold + [[0.5], [2.0], [0.0]]
    gains = measure.gains(gold, worse, better)
    assert (gains >= 0).all() and gains[1] == 0 and gains[2] > 0
    found = measure.compare(Scored(labels, gold, better), Scored(labels, gold, worse))
    wanted = {"mae": 0.05 * 2, "mean_error": 0.05 * 2 * 2**0.5, "floor_hit_rate": 0.01}[judged_by]
    assert found.margin == pytest.approx(wanted)  # of errors, a twentieth of the reference's 2 in every number
