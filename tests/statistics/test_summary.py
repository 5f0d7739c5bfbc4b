"""The report's numbers, from predictions alone; and the verdict in words."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_rows import labels_of

from ftkit.metrics import family, load
from ftkit.statistics import tables
from ftkit.statistics.coding import UNKNOWN
from ftkit.statistics.intervals import interval
from ftkit.statistics.predictions import frame_of, scored
from ftkit.statistics.summary import summarise

LABELS = labels_of(4)
OF_ANY_ROWS = [name for name in family("label") if name not in ("false_alarms_per_hour", "scene_recall")]
"""two metrics are of clips of video alone"""
BASELINES = ("majority", "tfidf", "nearest_neighbour", "linear_probe")


def frame_with(rows: int, accuracies: dict[tuple[str, int], float], **more: Any) -> pd.DataFrame:
    """Predictors that are right on rows whose difficulty is below their accuracy, shifted a little each."""
    rng = np.random.default_rng(0)
    gold, hard = rng.integers(0, 4, rows), rng.random(rows)
    frames = []
    for (predictor, seed), accuracy in accuracies.items():
        guess = np.where(hard + rng.normal(0, 0.05, rows) < accuracy, gold, (gold + 1) % 4)
        scores = rng.dirichlet(np.ones(4), rows) * 0.3
        scores[np.arange(rows), guess] += 0.7
        frames.append(
            frame_of(
                row_id=[f"{number:05d}" for number in range(rows)],
                input_hash=["h"] * rows,
                split="test",
                gold=[LABELS[one] for one in gold],
                prediction=[LABELS[one] for one in guess],
                scores=None if predictor == "majority" else scores,
                labels=LABELS,
                predictor=predictor,
                seed=seed,
                **more,
            )
        )
    return pd.concat(frames, ignore_index=True)


EVERYDAY = {("adapted", 7): 0.9, ("adapted", 8): 0.88, ("adapted", 9): 0.91} | {
    (name, 7): accuracy for name, accuracy in zip(BASELINES, (0.25, 0.7, 0.75, 0.8), strict=True)
}


def summed(frame: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "labels": LABELS,
        "kind": "label",
        "metrics": ["macro_f1"],
        "primary": "macro_f1",
        "delivered_seed": 8,
    }
    return summarise(frame, **(given | changes))


@pytest.fixture(scope="module")
def everyday() -> dict[str, Any]:
    team = {"team": ["north" if number % 3 else "south" for number in range(400)]}
    return summed(frame_with(400, EVERYDAY, slices=team), slices=["team"])


def test_the_summary_has_the_keys_of_the_report_and_is_strict_json(everyday: dict[str, Any]) -> None:
    tables = ["per_label", "confusion", "confused", "reliability", "places"]
    keys = ["scores", "baselines", "slices", *tables, "verdict", "seeds"]
    assert list(everyday) == keys
    json.dumps(everyday, allow_nan=False)
    names = list(everyday["scores"]["test"])
    assert names[0] == "macro_f1" and sorted(names) == sorted(OF_ANY_ROWS)
    assert set(everyday["baselines"]) == set(BASELINES)
    assert everyday["baselines"]["majority"]["log_loss"]["value"] is None


def test_scores_are_those_of_the_delivered_seed(everyday: dict[str, Any]) -> None:
    frame = frame_with(400, EVERYDAY)
    mine, _ = scored(frame, "adapted", 8, LABELS, "label")
    for name in OF_ANY_ROWS:
        found = interval(load(name), mine)
        entry = everyday["scores"]["test"][name]
        assert (entry["value"], entry["low"], entry["high"]) == pytest.approx((found.value, found.low, found.high))
    seeds = everyday["seeds"]
    assert seeds["seeds"] == [7, 8, 9] and seeds["delivered"] == 8
    assert seeds["values"][1] == everyday["scores"]["test"]["macro_f1"]["value"]
    assert seeds["mean"] == pytest.approx(np.mean(seeds["values"]))
    assert seeds["sd"] == pytest.approx(np.std(seeds["values"], ddof=1))


def test_tables_count_every_row_once(everyday: dict[str, Any]) -> None:
    counts = np.array(everyday["confusion"]["counts"])
    assert counts.sum() == 400 and everyday["confusion"]["labels"] == list(LABELS)
    assert counts.trace() / 400 == pytest.approx(everyday["scores"]["test"]["accuracy"]["value"])
    assert [line["rows"] for line in everyday["per_label"]] == counts.sum(1).tolist()
    f1 = np.mean([line["f1"] for line in everyday["per_label"]])
    assert f1 == pytest.approx(everyday["scores"]["test"]["macro_f1"]["value"])
    confused = everyday["confused"]
    assert sum(line["rows"] for line in confused) == counts.sum() - counts.trace()
    assert [line["rows"] for line in confused] == sorted((line["rows"] for line in confused), reverse=True)
    bins = everyday["reliability"]["bins"]
    assert sum(point["rows"] for point in bins) == 400 and len(bins) == 13
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in bins)
    ece = sum(point["rows"] * abs(point["confidence"] - point["accuracy"]) for point in bins) / 400
    assert ece == pytest.approx(everyday["reliability"]["ece"]) == everyday["scores"]["test"]["ece"]["value"]


def test_slices_have_scores_of_their_own_rows(everyday: dict[str, Any]) -> None:
    team = everyday["slices"]["team"]
    assert list(team) == ["north", "south"] and team["north"]["rows"] + team["south"]["rows"] == 400
    assert set(team["north"]) == {"rows", "macro_f1", "accuracy"}
    whole = sum(part["rows"] * part["accuracy"]["value"] for part in team.values()) / 400
    assert whole == pytest.approx(everyday["scores"]["test"]["accuracy"]["value"])


def test_intervals_are_by_unit_where_rows_have_units() -> None:
    frame = frame_with(200, {("adapted", 7): 0.9, ("linear_probe", 7): 0.8})
    hanging = frame.assign(unit=[f"u{number // 10}" for number in range(200)] * 2)
    rows, units = summed(frame, delivered_seed=7), summed(hanging, delivered_seed=7)
    assert rows["scores"]["test"]["macro_f1"]["value"] == units["scores"]["test"]["macro_f1"]["value"]
    assert rows["scores"]["test"]["macro_f1"]["low"] != units["scores"]["test"]["macro_f1"]["low"]
    assert units["scores"]["test"]["ece"]["note"] == "no interval of this score by unit"
    assert "20 units" in " ".join(units["verdict"]["details"]) and rows["seeds"] is None
    few = summed(frame.assign(unit=[f"u{number // 40}" for number in range(200)] * 2), delivered_seed=7)
    assert few["verdict"]["outcome"] == "cannot tell" and "fewer than 10 units" in few["verdict"]["sentence"]


def test_out_of_fold_scores_belong_to_the_procedure() -> None:
    frame = frame_with(60, {("adapted", 7): 0.9, ("linear_probe", 7): 0.8})
    found, held_out = (summed(frame, delivered_seed=7, primary="accuracy", folds=folds) for folds in (5, 0))
    notes = [entry["note"] for entry in found["scores"]["test"].values()]
    assert len(notes) == 10 and all("procedure" in note for note in notes)
    assert "procedure" in " ".join(found["verdict"]["details"])
    for name, places in (("scores", ("test",)), ("baselines", ("linear_probe",))):
        for place in places:
            wide, plain = (one[name][place]["accuracy"] for one in (found, held_out))
            assert wide["value"] == plain["value"] and wide["low"] < plain["low"] and wide["high"] > plain["high"]
    assert found["verdict"]["p_value"] > held_out["verdict"]["p_value"]
    assert "32 % wider" in " ".join(found["verdict"]["details"]) and "wider" not in str(held_out["verdict"])


def majority_by_fold(rows: int, folds: int, primary: str) -> dict[str, Any]:
    """A summary with a majority label whose scores are the label shares outside each fold, as in a run."""
    frame = frame_with(rows, {("adapted", 7): 0.9, ("majority", 7): 0.5})
    mine = frame["predictor"] == "majority"
    gold = frame.loc[mine, "gold"].map(LABELS.index).to_numpy()
    fold = np.arange(rows) % folds
    shares = np.array([np.bincount(gold[fold != one], minlength=4) / (fold != one).sum() for one in range(folds)])
    frame["fold"] = np.tile(fold, 2)
    frame.loc[mine, "scores"] = pd.Series(list(shares[fold].astype(np.float32)), index=frame.index[mine], dtype=object)
    frame.loc[mine, "prediction"] = [LABELS[one] for one in shares[fold].argmax(1)]
    return summed(frame, delivered_seed=7, folds=folds, primary=primary, metrics=[primary])


@pytest.mark.parametrize("primary", ["accuracy", "roc_auc"])
def test_one_answer_for_all_rows_ranks_by_chance_over_folds_too(primary: str) -> None:
    """Pooled over folds its AUC would be far below a half: the shares of a label are lowest where its rows are."""
    found = majority_by_fold(60, 5, primary)
    scores = found["baselines"]["majority"]
    assert scores["roc_auc"]["value"] == pytest.approx(0.5) and scores["matthews"]["value"] == pytest.approx(0)
    for name in ("roc_auc", "matthews"):
        assert scores[name]["low"] is None and "chance by definition" in scores[name]["note"]
        assert "out of fold" in scores[name]["note"]
    assert scores["accuracy"]["low"] is not None and "chance" not in scores["accuracy"]["note"]
    assert (found["verdict"]["reference"] == "majority") == (primary == "accuracy")


def test_a_gold_label_unknown_to_training_has_a_line_of_its_own() -> None:
    frame = frame_with(40, {("adapted", 7): 0.9, ("linear_probe", 7): 0.8})
    frame["gold"] = [
        "odd" if row == "00003" else gold for row, gold in zip(frame["row_id"], frame["gold"], strict=True)
    ]
    found = summed(frame, delivered_seed=7)
    assert found["confusion"]["labels"][-1] == UNKNOWN and np.array(found["confusion"]["counts"])[-1].sum() == 1
    line = found["per_label"][-1]
    assert (line["label"], line["rows"], line["precision"], line["recall"]) == (UNKNOWN, 1, None, 0)
    assert "odd" not in json.dumps(found)


def test_several_labels_a_row_have_no_confusions() -> None:
    rng = np.random.default_rng(0)
    gold = [tuple(LABELS[k] for k in np.flatnonzero(rng.random(4) < 0.5)) for _ in range(60)]
    guess = [one if rng.random() < 0.8 else LABELS[:1] for one in gold]
    common: dict[str, Any] = {"row_id": [str(i) for i in range(60)], "input_hash": ["h"] * 60, "split": "test"}
    frames = [
        frame_of(
            **common,
            gold=gold,
            prediction=one,
            scores=rng.random((60, 4)),
            labels=LABELS,
            predictor=name,
            seed=0,
            kind="labels",
        )  # fmt: skip
        for name, one in (("adapted", guess), ("linear_probe", [LABELS[:1]] * 60))
    ]
    found = summed(pd.concat(frames), kind="labels", delivered_seed=0)
    assert found["confusion"] is None and found["confused"] == [] and found["reliability"] is None
    assert found["scores"]["test"]["ece"]["value"] is None and found["scores"]["test"]["accuracy"]["value"] > 0.7
    assert found["verdict"]["outcome"] == "better"


def test_no_rows_and_one_row_are_no_crash() -> None:
    frame = frame_with(1, {("adapted", 7): 0.9, ("linear_probe", 7): 0.8})
    one = summed(frame, delivered_seed=7)
    assert one["verdict"]["outcome"] == "equivalent" and one["scores"]["test"]["accuracy"]["low"] is not None
    assert "how it is on others cannot be said (too few rows" in " ".join(one["verdict"]["details"])
    none = summed(frame.assign(split="validation"), delivered_seed=7)
    assert "no test rows" in none["verdict"]["sentence"] and none["scores"]["test"]["accuracy"]["value"] is None
    json.dumps([one, none], allow_nan=False)


def test_plain_numbers_only() -> None:
    assert tables.plain(math.nan) is None and tables.plain(math.inf) is None and tables.plain(0.5) == 0.5


def test_statistics_load_no_torch() -> None:
    code = (
        "import sys, pkgutil, importlib, ftkit.statistics as package\n"
        "names = [one.name for one in pkgutil.iter_modules(package.__path__)]\n"
        "[importlib.import_module(f'ftkit.statistics.{name}') for name in names]\n"
        "import numpy as np; from ftkit.metrics import Scored, load\n"
        "from ftkit.statistics.verdict import judge\n"
        "a = Scored(('a', 'b'), np.arange(40) % 2, np.arange(40) % 2); b = Scored(a.labels, a.gold, 1 - a.gold)\n"
        "assert judge(load('macro_f1'), a, {'linear_probe': b})['outcome'] == 'better'\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'statsmodels', 'scipy.stats', 'evaluate'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(len(names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 11
