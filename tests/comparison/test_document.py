"""The comparison as a document: what is compared with what, by which test, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_runs import LABELS, Made

from ftkit import files
from ftkit.comparison import pairs
from ftkit.comparison.aligning import align
from ftkit.comparison.document import Asked, compare
from ftkit.comparison.entries import entries_of
from ftkit.errors import InputError
from ftkit.metrics import load
from ftkit.statistics import paired
from ftkit.statistics.paired import holm

KEYS = [
    *("schema", "created", "command", "task", "kind", "labels", "hidden", "primary", "metrics", "margin", "family"),
    *("pairs", "subject", "entries", "rows", "scores", "comparisons", "by_fold", "verdict", "flips"),
    *("flips_left_out", "slices", "cost", "matrix", "findings"),
]


def compared(folder: Path, *made: Made, words: tuple[str, ...] = (), **asked: Any) -> dict[str, Any]:
    paths = [str(one.write(folder / "abcdef"[place])) for place, one in enumerate(made)]
    return compare(Asked([*paths, *(f"{folder}/{word}" for word in words)], **asked))


def of(found: dict[str, Any], metric: str = "accuracy") -> list[dict[str, Any]]:
    return [one for one in found["comparisons"] if one["metric"] == metric]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    slices = {"team": ["north", "south", "north"]}
    alike: dict[str, Any] = {"rows": range(400), "slices": slices, "baselines": {"tfidf": 0.6}}
    made = [Made(accuracy=share, **alike) for share in (0.75, 0.9, 0.78)]
    return compared(tmp_path_factory.mktemp("runs"), *made, words=("a:tfidf",), command="ftkit compare …")


def test_the_document_has_the_agreed_keys_and_is_strict_json(three: dict[str, Any]) -> None:
    assert list(three) == KEYS
    assert json.loads(files.as_json(three)) == json.loads(json.dumps(three, allow_nan=False))
    assert (three["schema"], three["kind"], three["hidden"], three["matrix"]) == (1, "label", False, None)
    assert three["labels"] == list(LABELS) and three["subject"] == "adapters"
    assert [one["name"] for one in three["entries"]] == ["a", "b", "c", "a:tfidf"]
    assert [one["reference"] for one in three["entries"]] == [True, False, False, False]
    assert three["rows"] == {"compared": 400, "left_out": [], "units": None, "clustered_by": None}
    assert [one["name"] for one in three["metrics"]] == ["accuracy", "macro_f1", "log_loss"]
    assert three["metrics"][2]["higher_is_better"] is False
    assert three["margin"] == {"accuracy": 0.01, "macro_f1": 0.01, "log_loss": None}


def test_every_pair_is_against_the_first_named_by_every_metric(three: dict[str, Any]) -> None:
    assert [(one["a"], one["b"]) for one in of(three)] == [("b", "a"), ("c", "a"), ("a:tfidf", "a")]
    assert len(three["comparisons"]) == 9 and three["family"] == 3 and three["pairs"] == "first"


def test_numbers_are_those_of_the_paired_comparison(three: dict[str, Any], tmp_path: Path) -> None:
    made = [Made(accuracy=share, rows=range(400)) for share in (0.75, 0.9)]
    paths = [str(one.write(tmp_path / name)) for one, name in zip(made, "ab", strict=True)]
    b, a = (side.scored for side in align(entries_of(paths)).sides)
    for name in ("accuracy", "macro_f1", "log_loss"):
        ours, theirs = of(three, name)[0], paired.compare(load(name), a, b, family=3)
        assert ours["difference"] == {"value": theirs.difference, "low": theirs.low, "high": theirs.high}
        assert (ours["p_value"], ours["fixed"], ours["broken"]) == (theirs.p_value, theirs.fixed, theirs.broken)
        assert ours["smallest_effect"] == theirs.smallest_effect
    assert of(three)[0]["test"] == "exact McNemar"
    assert of(three, "macro_f1")[0]["test"].startswith("paired permutation")


def test_each_metric_is_a_family_of_its_own(three: dict[str, Any]) -> None:
    for name in ("accuracy", "macro_f1", "log_loss"):
        mine = of(three, name)
        assert [one["corrected"] for one in mine] == holm([one["p_value"] for one in mine])
        assert {one["correction"] for one in mine} == {"Holm"}


def test_the_verdict_is_on_the_best_by_the_primary_metric(three: dict[str, Any]) -> None:
    said = three["verdict"]
    assert said["outcome"] == "better"
    assert said["sentence"].startswith("Of 3 compared with a: 1 better, ")
    assert "b is better than a: accuracy 0." in said["sentence"]
    assert any("on these adapters, one seed each" in line for line in said["details"])
    assert any("3 pairs are one family" in line for line in said["details"])


def test_all_pairs_are_each_against_the_one_named_before(tmp_path: Path) -> None:
    found = compared(tmp_path, *(Made(accuracy=share) for share in (0.6, 0.7, 0.9)), pairs="all")
    assert [(one["a"], one["b"]) for one in of(found)] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert found["family"] == 3
    assert "c is better than b: " in found["verdict"]["sentence"]  # the two that score highest


def test_one_pair_is_no_family(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(accuracy=0.85))
    assert (of(found)[0]["correction"], found["family"]) == ("", 1)
    assert of(found)[0]["corrected"] == of(found)[0]["p_value"]
    assert found["verdict"]["sentence"] == of(found)[0]["sentence"]
    assert not any("family" in line for line in found["verdict"]["details"])


def test_equal_predictions_are_equivalent_and_said_to_be_so(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made())
    assert {one["outcome"] for one in found["comparisons"]} == {"equivalent"}
    assert found["verdict"]["sentence"].startswith("b answers exactly as a does on all 200 rows (accuracy 0.")
    assert found["verdict"]["details"][-1] == "Answers that agree on all of these rows may still differ on others."
    assert found["flips"] == [] and found["flips_left_out"] == 0


def test_the_margin_is_for_metrics_of_the_primary_ones_range(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(accuracy=0.81), margin=0.2)
    assert found["margin"] == {"accuracy": 0.2, "macro_f1": 0.2, "log_loss": None}
    assert of(found)[0]["outcome"] == "equivalent"


def test_the_metrics_asked_for_are_compared_and_the_first_decides(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(accuracy=0.85), metrics=["log_loss", "recall"], margin=0.05)
    assert [one["name"] for one in found["metrics"]] == ["log_loss", "recall"] and found["primary"] == "log_loss"
    assert found["margin"] == {"log_loss": 0.05, "recall": 0.01}
    assert "positive meaning better" in found["verdict"]["sentence"]


def test_metrics_of_the_recipes_take_part_and_a_lost_one_is_named(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from ftkit.metrics import Metric\nclass Own(Metric):\n"
        "    def compute(self, scored):\n        return float((scored.prediction == 0).mean())\n"
    )
    for name, metrics in (("a", ["accuracy", str(own)]), ("b", ["accuracy", str(tmp_path / "gone.py"), "brier"])):
        run = Made(accuracy=0.7 if name == "a" else 0.8).write(tmp_path / name)
        tree = json.loads((run / "recipe.yaml").read_text()) | {"evaluate": {"metrics": metrics}}
        (run / "recipe.yaml").write_text(json.dumps(tree))
    found = compare(Asked([f"{tmp_path}/a", f"{tmp_path}/b"]))
    assert [one["name"] for one in found["metrics"]] == ["accuracy", str(own), "brier", "macro_f1", "log_loss"]
    assert any(one["level"] == "info" and "gone.py" in one["text"] for one in found["findings"])
    with pytest.raises(InputError, match=r"gone\.py"):
        compare(Asked([f"{tmp_path}/a", f"{tmp_path}/b"], metrics=[str(tmp_path / "gone.py")]))


def test_too_few_rows_of_a_label_leave_the_verdict_to_nobody_and_tell_accuracy(tmp_path: Path) -> None:
    made = (Made(rows=range(24), accuracy=share, report={"primary": "macro_f1"}) for share in (0.3, 0.9))
    found = compared(tmp_path, *made)
    assert found["primary"] == "macro_f1" and found["verdict"]["outcome"] == "cannot tell"
    assert "There is no interval: too few rows for an interval" in found["verdict"]["sentence"]
    assert found["verdict"]["details"][0].startswith("By accuracy the outcome is “better”: accuracy ")


# ---- how many rows it would take ----


def test_rows_needed_follow_from_the_observed_discordance(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(rows=range(2000)), Made(rows=range(2000), draw=1), margin=0.03)
    accuracy, macro = of(found)[0], of(found, "macro_f1")[0]
    share = (accuracy["fixed"] + accuracy["broken"]) / 2000
    normal = (1.96 * share**0.5 + 0.8416 * (share - 0.03**2) ** 0.5) ** 2 / 0.03**2  # Connor (1987)
    assert accuracy["rows_needed"] == pytest.approx(normal + 1 / 0.03, rel=0.05)
    assert macro["rows_needed"] == pytest.approx(accuracy["rows_needed"], rel=0.25)
    assert of(found, "log_loss")[0]["rows_needed"] is None  # there is no margin


def test_an_undecided_pair_says_how_many_rows_it_takes(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(draw=1))
    said = of(found)[0]
    assert said["outcome"] == "cannot tell" and said["rows_needed"] > 1000
    assert "Nobody can tell b from a on these 200 rows" in said["sentence"]
    assert "To find one of 1 point as surely takes about " in said["sentence"]
    told = int(said["sentence"].partition("takes about ")[2].split()[0].replace(",", ""))
    assert said["rows_needed"] <= told <= 1.1 * said["rows_needed"]


# ---- recipes and procedures ----


def test_five_seeds_on_both_sides_are_compared_as_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def compare_recipes(metric: Any, a: Any, b: Any, *rest: Any) -> paired.Comparison:
        asked.append((len(a), len(b)))
        return paired.compare(metric, a[0], b[0], *rest)

    monkeypatch.setattr(pairs, "compare_recipes", compare_recipes)
    found = compared(tmp_path, Made(seeds=range(5)), Made(seeds=range(6), accuracy=0.9), metrics=["accuracy"])
    assert asked == [(6, 5)]
    assert found["subject"] == of(found)[0]["subject"] == "recipes"
    assert found["verdict"]["sentence"].startswith("The recipe of b is better than that of a: ")
    assert "seeds are crossed with rows" in " ".join(found["verdict"]["details"])
    assert found["entries"][1]["seeds"] == [0, 1, 2, 3, 4, 5]
    assert "of seed 2; the mean of 5 seeds is 0." in found["scores"]["a"]["accuracy"]["note"]
    assert of(found)[0]["rows_needed"] is None


def test_four_seeds_on_one_side_are_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "compare_recipes", None)
    found = compared(tmp_path, Made(seeds=range(5)), Made(seeds=range(4), accuracy=0.9))
    assert found["subject"] == "adapters"
    third = compared(tmp_path / "more", Made(), Made(folds=5), metrics=["accuracy"])
    assert third["subject"] == "procedures"


def test_runs_with_folds_are_compared_fold_by_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []

    def compare_folds(metric: Any, a: Any, b: Any, folds: np.ndarray, *rest: Any) -> paired.Comparison:
        asked.append(folds)
        return paired.compare(metric, a, b, *rest)

    monkeypatch.setattr(pairs, "compare_folds", compare_folds)
    found = compared(tmp_path, Made(folds=5), Made(folds=5, accuracy=0.85), metrics=["accuracy"])
    assert np.bincount(asked[0]).tolist() == [40] * 5
    (block,) = found["by_fold"]
    assert (block["a"], block["b"], block["metric"]) == ("b", "a", "accuracy") and block["meaning"]
    whole = sum(line["difference"] * line["rows"] for line in block["folds"]) / 200
    assert whole == pytest.approx(of(found)[0]["difference"]["value"])
    assert found["subject"] == "procedures" and "out of fold" in found["scores"]["a"]["accuracy"]["note"]


def test_differing_folds_are_not_compared_fold_by_fold(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(folds=5), Made(folds=5, accuracy=0.85, shift=1, settings={"split_seed": 4}))
    assert found["by_fold"] == []
    said = [one["text"] for one in found["findings"]]
    assert said == [
        "some runs were not predicted in the same folds, so they are not compared fold by fold: "
        "data.split_seed is 0 for a, 4 for b"
    ]


def test_a_baseline_that_answers_all_rows_alike_is_not_ranked(tmp_path: Path) -> None:
    """Pooled over folds its AUC would be an artefact of how the labels fell."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = Made(folds=2, baselines={"majority": 0.4}).write(tmp_path / "a")
    table = pq.read_table(run / "predictions.parquet")
    rows = table.to_pylist()
    for row in rows:
        if row["predictor"] == "majority":
            row["scores"] = [0.4, 0.3, 0.3] if row["fold"] else [0.3, 0.3, 0.4]
            row["prediction"] = LABELS[0 if row["fold"] else 2]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), run / "predictions.parquet")
    found = compare(Asked([f"{run}", f"{run}:majority"], metrics=["roc_auc", "accuracy"]))
    assert found["scores"]["a:majority"]["roc_auc"]["value"] == pytest.approx(0.5)
    auc, accuracy = of(found, "roc_auc")[0], of(found, "accuracy")[0]
    assert (auc["p_value"], auc["outcome"]) == (None, "cannot tell") and auc["reference"] > 0.5
    assert accuracy["outcome"] == "worse"


# ---- rows that hang together ----

USERS = tuple(f"user {number}" for number in range(20))


def test_the_recipes_unit_is_resampled(tmp_path: Path) -> None:
    made = (Made(accuracy=share, unit=USERS, settings={"unit": "user_id"}) for share in (0.7, 0.8))
    found = compared(tmp_path, *made)
    assert found["rows"]["units"] == 20 and found["rows"]["clustered_by"] == "user_id"
    assert of(found)[0]["units"] == 20 and "permutation of units" in of(found)[0]["test"]
    assert "The rows belong to 20 units of user_id; intervals and tests are by unit." in found["verdict"]["details"]


def test_else_its_group_and_any_slice_on_demand(tmp_path: Path) -> None:
    slices = {"city": [f"city {number}" for number in range(12)]}
    for name, share in (("a", 0.7), ("b", 0.8)):
        Made(accuracy=share, group=USERS, settings={"group": "domain"}, slices=slices).write(tmp_path / name)
    both = [f"{tmp_path}/a", f"{tmp_path}/b"]
    assert compare(Asked(both))["rows"]["clustered_by"] == "domain"
    assert compare(Asked(both, cluster="city"))["rows"] | {"left_out": 0} == {
        "compared": 200, "left_out": 0, "units": 12, "clustered_by": "city"
    }  # fmt: skip
    assert compare(Asked(both, cluster="group"))["rows"]["units"] == 20
    assert compare(Asked(both, cluster="none"))["rows"]["units"] is None
    with pytest.raises(InputError, match="--cluster town: the runs did not keep") as no:
        compare(Asked(both, cluster="town"))
    assert "city" in no.value.hint


def test_rows_without_a_unit_are_each_by_themselves(tmp_path: Path) -> None:
    unit: Any = [*USERS, None]
    found = compared(tmp_path, *(Made(accuracy=share, unit=unit, rows=range(210)) for share in (0.7, 0.8)))
    assert found["rows"]["units"] == 30 and found["rows"]["clustered_by"] == "unit"


def test_few_units_give_a_warning_and_no_verdict(tmp_path: Path) -> None:
    found = compared(tmp_path, *(Made(accuracy=share, unit=USERS[:5]) for share in (0.5, 0.9)))
    assert found["verdict"]["outcome"] == "cannot tell"
    (finding,) = found["findings"]
    assert finding["level"] == "warning" and "only 5 units of unit: that is too few" in finding["text"]


def test_a_column_of_users_that_was_not_used_is_pointed_out(tmp_path: Path) -> None:
    made = [Made(accuracy=share, slices={"team": ["a", "b"], "user": USERS}) for share in (0.7, 0.8)]
    found = compared(tmp_path, *made)
    assert [one["text"] for one in found["findings"]] == [
        "rows of one user may hang together: --cluster user takes that into account"
    ]


# ---- what differs between the runs ----


def test_differing_split_seeds_are_named_where_rows_are_lost(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(rows=range(50, 250), settings={"split_seed": 2}))
    assert found["rows"]["compared"] == 150
    assert {one["rows"] for one in found["rows"]["left_out"]} == {50}
    (finding,) = found["findings"]
    assert "not tested on the same rows: data.split_seed is 0 for a, 2 for b" in finding["text"]


def test_different_primary_metrics_are_named(tmp_path: Path) -> None:
    found = compared(tmp_path, Made(), Made(accuracy=0.7, report={"primary": "macro_f1"}))
    assert found["primary"] == "accuracy"
    assert "different primary metrics: accuracy, macro_f1" in found["findings"][0]["text"]


def test_many_rows_with_another_label_are_a_warning(tmp_path: Path) -> None:
    """As where two runs with hidden rows number different labels alike."""
    for name, rows, expected in (("few", 5, 0), ("many", 40, 1)):
        other = dict.fromkeys(range(rows), "praise"), dict.fromkeys(range(rows), "billing")
        found = compared(tmp_path / name, *(Made(gold=gold) for gold in other))
        assert [one["rows"] for one in found["rows"]["left_out"]] == [rows]
        assert sum("another label in another run" in one["text"] for one in found["findings"]) == expected
