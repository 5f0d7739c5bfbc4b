"""Numbers to numbers: what is recognised, what a row becomes, what is bad in it, and what baselines say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftkit import bases
from ftkit.data import positions
from ftkit.data.measured import Measured, floor_number, pairs
from ftkit.data.prepare import prepare, rows_of
from ftkit.data.read import read
from ftkit.data.table import Splits
from ftkit.errors import Faults, InputError
from ftkit.recipe import Data, Recipe, parse
from ftkit.tasks._vector_baselines import nearest_place, weighted_neighbours
from ftkit.tasks._vector_columns import ABSENT, SILENT, TEXT, UNKNOWN_FLOOR
from ftkit.tasks._vector_toy import strengths
from ftkit.tasks._vectors import Processor, codes, table_for
from ftkit.tasks.vector_regression import VectorRegression
from ftkit.verbs.inferring import infer

NAMES = [f"AP{i}" for i in range(1, 7)]


def survey(rows: int = 48, silent: int = 100, **changed: Any) -> pd.DataFrame:
    """Strengths of six access points at twelve places of two floors, a phone's number; `changed` replaces columns."""
    random = np.random.default_rng(0)
    made = []
    for i in range(rows):
        place = np.array([2.0 + 4 * (i % 4), 2.0 + 4 * (i // 4 % 3), 1 + i // 12 % 2])
        heard = strengths(random, place).astype(int)
        cells = dict(zip(NAMES, np.where(heard == 100, silent, heard), strict=True))
        made.append({"PhoneID": i % 3 + 1, **cells, "ECoord": place[0], "NCoord": place[1], "FloorID": int(place[2])})
    return pd.DataFrame(made).assign(**changed)


def saved(frame: pd.DataFrame, path: Path) -> str:
    frame.to_csv(path, index=False)
    return str(path)


def as_pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with one cell a row, as surveys record it."""
    cells = [",".join(f"{name}:{row[name]}" for name in NAMES if row[name] != 100) for _, row in frame.iterrows()]
    return frame.drop(columns=NAMES).assign(heard=cells)


def resolved(path: str, **fields: Any) -> VectorRegression:
    return VectorRegression(name="vector_regression", **fields).resolve(read(path, Data(train=path)))


def recipe_for(path: str, *changes: tuple[str, str], **data: Any) -> Recipe:
    tree = {"task": {"name": "vector_regression"}, "data": {"train": path, **data}, "method": {"name": "full"}}
    return parse(tree, list(changes))


def prepared(path: str, *changes: tuple[str, str], **data: Any) -> tuple[Recipe, Splits]:
    return prepare(recipe_for(path, *changes, **data))


@pytest.mark.parametrize("silent", [100, -110])
def test_strengths_and_a_position_are_recognised_and_not_heard_is_found(silent: int, tmp_path: Path) -> None:
    path = saved(survey(silent=silent), tmp_path / "wifi.csv")
    recipe = infer(path, [])
    task = recipe.task
    assert isinstance(task, VectorRegression) and recipe.method.name == "full"
    assert task.inputs == NAMES and task.label == ["ECoord", "NCoord"] and task.floor == "FloorID"
    task = task.resolve(read(path, Data(train=path)))
    assert task.missing == silent and task.floors == [1.0, 2.0] and task.unit == "m"
    assert task.names([]) == ("x", "y", "floor 1", "floor 2") and task.default_metrics[0] == "mean_error"


def test_pairs_in_one_cell_are_recognised_and_give_the_same_numbers(tmp_path: Path) -> None:
    frame = survey()
    wide, listed = saved(frame, tmp_path / "wide.csv"), saved(as_pairs(frame), tmp_path / "pairs.csv")
    task = resolved(listed)
    assert task.layout == "pairs" and task.inputs == ["heard"] and task.missing == "none"
    found = task.parse(read(listed, Data(train=listed)), 100).inputs
    plain = resolved(wide).parse(read(wide, Data(train=wide)), 100).inputs
    for one, other in zip(found, plain, strict=True):
        assert one and other and isinstance(one[0], Measured) and isinstance(other[0], Measured)
        heard = {n.casefold(): v for n, v in zip(other[0].names, other[0].values, strict=True) if np.isfinite(v)}
        assert dict(zip(one[0].names, one[0].values, strict=True)) == heard


def test_a_plain_table_of_numbers_predicts_the_column_that_is_asked_for(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(60, 3)).round(3), columns=["width", "depth", "weight"])
    path = saved(frame.assign(target=(frame["width"] * 2 - frame["depth"]).round(3)), tmp_path / "plain.csv")
    task = infer(path, []).task
    assert isinstance(task, VectorRegression) and task.label == "target" and task.position is False
    assert task.inputs == ["width", "depth", "weight"] and task.default_metrics == ("rmse", "mae")


def test_a_label_that_is_named_is_taken_from_the_inputs(tmp_path: Path) -> None:
    path = saved(survey().drop(columns=["FloorID"]), tmp_path / "wifi.csv")
    task = resolved(path, label="AP3", position=False)
    assert "AP3" not in task.inputs and len(task.inputs) >= 5 and task.floor == "none"


def test_bad_rows_are_counted_by_reason_and_refused_above_the_limit(tmp_path: Path) -> None:
    frame = survey().astype({name: object for name in (*NAMES, "FloorID", "ECoord")})
    frame.loc[0, NAMES] = 100
    frame.loc[1, "AP2"] = "weak"
    frame.loc[2, "FloorID"] = "roof"
    frame.loc[3, "ECoord"] = ""
    frame.loc[4, "AP2"] = ""
    path = saved(frame, tmp_path / "bad.csv")
    with pytest.raises(Faults, match="4 of 48 rows cannot be used") as caught:
        prepared(path)
    said = str(caught.value)
    for reason in (SILENT, TEXT, "no floor", "no number"):
        assert reason in said
    _, splits = prepared(path, max_bad=0.2)
    assert splits.report.rows_used == 44 and sum(splits.report.dropped.values()) == 4


def test_a_floor_that_training_lacks_is_unknown(tmp_path: Path) -> None:
    train = saved(survey(), tmp_path / "train.csv")
    frame = survey()
    frame.loc[:2, "FloorID"] = 7
    test = saved(frame, tmp_path / "test.csv")
    with pytest.raises(Faults, match=rf"3 of 48 rows cannot be used.*{UNKNOWN_FLOOR} 3"):
        prepared(train, test=test)


@pytest.mark.parametrize("names", [("longitude", "latitude"), ("x", "y")])
def test_degrees_are_asked_about_and_turned_into_metres(names: tuple[str, str], tmp_path: Path) -> None:
    frame = survey()
    east, north = 11.5 + frame["ECoord"] / 74_000, 48.1 + frame["NCoord"] / 110_574
    frame = frame.drop(columns=["ECoord", "NCoord"]).assign(**{names[0]: east.round(8), names[1]: north.round(8)})
    path = saved(frame, tmp_path / "degrees.csv")
    with pytest.raises(Faults, match="look like degrees") as caught:
        prepared(path)
    assert "task.unit=degrees" in str(caught.value) and "110,574" in str(caught.value)
    _, splits = prepared(path, ("task.unit", "degrees"))
    gold = np.array(splits.rows.frame["gold"].tolist())
    spread = gold[:, :2].max(axis=0) - gold[:, :2].min(axis=0)
    np.testing.assert_allclose(spread, [12, 8], atol=0.1)
    assert prepared(path, ("task.unit", "m"))[0].task.unit == "m"  # type: ignore[attr-defined]


def test_readings_of_one_place_stay_together(tmp_path: Path) -> None:
    recipe, splits = prepared(saved(survey(96), tmp_path / "wifi.csv"), folds=3)
    assert recipe.data.unit == "place"
    frame = splits.rows.frame
    for part in splits.parts[:-1]:
        assert not set(frame["unit"].iloc[part.train]) & set(frame["unit"].iloc[part.test])


def test_other_columns_in_a_later_file_count_as_not_heard(tmp_path: Path) -> None:
    recipe, _ = prepared(saved(survey(), tmp_path / "train.csv"))
    later = survey().drop(columns=["AP6"]).assign(AP99=-50)
    _, parsed, report = rows_of(recipe, saved(later, tmp_path / "later.csv"), labelled=False)
    assert report.rows_used == 48 and parsed.notes == {ABSENT: 48}
    with pytest.raises(InputError, match="none of the columns to predict from"):
        rows_of(recipe, saved(later[["ECoord", "NCoord"]], tmp_path / "none.csv"), labelled=False)


def test_a_base_takes_its_own_columns_in_its_own_order_and_counts_the_others(tmp_path: Path) -> None:
    processor = Processor("columns", ("b", "a"), (-100.0,), (32.0,), 64)
    rows = [Measured("1", ("a", "c"), np.array([-68.0, -36.0])), Measured("2", ("b",), np.array([-36.0]))]
    encoded, unknown, pieces = processor.encode(rows)
    assert (unknown, pieces) == (1, 3)
    np.testing.assert_array_equal(np.stack([one["values"] for one in encoded]), [[0, 1], [2, 0]])
    np.testing.assert_array_equal(np.stack([one["heard"] for one in encoded]), [[0, 1], [1, 0]])


def test_a_set_does_not_depend_on_order_or_company(tmp_path: Path) -> None:
    items = [Measured("1", ("a", "b", "c"), np.array([-50.0, np.nan, -70.0])), Measured("2", ("b",), np.array([-60.0]))]
    again = [Measured("1", ("c", "a"), np.array([-70.0, -50.0]))]
    base = bases.random.find({"model_type": "ftkit_vector", "kind": "set", "table": table_for(items, "set")}, 0)
    task = VectorRegression(name="vector_regression")
    processor, model = task.processor(base), task.load(base)
    (first, second), (other,) = processor.encode(items)[0], processor.encode(again)[0]
    assert all(np.array_equal(first[key], other[key]) for key in first) and processor.columns == ("a", "b", "c")
    with torch.no_grad():
        both = model(**task.collate([first, second], processor)).last_hidden_state
        alone = model(**task.collate([second], processor)).last_hidden_state
    torch.testing.assert_close(both[1], alone[0])
    assert codes("a", 4096) != codes("b", 4096)


def test_a_position_has_two_or_three_coordinates(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a position has 2 or 3 coordinates, and task.label names 1"):
        resolved(saved(survey(), tmp_path / "wifi.csv"), label="ECoord", position=True)


def test_another_site_shares_no_columns(tmp_path: Path) -> None:
    path = saved(survey(), tmp_path / "wifi.csv")
    tasks = [resolved(path, site=site) for site in ("north", "south")]
    named = [task.parse(read(path, Data(train=path)), 100).inputs[0] for task in tasks]
    assert not {*named[0][0].names} & {*named[1][0].names}  # type: ignore[index,union-attr]
    names = tasks[0].names([])
    assert names == ("x (north)", "y (north)", "floor 1 (north)", "floor 2 (north)")
    assert positions.answers(names) == ("x (north)", "y (north)", "floor (north)")


def test_a_base_of_another_kind_is_refused(tmp_path: Path) -> None:
    import json

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    base = bases.Base("bert", tmp_path, "local", "", "folder")
    with pytest.raises(InputError, match="a bert takes no plain numbers"):
        VectorRegression(name="vector_regression").processor(base)


def test_augmentation_hides_and_shakes_only_what_was_heard() -> None:
    task = VectorRegression(name="vector_regression")
    heard = (torch.rand(40, 30) > 0.5).float()
    batch = {"values": torch.ones(40, 30) * heard, "heard": heard}
    found = task.augment(batch, ("noise", "mask"), torch.Generator().manual_seed(0))
    assert (found["heard"] <= heard).all() and 0.85 < found["heard"].sum() / heard.sum() < 0.95
    assert (found["values"][found["heard"] == 0] == 0).all() and found["values"].std() > 0.01


def test_the_floor_is_the_likeliest_of_those_that_there_are(tmp_path: Path) -> None:
    task = resolved(saved(survey(FloorID=[3, 5] * 24), tmp_path / "wifi.csv"))
    scores = task.scores(np.array([[1.5, 2.5, 0.2, 0.1], [1.5, 2.5, -3.0, 2.0], [0, 0, 0, 99]]))
    assert np.allclose(scores[:, 2:].sum(axis=1), 1) and scores[1, 3] == pytest.approx(1 / (1 + np.exp(-5)))
    told = task.decode(scores, task.names([]))
    assert [row[2] for row in told] == [3, 5, 5] and told[0][:2] == (1.5, 2.5)
    targets = task.targets([(1.0, 2.0, 3.0), (1.0, 2.0, 5.0), (1.0, 2.0, 5.0)], task.names([]))
    assert targets[:, 2:].tolist() == [[1, 0], [0, 1], [0, 1]] and targets.dtype == np.float64
    seen = task.scored(targets, scores, task.names([]))
    assert seen.labels == ("x", "y", "floor") and (seen.gold[:, 2] == seen.prediction[:, 2]).all()


@settings(max_examples=40, deadline=None)
@given(floors=st.lists(st.integers(-9, 120), min_size=1, max_size=30, unique=True), site=st.sampled_from(["", "a b"]))
def test_columns_of_floors_say_what_they_answer(floors: list[int], site: str) -> None:
    targets = tuple(positions.spelled(name, site) for name in ("x", "y", "floor"))
    columns = positions.columns(targets, sorted(map(float, floors)))
    assert len(columns) == 2 + len(floors) == len(set(columns))
    assert positions.are_position(columns) and positions.answers(columns) == targets
    assert positions.answers(targets) == targets


def test_a_loss_is_of_coordinates_in_sds_and_of_floors_in_nats(tmp_path: Path) -> None:
    task = resolved(saved(survey(FloorID=[3, 5] * 24), tmp_path / "wifi.csv"))
    logits = torch.tensor([[0.5, -1.0, 2.0, 0.0]], requires_grad=True)
    loss = task.loss(logits, torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64))
    assert loss.item() == pytest.approx((0.25 + 1.0) / 2 + 2.0 + np.log1p(np.exp(-2.0)))
    loss.sum().backward()
    assert logits.grad is not None and torch.allclose(logits.grad[0, 2:].sum(), torch.tensor(0.0), atol=1e-6)


def test_neighbours_follow_the_nearest_and_a_place_is_one_that_there_is() -> None:
    random = np.random.default_rng(0)
    places = random.uniform(0, 10, (40, 2))
    known = np.repeat(places, 5, axis=0) + random.normal(0, 0.1, (200, 2))
    targets = np.repeat(places, 5, axis=0)
    asked = random.uniform(2, 8, (50, 2))
    found = weighted_neighbours(known.astype(np.float32), targets, asked.astype(np.float32))
    assert np.hypot(*(found - asked).T).mean() < 1.5
    nearest = nearest_place(known.astype(np.float32), targets, asked.astype(np.float32))
    assert {tuple(one) for one in nearest.tolist()} <= {tuple(one) for one in places.tolist()}


@pytest.mark.parametrize(
    ("cell", "floor"),
    [("3", 3), ("F3", 3), ("3rd floor", 3), ("B1", -1), ("G", 0), ("-1", -1), ("4.0", 4), ("3楼", 3), ("roof", None)],
)
def test_floors_as_they_are_written(cell: str, floor: float | None) -> None:
    assert floor_number(cell) == floor


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.from_regex(r"[0-9a-f]{2}(:[0-9a-f]{2}){0,5}", fullmatch=True), st.integers(-120, -1)))
def test_pairs_are_read_back_whatever_the_addresses(known: dict[str, int]) -> None:
    for between in (",", "; ", "|"):
        assert pairs(between.join(f"{name}:{value}" for name, value in known.items()), None) == known


def test_pairs_that_are_none_are_a_fault() -> None:
    assert pairs("a:-70,b", None) is None and pairs("hello", None) is None
    assert pairs("a:-70,a:-60,b:100", 100) == {"a": -60.0} and pairs("", None) == {}
