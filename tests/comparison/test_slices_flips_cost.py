"""What changed row by row, slice by slice, and at which cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_runs import LABELS, Made

from ftkit import privacy
from ftkit.comparison import flips as flips_module
from ftkit.comparison.aligning import Side, align
from ftkit.comparison.cost import costs
from ftkit.comparison.document import Asked, compare
from ftkit.comparison.entries import Entry, entries_of
from ftkit.comparison.slices import CHOSEN, slices
from ftkit.metrics import load
from ftkit.metrics.accuracy import Accuracy

ACCURACY = load("accuracy")


def compared(folder: Path, *made: Made, **asked: Any) -> dict[str, Any]:
    paths = [str(one.write(folder / "abcdef"[place])) for place, one in enumerate(made)]
    return compare(Asked(paths, **asked))


# ---- flips ----


def test_flips_are_the_rows_that_changed_with_their_texts(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(slices={"team": ["x", "y"]}), Made(accuracy=0.9))
    (one,) = [each for each in found["comparisons"] if each["metric"] == "accuracy"]
    kinds = [flip["kind"] for flip in found["flips"]]
    assert (kinds.count("fixed"), kinds.count("broken")) == (one["fixed"], one["broken"])
    assert one["fixed"] > one["broken"] > 0 and found["flips_left_out"] == 0
    for flip in found["flips"]:
        number = int(flip["row_id"], 16)
        assert flip["input"] == [f"text {number}"] and flip["slices"] == {"team": "xy"[number % 2]}
        right = (flip["prediction_a"] == flip["gold"], flip["prediction_b"] == flip["gold"])
        assert right == ((True, False) if flip["kind"] == "fixed" else (False, True))
        assert 1 / 3 < flip["confidence_a"] <= 1 and (flip["a"], flip["b"]) == ("b", "a")


def test_many_flips_are_capped_and_the_most_confident_mistakes_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flips_module, "MOST", 20)
    found = compared(
        tmp_path, Made(rows=range(400)), Made(rows=range(400), accuracy=0.9), Made(rows=range(400), draw=3)
    )
    assert [sum(flip["a"] == name for flip in found["flips"]) for name in "bc"] == [10, 10]
    accuracy = [one for one in found["comparisons"] if one["metric"] == "accuracy"]
    assert found["flips_left_out"] == sum(one["fixed"] + one["broken"] for one in accuracy) - 20
    for kind, wrong in (("fixed", "confidence_b"), ("broken", "confidence_a")):
        sure = [flip[wrong] for flip in found["flips"] if (flip["kind"], flip["a"]) == (kind, "c")]
        assert len(sure) == 5 and sure == sorted(sure, reverse=True)


def test_texts_come_from_whichever_run_kept_them(tmp_path: Path) -> None:
    Made().write(tmp_path / "a")
    Made(accuracy=0.9).write(tmp_path / "b")
    (tmp_path / "a" / "rows.parquet").unlink()
    asked = Asked([f"{tmp_path}/a", f"{tmp_path}/b"])
    assert all(flip["input"] for flip in compare(asked)["flips"])
    (tmp_path / "b" / "rows.parquet").write_bytes(b"nothing")
    assert {str(flip["input"]) for flip in compare(asked)["flips"]} == {"None"}


def test_confidence_is_that_of_the_task() -> None:
    from ftkit.metrics import Scored
    from ftkit.registry import load as entry

    scores, labels = np.random.default_rng(0).random((50, 3)), LABELS
    several = entry("tasks", "text_classification")(multi_label=True)
    single = entry("tasks", "text_classification")(multi_label=False)
    gold = np.zeros((50, 3), dtype=np.int64)
    found = flips_module.confidence(Scored(labels, gold, gold, scores))
    assert found is not None and np.array_equal(found, several.confidence(scores))
    found = flips_module.confidence(Scored(labels, gold[:, 0], gold[:, 0], scores))
    assert found is not None and np.array_equal(found, single.confidence(scores))
    assert flips_module.confidence(Scored(labels, gold[:, 0], gold[:, 0], None)) is None


def test_several_labels_a_row_are_listed(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(kind="labels"), Made(kind="labels", accuracy=0.9))
    assert found["kind"] == "labels" and isinstance(found["flips"][0]["gold"], list)
    assert {label for flip in found["flips"] for label in flip["gold"]} <= set(LABELS)


# ---- hidden rows ----


def words_of(value: Any) -> str:
    from ftkit.files import as_json

    return as_json(value)


def test_nothing_of_a_row_is_told_where_the_machine_hides_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = [Made(accuracy=share, slices={"team": ["secret x", "secret y"]}) for share in (0.7, 0.9)]
    open_, cells = compared(tmp_path / "open", *made), (*LABELS, "secret", "text 1")
    privacy.hide(True)
    found = compared(tmp_path / "hidden", *made)
    assert found["hidden"] is True and found["labels"] == ["label 1", "label 2", "label 3"]
    for cell in cells:
        assert cell in words_of(open_) and cell not in words_of(found), cell
    assert found["flips"][0]["gold"].startswith("label ") and found["flips"][0]["input"] is None
    assert {line["value"] for block in found["slices"] for line in block["values"]} == {"team 1", "team 2"}
    ids = [{flip["row_id"] for flip in one["flips"]} for one in (open_, found)]
    assert len(ids[0]) == len(ids[1]) > 10 and not ids[0] & ids[1]


def test_runs_with_hidden_rows_are_compared_under_one_key(tmp_path: Path) -> None:
    names = ("label 1", "label 2", "label 3")
    found = compared(tmp_path, *(Made(key="k", labels=names, accuracy=share) for share in (0.7, 0.9)))
    assert found["hidden"] is True and found["labels"] == list(names)
    assert {str(flip["input"]) for flip in found["flips"]} == {"None"}


# ---- slices ----


def sides(folder: Path, *made: Made) -> tuple[Side, ...]:
    paths = [str(one.write(folder / "abcdef"[place])) for place, one in enumerate(made)]
    return align(entries_of(paths)).sides


def numbers_of(side: Side) -> np.ndarray:
    return np.arange(len(side.scored))


def test_every_value_of_a_column_has_scores_and_differences(tmp_path: Path) -> None:
    found = compared(tmp_path, *(Made(accuracy=share, slices={"team": ["x", "y", "x"]}) for share in (0.7, 0.9)))
    (block,) = found["slices"]
    assert (block["column"], block["metric"]) == ("team", "accuracy")
    assert [(line["value"], line["rows"]) for line in block["values"]] == [("x", 133), ("y", 67)]
    for name in "ab":
        parts = [line["rows"] * line["scores"][name]["value"] for line in block["values"]]
        assert sum(parts) / 200 == pytest.approx(found["scores"][name]["accuracy"]["value"])
    gaps = [line["against"]["b"]["difference"]["value"] * line["rows"] for line in block["values"]]
    (one,) = [each for each in found["comparisons"] if each["metric"] == "accuracy"]
    assert sum(gaps) / 200 == pytest.approx(one["difference"]["value"])
    assert "a" not in block["values"][0]["against"]


def test_a_slice_that_an_adapter_harms_is_found_among_many_that_it_does_not(tmp_path: Path) -> None:
    """b answers the rows of one slice always wrongly, and all others as a does."""
    a, b = sides(tmp_path, Made(rows=range(600)), Made(rows=range(600)))
    place = numbers_of(a)
    column = np.array([f"v{number % 12:02}" for number in place])
    hurt = np.where(column == "v05", (b.scored.gold + 1) % 3, b.scored.prediction)
    changed = Side(b.entry, {0: type(b.scored)(b.scored.labels, b.scored.gold, hurt, b.scored.scores)}, None)
    (block,) = slices([a, changed], {"team": column}, ACCURACY, None)
    harmed = [line["value"] for line in block["values"] if line["against"]["b"]["harms"]]
    assert harmed == ["v05"]
    bare = {line["value"]: line["against"]["b"]["corrected"] for line in block["values"]}
    assert bare["v05"] < 0.001 and set(list(bare.values())[6:]) == {1.0}
    assert block["worst_tenth"]["b"]["values"] == ["v05"] and block["worst_tenth"]["b"]["score"]["value"] == 0
    back = slices([changed, a], {"team": column}, ACCURACY, None)[0]["values"][5]["against"]["a"]
    assert back["difference"]["value"] > 0.5 and back["corrected"] < 0.001 and not back["harms"]


def test_harm_is_corrected_over_all_slices(tmp_path: Path) -> None:
    """Six broken rows of one slice are p = 0.03 alone, and nothing among twenty slices."""
    a, _ = sides(tmp_path, Made(rows=range(600), accuracy=1.0), Made())
    place = np.arange(len(a.scored))
    wrong = a.scored.prediction.copy()
    wrong[:120:20] = (wrong[:120:20] + 1) % 3  # six rows of v00
    b = Side(Entry("b", a.entry.run, "x", (0,), 0), {0: type(a.scored)(a.scored.labels, a.scored.gold, wrong)}, None)
    for parts, harms in ((1, True), (20, False)):
        column = np.array([f"v{number % 20:02}" if parts > 1 else "all" for number in place])
        (block,) = slices([a, b], {"team": column}, ACCURACY, None)
        first = block["values"][0]["against"]["b"]
        assert first["difference"]["value"] < 0 and first["harms"] is harms


def test_the_worst_tenth_needs_ten_slices_of_ten_rows(tmp_path: Path) -> None:
    a, b = sides(tmp_path, Made(rows=range(630)), Made(rows=range(630)))
    place = numbers_of(a)
    twenty = np.array([f"v{number % 20:02}" if number < 600 else f"rare {number // 3}" for number in place])
    right = Accuracy().rows(a.scored)
    share = {value: right[twenty == value].mean() for value in set(twenty)}
    order = sorted((value for value in share if value.startswith("v")), key=lambda value: (share[value], value))
    worst = slices([a, b], {"team": twenty}, ACCURACY, None)[0]["worst_tenth"]["a"]
    assert sorted(share[value] for value in worst["values"]) == sorted(share[value] for value in order[:2])
    assert worst["rows"] == 60
    score = worst["score"]
    assert score["value"] == pytest.approx(np.mean([share[value] for value in worst["values"]]))
    assert (score["low"], score["note"]) == (None, CHOSEN)
    few = np.array([f"v{number % 3}" for number in place])
    assert len(slices([a, b], {"team": few}, ACCURACY, None)[0]["worst_tenth"]["a"]["values"]) == 1


def test_a_mean_over_labels_gives_way_to_accuracy_in_slices(tmp_path: Path) -> None:
    a, b = sides(tmp_path, Made(), Made(accuracy=0.9))
    column = np.array(["x", "y"] * 100)
    assert slices([a, b], {"t": column}, load("macro_f1"), None)[0]["metric"] == "accuracy"
    worst = slices([a, b], {"t": column}, load("log_loss"), None)[0]
    assert worst["metric"] == "log_loss"
    values = {line["value"]: line["scores"]["a"]["value"] for line in worst["values"]}
    assert worst["worst_tenth"]["a"]["values"] == [max(values, key=lambda value: values[value])]


# ---- cost ----


def priced(folder: Path, **cost: dict[str, Any]) -> list[Entry]:
    for name, numbers in cost.items():
        Made(report={"cost": numbers}, baselines={"tfidf": 0.6}).write(folder / name)
    return entries_of([f"{folder}/{name}" for name in cost])


def test_the_pareto_front_is_what_nothing_beats(tmp_path: Path) -> None:
    entries = priced(
        tmp_path,
        cheap={"seconds": {"total": 1.0}, "trainable_parameters": 10, "adapter_bytes": 40},
        good={"seconds": {"total": 9.0}, "trainable_parameters": 90, "adapter_bytes": 360},
        poor={"seconds": {"total": 9.5}, "trainable_parameters": 90, "adapter_bytes": 360},
        bare={},
    )
    lines = costs(entries, ACCURACY, {"cheap": 0.7, "good": 0.9, "poor": 0.8, "bare": 0.95})
    assert {line["name"]: line["pareto"] for line in lines} == {
        "cheap": True, "good": True, "poor": False, "bare": False
    }  # fmt: skip
    assert lines[0] == {
        "name": "cheap", "seconds": 1.0, "adapter_bytes": 40, "trainable_parameters": 10,
        "predictions_per_second": None, "score": 0.7, "pareto": True,
    }  # fmt: skip


def test_lower_is_better_turns_the_front(tmp_path: Path) -> None:
    entries = priced(tmp_path, a={"seconds": {"total": 1.0}}, b={"seconds": {"total": 2.0}})
    lines = costs(entries, load("log_loss"), {"a": 0.5, "b": 0.4})
    assert [line["pareto"] for line in lines] == [True, True]
    assert [line["pareto"] for line in costs(entries, load("log_loss"), {"a": 0.4, "b": 0.5})] == [True, False]


def test_a_faster_predictor_is_worth_something(tmp_path: Path) -> None:
    fast = {"seconds": {"total": 2.0}, "predictions_per_second": 900.0}
    entries = priced(tmp_path, slow=fast | {"predictions_per_second": 100.0}, fast=fast)
    assert [line["pareto"] for line in costs(entries, ACCURACY, {"slow": 0.8, "fast": 0.8})] == [False, True]


def test_baselines_record_no_cost(tmp_path: Path) -> None:
    run = Made(baselines={"tfidf": 0.6}).write(tmp_path / "a")
    found = compare(Asked([f"{run}:tfidf", f"{run}"]))
    line = found["cost"][0]
    assert (line["seconds"], line["adapter_bytes"], line["pareto"]) == (None, None, False)
